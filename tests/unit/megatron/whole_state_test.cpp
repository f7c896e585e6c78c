// SPDX-License-Identifier: Apache-2.0
// A GPTModel and what it carries, seen as the model of the whole that Megatron-Bridge has.
#include "mhub/megatron/whole_state.hpp"

#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(whole_state_of_a_model)

using namespace mhub;

namespace {

/// A decoder of two unlike layers, and a tower of two with a tap each, a module of transformers' and a rest.
Mapping decoder() {
  Mapping map;
  map.index("i", 2).rule("embedding.word_embeddings.weight", vocabulary("embed", {8, 2}));
  map.rule("decoder.layers.{i}.mlp.linear_fc2.weight", row("text.{i}.down", {2, 4})).only("i", 0, 1);
  map.rule("decoder.layers.{i}.mlp.router.weight", replicated("text.{i}.gate", {2, 2})).only("i", 1, 2);
  for (const std::string layer : {"0", "1"}) {
    map.carried("eye." + layer + ".up", {4, 2});
    map.carried("tap." + layer + ".up", {4, 2});
  }
  map.carried("blocks.0.up_proj.weight", {3, 2});
  map.carried("head", {5});
  return map;
}

WholeModel whole() {
  WholeModel model;
  model.parts.index("v", 2).index("d", 2);
  model.parts.rule("vision_model.decoder.layers.{v}.mlp.linear_fc1.weight", column("eye.{v}.up", {4, 2}));
  model.parts.rule("vision_model.decoder.deepstack_merger_list.{d}.linear_fc1.weight",
                   column("tap.{d}.up", {4, 2}));
  model.parts.keep_rest("blocks.", "visual.blocks.");
  return model;
}

const CanonicalTensor& named(const WholeState& state, const std::string& name) {
  for (const CanonicalTensor& tensor : state.tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::logic_error("no " + name);
}

LayoutRequest request() {
  ParallelSizes sizes;
  sizes.tensor = 2;
  LayoutRequest one(sizes, PipelineSplit(2, sizes));
  one.padded_vocab_size = 8;
  one.keys.stack_layers = false;
  return one;
}

std::set<std::string> stored_names(const Layout& layout) {
  std::set<std::string> names;
  for (const SinkTensor& tensor : layout.tensors) names.insert(tensor.name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_decoder_is_a_module_and_its_parts_stand_beside_it) {
  const std::vector<CanonicalTensor> gpt = expand(decoder()).canonical;
  const WholeState state = whole_state(whole(), gpt, "here");
  BOOST_TEST(state.tensors.size() == gpt.size());
  BOOST_TEST(named(state, "language_model.decoder.layers.1.mlp.router.weight").identity.of_decoder());
  BOOST_TEST(named(state, "language_model.embedding.word_embeddings.weight").partition.vocabulary);
  BOOST_TEST(named(state, "visual.blocks.0.up_proj.weight").identity.foreign());
  BOOST_TEST(named(state, "vision_model.decoder.layers.1.mlp.linear_fc1.weight").partition.axis == 0);
  BOOST_TEST(named(state, "hf.head").identity.carried());
  check_source_coverage(state.map, "here");
  check_destination_coverage(state.map, "here");
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_missing_or_has_another_shape_is_refused) {
  std::vector<CanonicalTensor> gpt = expand(decoder()).canonical;
  const auto refused = [&](const std::string& with) {
    BOOST_CHECK_EXCEPTION(whole_state(whole(), gpt, "here"), InputError, [&](const InputError& error) {
      const std::string text = error.what();
      return text.starts_with("here: tensor tap.1.up ") && text.find(with) != text.npos;
    });
  };
  const auto tap = std::find_if(gpt.begin(), gpt.end(),
                                [](const CanonicalTensor& one) { return one.name == "hf.tap.1.up"; });
  tap->shape = {2, 4};
  refused("has shape [2, 4], expected [4, 2]");
  gpt.erase(tap);
  refused("missing");
}

BOOST_AUTO_TEST_CASE(names_give_away_which_of_its_tensors_a_checkpoint_has) {
  const std::vector<StateTensor> stored{{"language_model.embedding.word_embeddings.weight", {8, 2}},
                                        {"visual.blocks.3.up_proj.weight", {3, 2}}};
  BOOST_TEST(named_as_whole(stored));
  BOOST_TEST(!named_as_whole({{"embedding.word_embeddings.weight", {8, 2}}}));
  std::set<std::string> names;
  for (const StateTensor& tensor : tensors_of_parts(whole(), stored, "here")) names.insert(tensor.name);
  const std::set<std::string> wanted{"eye.0.up", "eye.1.up", "tap.0.up", "tap.1.up",
                                     "blocks.3.up_proj.weight"};
  BOOST_TEST(names == wanted, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(encoders_are_stacked_although_the_decoder_is_not) {
  const WholeState state = whole_state(whole(), expand(decoder()).canonical, "here");
  const auto names = stored_names(torch_dist_layout(state.tensors, request()));
  BOOST_TEST(names.contains("vision_model.decoder.layers.mlp.linear_fc1.weight"));
  BOOST_TEST(names.contains("vision_model.decoder.deepstack_merger_list.linear_fc1.weight"));
  BOOST_TEST(names.contains("language_model.decoder.layers.1.mlp.router.weight"));
  Naming found;
  for (const std::string& name : names) note_torch_dist_key(name, found);
  BOOST_TEST(!found.keys.stack_layers);
  BOOST_TEST(found.keys.stack_encoders);
}

BOOST_AUTO_TEST_CASE(ranks_of_the_first_stage_have_the_encoders) {
  const WholeState state = whole_state(whole(), expand(decoder()).canonical, "here");
  const auto names = stored_names(torch_layout(state.tensors, request()));
  BOOST_TEST(names.contains("mp_rank_01/vision_model.decoder.deepstack_merger_list.1.linear_fc1.weight"));
  BOOST_TEST(names.contains("mp_rank_01/visual.blocks.0.up_proj.weight"));
}

BOOST_AUTO_TEST_CASE(modules_of_transformers_have_no_objects) {
  const WholeState state = whole_state(whole(), expand(decoder()).canonical, "here");
  for (const std::string& key : extra_state_keys(state.tensors, request()))
    BOOST_TEST(key.find("visual.") == key.npos);
  const std::vector<std::string> names =
      extra_state_names({"visual.blocks.0.up_proj.weight", "multi_modal_projector.proj.weight",
                         "vision_model.patch_embed.proj.weight"},
                        request());
  BOOST_TEST(names == std::vector<std::string>{"multi_modal_projector.proj._extra_state"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
