// SPDX-License-Identifier: Apache-2.0
// Mappings of models that consist of modules, and tensors that are only carried.
#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(module_tests)

using namespace mhub;

namespace {

/// An encoder of two layers, whose model uses one.
Mapping encoder() {
  Mapping map;
  map.index("i", 2);
  map.rule("decoder.layers.{i}.mlp.linear_fc1.weight", gated("e.{i}.{gate,up}", 2, {3}));
  map.carried("norm", {3});
  map.ignore("*.positions", "a buffer").also_spelled("e.", "encoder.");
  map.carry_from("i", 1);
  return map;
}

std::map<std::string, std::string> first_sources(const ExpandedMapping& mapping) {
  std::map<std::string, std::string> names;
  for (std::size_t k = 0; k < mapping.canonical.size(); ++k)
    names[mapping.canonical[k].name] = mapping.import.source[mapping.import.terms[k][0].source].name;
  return names;
}

std::set<std::string> stored_names(const Layout& layout) {
  std::set<std::string> names;
  for (const SinkTensor& tensor : layout.tensors) names.insert(tensor.name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_module_keeps_its_rules_under_other_names) {
  Mapping whole;
  whole.index("i", 3).rule("language_model.decoder.layers.{i}.mlp.linear_fc2.weight",
                           row("text.{i}.down", {3, 4}));
  whole.include(encoder(), {"vision_model.", "vision.", "v"});
  const auto names = first_sources(expand(whole));
  BOOST_TEST(names.size() == 3u + 1u + 2u + 1u);
  BOOST_TEST(names.at("vision_model.decoder.layers.0.mlp.linear_fc1.weight") == "vision.e.0.gate");
  BOOST_TEST(names.at("hf.vision.e.1.up") == "vision.e.1.up");
  BOOST_TEST(names.at("hf.vision.norm") == "vision.norm");
  BOOST_TEST(whole.ignored().at(0).glob == "*.positions");
  const std::vector<std::string> spelled{"vision.e.0.up", "vision.encoder.0.up"};
  BOOST_TEST(whole.names_of("vision.e.0.up") == spelled, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(modules_that_share_an_index_variable_must_agree) {
  Mapping whole;
  whole.index("i", 3);
  BOOST_CHECK_THROW(whole.include(encoder(), {"vision_model.", "vision."}), std::logic_error);
}

BOOST_AUTO_TEST_CASE(everything_of_a_module_can_be_carried) {
  Mapping whole;
  whole.include(encoder().carry_all(), {"", "", "t"});
  for (const auto& [canonical, hf] : first_sources(expand(whole))) BOOST_TEST(canonical == "hf." + hf);
}

BOOST_AUTO_TEST_CASE(names_can_be_declared_anew) {
  Mapping map = encoder();
  map.tied("e.head", "e.table").renamed("e.", "model.e.").renamed("norm", "model.norm");
  const auto names = first_sources(expand(map));
  BOOST_TEST(names.at("decoder.layers.0.mlp.linear_fc1.weight") == "model.e.0.gate");
  BOOST_TEST(names.at("hf.model.e.1.up") == "model.e.1.up");
  BOOST_TEST(names.at("hf.model.norm") == "model.norm");
  BOOST_TEST(map.ties().at(0).hf == "model.e.head");
  BOOST_TEST(map.ties().at(0).same_as == "model.e.table");
  BOOST_TEST(map.names_of("model.e.0.up").at(1) == "encoder.0.up");
}

BOOST_AUTO_TEST_CASE(what_nothing_describes_is_carried_as_it_is_stored) {
  Mapping map = encoder();
  map.carry_rest("tower.").also_spelled("tower.", "model.tower.");
  Mapping whole;
  whole.include(map, {"vision_model.", "vision."});
  const std::vector<StateTensor> stored{{"vision.e.0.gate", {2, 3}},
                                        {"vision.model.tower.x", {2, 5}},
                                        {"vision.tower.y", {}},
                                        {"towers.z", {1}}};
  const ExpandedMapping expanded = expand(with_rest(whole, stored, "here"));
  const auto names = first_sources(expanded);
  BOOST_TEST(names.size() == first_sources(expand(whole)).size() + 2);
  BOOST_TEST(names.at("hf.vision.tower.x") == "vision.tower.x");
  BOOST_TEST(names.at("hf.vision.tower.y") == "vision.tower.y");
  for (const StateTensor& tensor : carried_tensors(expanded.canonical)) {
    if (tensor.name == "vision.tower.x") BOOST_TEST(tensor.shape == Shape({2, 5}));
  }
}

BOOST_AUTO_TEST_CASE(a_part_of_which_nothing_is_stored_is_missing) {
  Mapping map = encoder();
  map.carry_rest("tower.");
  BOOST_CHECK_EXCEPTION(with_rest(map, {{"e.0.gate", {2, 3}}}, "here"), InputError,
                        [](const InputError& error) {
                          return std::string(error.what()).starts_with("here: no tensor tower.*");
                        });
}

BOOST_AUTO_TEST_CASE(encoders_live_on_the_first_stage_and_carried_tensors_beside_the_model) {
  Mapping whole;
  whole.index("i", 2).rule("language_model.decoder.layers.{i}.mlp.linear_fc2.weight",
                           row("text.{i}.down", {3, 4}));
  whole.include(encoder(), {"vision_model.", "vision.", "v"});
  const ExpandedMapping mapping = expand(whole);
  ParallelSizes sizes;
  sizes.pipeline = sizes.tensor = 2;
  const LayoutRequest request(sizes, PipelineSplit(2, sizes));
  const auto ranks = stored_names(torch_layout(mapping.canonical, request));
  BOOST_TEST(ranks.contains("mp_rank_01_000/vision_model.decoder.layers.0.mlp.linear_fc1.weight"));
  BOOST_TEST(ranks.contains("mp_rank_01_001/language_model.decoder.layers.0.mlp.linear_fc2.weight"));
  BOOST_TEST(ranks.contains("mp_rank_00_000/hf/vision.e.1.gate"));
  BOOST_TEST(!ranks.contains("mp_rank_01_000/hf/vision.e.1.gate"));
  for (const SinkTensor& tensor : torch_dist_layout(mapping.canonical, request).tensors) {
    if (tensor.name == "vision_model.decoder.layers.mlp.linear_fc1.weight")
      BOOST_TEST(tensor.shape == Shape({1, 4, 3}));
    if (tensor.name == "language_model.decoder.layers.mlp.linear_fc2.weight")
      BOOST_TEST(tensor.shape == Shape({2, 3, 4}));
  }
  for (const std::string& key : extra_state_keys(mapping.canonical, request))
    BOOST_TEST(!key.starts_with("hf."));
}

BOOST_AUTO_TEST_SUITE_END()
