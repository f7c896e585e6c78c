// SPDX-License-Identifier: Apache-2.0
// One identity, the names that Megatron's formats have for it, and what those names give away.
#include "mhub/megatron/stored_names.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/error.hpp"
#include "mhub/megatron/hybrid.hpp"
#include "mhub/megatron/layout.hpp"

BOOST_AUTO_TEST_SUITE(stored_names)

using namespace mhub;
using namespace mhub::tests;

namespace {

Naming naming(TransformerImpl impl, ExpertNames experts) {
  Naming one;
  one.impl = impl;
  one.experts = experts;
  return one;
}

const Naming kTe = naming(TransformerImpl::transformer_engine, ExpertNames::grouped);
const Naming kLocal = naming(TransformerImpl::local, ExpertNames::sequential);

/// Two layers, the second with two experts, and an MTP block with one of them.
std::vector<CanonicalTensor> small_model() {
  Mapping map;
  map.index("i", 2).index("e", 2).index("t", 1);
  map.rule("embedding.word_embeddings.weight", vocabulary("embed", {8, 2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.layer_norm_weight", replicated("{i}.norm", {2}));
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.weight", qkv("{i}.{q,k,v}", {2, 1, 1}, {2}));
  map.rule("decoder.layers.{i}.mlp.linear_fc1.weight", gated("{i}.{gate,up}", 2, {2})).only("i", 0, 1);
  map.rule("decoder.layers.{i}.pre_mlp_layernorm.weight", replicated("{i}.n2", {2})).only("i", 1, 2);
  map.rule("decoder.layers.{i}.mlp.router.weight", replicated("{i}.router", {2, 2})).only("i", 1, 2);
  const std::string expert = ".mlp.experts.local_experts.{e}.linear_fc1.weight";
  map.rule("decoder.layers.{i}" + expert, gated("{i}.{e}.{gate,up}", 2, {2})).only("i", 1, 2);
  map.rule("mtp.layers.{t}.transformer_layer" + expert, gated("mtp.{e}.{gate,up}", 2, {2})).only("e", 0, 1);
  map.rule("decoder.final_layernorm.weight", replicated("final", {2}));
  map.rule("hf.extra", replicated("extra", {2}));
  return expand(map).canonical;
}

LayoutRequest request(std::int64_t layers) {
  LayoutRequest one({}, PipelineSplit(layers, ParallelSizes{}));
  one.padded_vocab_size = 8;
  one.keys.stack_layers = false;
  return one;
}

std::vector<std::string> names_of(const Layout& layout) {
  std::vector<std::string> names;
  for (const SinkTensor& tensor : layout.tensors) names.push_back(tensor.name);
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(state_dicts_of_ranks) {
  const std::vector<std::array<std::string, 3>> cases{
      // canonical, TransformerEngine with grouped experts, local with sequential ones
      {"decoder.layers.3.self_attention.linear_qkv.layer_norm_bias",
       "decoder.layers.3.self_attention.linear_qkv.layer_norm_bias", "decoder.layers.3.input_layernorm.bias"},
      {"decoder.layers.3.mlp.linear_fc1.layer_norm_weight",
       "decoder.layers.3.mlp.linear_fc1.layer_norm_weight", "decoder.layers.3.pre_mlp_layernorm.weight"},
      {"decoder.layers.0.self_attention.linear_q_up_proj.layer_norm_weight",
       "decoder.layers.0.self_attention.linear_q_up_proj.layer_norm_weight",
       "decoder.layers.0.self_attention.q_layernorm.weight"},
      {"decoder.layers.0.self_attention.linear_kv_up_proj.layer_norm_weight",
       "decoder.layers.0.self_attention.linear_kv_up_proj.layer_norm_weight",
       "decoder.layers.0.self_attention.kv_layernorm.weight"},
      {"decoder.layers.1.mlp.experts.local_experts.5.linear_fc2.weight",
       "decoder.layers.1.mlp.experts.linear_fc2.weight5",
       "decoder.layers.1.mlp.experts.local_experts.5.linear_fc2.weight"},
      {"mtp.layers.0.transformer_layer.mlp.experts.local_experts.5.linear_fc2.weight",
       "mtp.layers.0.mtp_model_layer.mlp.experts.linear_fc2.weight5",
       "mtp.layers.0.mtp_model_layer.mlp.experts.local_experts.5.linear_fc2.weight"},
      {"mtp.layers.0.transformer_layer.self_attention.linear_qkv.layer_norm_weight",
       "mtp.layers.0.mtp_model_layer.self_attention.linear_qkv.layer_norm_weight",
       "mtp.layers.0.mtp_model_layer.input_layernorm.weight"},
      {"mtp.layers.0.enorm.weight", "mtp.layers.0.enorm.weight", "mtp.layers.0.enorm.weight"},
      {"vision_model.decoder.layers.0.mlp.linear_fc1.layer_norm_weight",
       "vision_model.decoder.layers.0.mlp.linear_fc1.layer_norm_weight",
       "vision_model.decoder.layers.0.pre_mlp_layernorm.weight"},
  };
  for (const auto& [canonical, te, local] : cases) {
    BOOST_TEST(rank_name(identity_of(canonical), kTe) == te);
    BOOST_TEST(rank_name(identity_of(canonical), kLocal) == local);
  }
}

BOOST_AUTO_TEST_CASE(names_of_ranks_give_their_spelling_away) {
  Naming found;
  note_rank_name(identity_of("decoder.layers.1.mlp.experts.linear_fc2.weight5"), found);
  note_rank_name(identity_of("mtp.layers.0.mtp_model_layer.mlp.router.weight"), found);
  BOOST_TEST((found.experts == ExpertNames::grouped));
  BOOST_TEST(found.mtp_block_name == "mtp_model_layer");
  note_rank_name(identity_of("mtp.layers.0.transformer_layer.mlp.experts.local_experts.0.linear_fc2.weight"),
                 found);
  BOOST_TEST((found.experts == ExpertNames::sequential));
  BOOST_TEST(found.mtp_block_name == "transformer_layer");
}

/// Megatron-Bridge's modeling_gemma4.py, Gemma4DenseSelfAttention.sharded_state_dict.
BOOST_AUTO_TEST_CASE(two_kinds_of_attention_have_keys_of_their_own) {
  Mapping map;
  map.index("i", 5);
  map.rule("decoder.layers.{i}.self_attention.linear_qkv.layer_norm_weight", replicated("{i}.norm", {2}));
  map.rule("decoder.layers.{i}.self_attention.linear_proj.weight", row("{i}.proj", {2, 2}));
  map.rule("decoder.layers.{i}.mlp.linear_fc2.post_layernorm.weight", replicated("{i}.post", {2}));
  const std::vector<CanonicalTensor> model = expand(map).canonical;
  const ModelCounts counts(model);
  Naming kinds;
  kinds.windowed = {1, 0, 1, 1, 0};
  const auto place = [&](const std::string& name) {
    return torch_dist_place(identity_of(name), kinds, counts);
  };
  const std::string proj = ".self_attention.linear_proj.weight";
  TorchDistPlace at = place("decoder.layers.3" + proj);
  BOOST_TEST(at.key == "decoder.layers.self_attention_sliding.linear_proj.weight");
  BOOST_TEST(at.index == (std::vector<std::int64_t>{2}), boost::test_tools::per_element());
  BOOST_TEST(at.count == (std::vector<std::int64_t>{3}), boost::test_tools::per_element());
  at = place("decoder.layers.4" + proj);
  BOOST_TEST(at.key == "decoder.layers.self_attention_global.linear_proj.weight");
  BOOST_TEST(at.index == (std::vector<std::int64_t>{1}), boost::test_tools::per_element());
  BOOST_TEST(at.count == (std::vector<std::int64_t>{2}), boost::test_tools::per_element());
  BOOST_TEST(place("decoder.layers.4.mlp.linear_fc2.post_layernorm.weight").count.front() == 5);
  BOOST_TEST(layers_are_alike(model, kinds));
  kinds.impl = TransformerImpl::local;
  kinds.local_norm_keys = kinds.local_post_norms = true;
  at = place("decoder.layers.4.self_attention.linear_qkv.layer_norm_weight");
  BOOST_TEST(at.key == "decoder.layers.input_layernorm.weight");
  BOOST_TEST(at.count.front() == 5);
  BOOST_TEST(place("decoder.layers.4.mlp.linear_fc2.post_layernorm.weight").key ==
             "decoder.layers.post_mlp_layernorm.weight");
  kinds.keys.stack_layers = false;
  BOOST_TEST(place("decoder.layers.3" + proj).key ==
             "decoder.layers.3.self_attention_sliding.linear_proj.weight");
}

BOOST_AUTO_TEST_CASE(torch_dist_keys_of_each_version) {
  const std::vector<CanonicalTensor> model = small_model();
  const ModelCounts counts(model);
  const std::string expert = "decoder.layers.1.mlp.experts.local_experts.1.linear_fc1.weight";
  const auto place = [&](const std::string& name, const Naming& spelled) {
    return torch_dist_place(identity_of(name), spelled, counts);
  };
  Naming stacked;
  TorchDistPlace at = place(expert, stacked);
  BOOST_TEST(at.key == "decoder.layers.mlp.experts.experts.linear_fc1.weight");
  BOOST_TEST(at.index == (std::vector<std::int64_t>{1, 1}), boost::test_tools::per_element());
  BOOST_TEST(at.count == (std::vector<std::int64_t>{2, 2}), boost::test_tools::per_element());
  Naming single = stacked;
  single.keys.stack_layers = false;
  at = place(expert, single);
  BOOST_TEST(at.key == "decoder.layers.1.mlp.experts.experts.linear_fc1.weight");
  BOOST_TEST(at.index == (std::vector<std::int64_t>{1}), boost::test_tools::per_element());
  single.keys.singleton = true;
  at = place(expert, single);
  BOOST_TEST(at.key == "decoder.layers.1.mlp.experts.experts.1.linear_fc1.weight");
  BOOST_TEST(at.index.empty());
  // The local spec's norms of layers of experts have the keys of dense layers, unless it keeps its own.
  Naming local = stacked;
  local.impl = TransformerImpl::local;
  const std::string norm = "decoder.layers.1.pre_mlp_layernorm.weight";
  BOOST_TEST(place(norm, stacked).key == "decoder.layers.pre_mlp_layernorm.weight");
  BOOST_TEST(place(norm, local).key == "decoder.layers.mlp.linear_fc1.layer_norm_weight");
  local.local_norm_keys = true;
  BOOST_TEST(place(norm, local).key == "decoder.layers.pre_mlp_layernorm.weight");
  BOOST_TEST(place("decoder.layers.0.self_attention.linear_qkv.layer_norm_weight", local).key ==
             "decoder.layers.input_layernorm.weight");
  BOOST_TEST(place("decoder.layers.0.mixer.conv1d_bias", stacked).key == "decoder.layers.mixer.conv1d.bias");
  BOOST_TEST(place("hf.extra", stacked).key == "hf.extra");
}

BOOST_AUTO_TEST_CASE(keys_give_their_version_away) {
  const auto keys = [](const std::vector<std::string>& names) {
    Naming found;
    for (const std::string& name : names) note_torch_dist_key(name, found);
    return found.keys;
  };
  const std::string experts = "decoder.layers.1.mlp.experts.experts.";
  BOOST_TEST(keys({"decoder.layers.mlp.experts.experts.linear_fc1.weight"}).stack_layers);
  BOOST_TEST(!keys({experts + "linear_fc1.weight"}).stack_layers);
  BOOST_TEST(!keys({experts + "linear_fc1.weight"}).singleton);
  BOOST_TEST(keys({experts + "12.linear_fc2.weight"}).singleton);
  BOOST_TEST(keys({"decoder.layers.0.mlp.linear_fc1.weight_w"}).singleton);
  BOOST_TEST(segment_suffix(Role::up, {false, true}) == "_v");
  BOOST_TEST(segment_suffix(Role::up, {false, false}).empty());
  BOOST_TEST(segment_suffix(Role::B, {true, false}) == ".B");
}

BOOST_AUTO_TEST_CASE(only_gate_and_up_are_apart_in_singletons) {
  // Two segments of some other tensor are not gate and up.
  Mapping map;
  map.index("i", 1);
  map.rule("decoder.layers.{i}.mlp.linear_fc1.weight", gated("{gate,up}", 2, {2}));
  map.rule("decoder.layers.{i}.other.weight", concatenated("{a,b}", {2, 2}, {2}));
  LayoutRequest one = request(1);
  one.keys.singleton = true;
  BOOST_TEST(names_of(torch_dist_layout(expand(map).canonical, one)) ==
                 (std::vector<std::string>{"decoder.layers.0.mlp.linear_fc1.weight_w",
                                           "decoder.layers.0.mlp.linear_fc1.weight_v",
                                           "decoder.layers.0.other.weight"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hybrid_model_is_another_spelling_of_the_same_state) {
  std::vector<CanonicalTensor> model = small_model();
  BOOST_CHECK_EXCEPTION(hybrid_tensors(model), InputError, message_has("use model type gpt"));
  std::erase_if(model, [](const CanonicalTensor& one) { return one.identity.block == Block::mtp_layer; });
  BOOST_TEST(hybrid_pattern(model) == "*-*E");
  const Layout layout = torch_dist_layout(hybrid_tensors(model), request(4));
  BOOST_REQUIRE_EQUAL(layout.map.source.size(), model.size());
  for (std::size_t k = 0; k < model.size(); ++k) BOOST_TEST(layout.map.source[k].name == model[k].name);
  BOOST_TEST(names_of(layout) == (std::vector<std::string>{
                                     "embedding.word_embeddings.weight",
                                     "decoder.layers.0.self_attention.linear_qkv.layer_norm_weight",
                                     "decoder.layers.2.self_attention.linear_qkv.layer_norm_weight",
                                     "decoder.layers.0.self_attention.linear_qkv.weight",
                                     "decoder.layers.2.self_attention.linear_qkv.weight",
                                     "decoder.layers.1.mlp.linear_fc1.weight",
                                     "decoder.layers.3.pre_mlp_layernorm.weight",
                                     "decoder.layers.3.mlp.router.weight",
                                     "decoder.layers.3.mlp.experts.experts.linear_fc1.weight",
                                     "decoder.final_norm.weight",
                                     "hf.extra",
                                 }),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(ranks_say_their_state_dicts) {
  LayoutRequest one({1, 1, 2, 1, 1}, PipelineSplit(2, {1, 1, 2, 1, 1}));
  one.padded_vocab_size = 8;
  for (const SinkTensor& tensor : torch_layout(small_model(), one).tensors) {
    BOOST_REQUIRE(tensor.dict != nullptr);
    BOOST_TEST(tensor.dict->folder == "mp_rank_00");
    BOOST_TEST(tensor.name == tensor.dict->prefix() + std::string(tensor.parameter()));
    const bool extra = tensor.parameter() == "extra";
    BOOST_TEST(tensor.dict->carried() == extra);
    BOOST_TEST(tensor.dict->key == (extra ? "hf" : "model" + std::to_string(tensor.dict->chunk)));
  }
}

BOOST_AUTO_TEST_SUITE_END()
