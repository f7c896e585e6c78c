// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/moe_rules.hpp"

#include <map>
#include <set>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/base/error.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/mixer_rules.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(moe_rules_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

TransformerConfig small() {
  TransformerConfig c = small_config();
  c.moe.emplace();
  c.moe->num_experts = 2;
  c.moe->ffn_hidden_size = 3;
  return c;
}

std::set<std::string> names_of(const ExpandedMapping& mapping) {
  std::set<std::string> names;
  for (const CanonicalTensor& tensor : mapping.canonical) names.insert(tensor.name);
  return names;
}

void check_bijection(const Mapping& map) {
  const ExpandedMapping mapping = expand(map);
  const Values source = numbered_values(mapping.import.source);
  BOOST_TEST((applied(inverted(mapping.import), applied(mapping.import, source)) == source));
}

}  // namespace

BOOST_AUTO_TEST_CASE(dense_layers_first) {
  TransformerConfig c = small();
  c.moe->layer_freq = {0, 1, 1};
  c.moe->shared_expert_intermediate_size = 3;
  c.moe->router_enable_expert_bias = true;
  const Mapping map = moe_decoder_mapping(c, {}, {});
  check_bijection(map);
  const std::set<std::string> names = names_of(expand(map));
  BOOST_TEST(names.contains("decoder.layers.0.mlp.linear_fc1.layer_norm_weight"));
  BOOST_TEST(!names.contains("decoder.layers.0.mlp.router.weight"));
  BOOST_TEST(names.contains("decoder.layers.1.pre_mlp_layernorm.weight"));
  BOOST_TEST(names.contains("decoder.layers.2.mlp.experts.local_experts.1.linear_fc2.weight"));
  BOOST_TEST(names.contains("decoder.layers.1.mlp.router.expert_bias"));
  BOOST_TEST(names.contains("decoder.layers.1.mlp.shared_experts.linear_fc1.weight"));
}

BOOST_AUTO_TEST_CASE(stacked_and_interleaved_experts) {
  TransformerConfig c = small();
  c.add_bias_linear = true;
  MoeNames moe;
  moe.router_bias = "mlp.gate.bias";
  moe.storage = ExpertStorage::stacked_transposed;
  moe.interleaved = true;
  moe.fc1 = "mlp.experts.gate_up_proj";
  moe.fc1_bias = "mlp.experts.gate_up_proj_bias";
  moe.fc2 = "mlp.experts.down_proj";
  moe.fc2_bias = "mlp.experts.down_proj_bias";
  const Mapping map = moe_decoder_mapping(c, {}, moe);
  check_bijection(map);
  for (const StateTensor& tensor : expand(map).import.source) {
    if (tensor.name == "model.layers.1.mlp.experts.gate_up_proj")
      BOOST_TEST(tensor.shape == Shape({2, 4, 6}));
    if (tensor.name == "model.layers.1.mlp.experts.down_proj") BOOST_TEST(tensor.shape == Shape({2, 3, 4}));
  }
}

BOOST_AUTO_TEST_CASE(experts_in_a_space_of_their_own) {
  TransformerConfig c = small();
  c.moe->latent_size = 2;
  c.moe->shared_expert_intermediate_size = 3;
  const Mapping map = moe_decoder_mapping(c, {}, {});
  check_bijection(map);
  std::map<std::string, Shape> shapes;
  for (const CanonicalTensor& tensor : expand(map).canonical) {
    shapes[tensor.name] = tensor.shape;
    if (tensor.name.find("latent") != std::string::npos) BOOST_TEST(tensor.partition.replicated());
  }
  const std::string mlp = "decoder.layers.1.mlp.";
  BOOST_TEST(shapes.at(mlp + "fc1_latent_proj.weight") == Shape({2, 4}));
  BOOST_TEST(shapes.at(mlp + "fc2_latent_proj.weight") == Shape({4, 2}));
  BOOST_TEST(shapes.at(mlp + "experts.local_experts.1.linear_fc1.weight") == Shape({6, 2}));
  BOOST_TEST(shapes.at(mlp + "experts.local_experts.1.linear_fc2.weight") == Shape({2, 3}));
  BOOST_TEST(shapes.at(mlp + "shared_experts.linear_fc1.weight") == Shape({6, 4}));
  BOOST_TEST(shapes.at(mlp + "router.weight") == Shape({2, 4}));
}

BOOST_AUTO_TEST_CASE(prediction_blocks_are_built_like_the_last_layer) {
  TransformerConfig c = small();
  c.moe->layer_freq = {0, 0, 1};
  c.mla.emplace();
  c.mla->kv_lora_rank = 3;
  c.mla->qk_head_dim = c.mla->qk_pos_emb_head_dim = c.mla->v_head_dim = 2;
  c.mtp_num_layers = 2;
  Mapping map;
  add_ends(map, c, {});
  add_latent_attention(map, c, {});
  add_mlps(map, c, {}, {});
  add_mtp(map, c, {});
  check_bijection(map);
  const ExpandedMapping mapping = expand(map);
  const std::set<std::string> names = names_of(mapping);
  BOOST_TEST(names.contains("decoder.layers.0.self_attention.linear_q_proj.weight"));
  BOOST_TEST(names.contains("mtp.layers.1.transformer_layer.mlp.experts.local_experts.0.linear_fc1.weight"));
  BOOST_TEST(!names.contains("mtp.layers.0.transformer_layer.mlp.linear_fc1.weight"));
  BOOST_TEST(names.contains("mtp.layers.0.eh_proj.weight"));
  std::set<std::string> sources;
  for (const StateTensor& tensor : mapping.import.source) sources.insert(tensor.name);
  BOOST_TEST(sources.contains("model.layers.4.self_attn.kv_b_proj.weight"));
  BOOST_TEST(sources.contains("model.layers.3.shared_head.norm.weight"));
  BOOST_TEST(map.ties().size() == 4u);
}

BOOST_AUTO_TEST_CASE(prediction_blocks_may_be_dense_behind_layers_of_experts) {
  TransformerConfig c = small();
  c.moe->layer_freq.clear();  // no dense layer to repeat
  c.mtp_num_layers = 1;
  c.mtp_dense = true;
  Mapping map = moe_decoder_mapping(c, {}, {});
  add_mtp(map, c, {}, separate_mtp_names());
  check_bijection(map);
  const ExpandedMapping mapping = expand(map);
  const std::string block = "mtp.layers.0.transformer_layer.";
  std::set<std::string> parts;
  for (const std::string& name : names_of(mapping)) {
    if (name.starts_with(block)) parts.insert(name.substr(block.size()));
  }
  const std::set<std::string> wanted{"self_attention.linear_qkv.layer_norm_weight",
                                     "self_attention.linear_qkv.weight",
                                     "self_attention.linear_proj.weight",
                                     "mlp.linear_fc1.layer_norm_weight",
                                     "mlp.linear_fc1.weight",
                                     "mlp.linear_fc2.weight"};
  BOOST_TEST(parts == wanted, boost::test_tools::per_element());
  std::set<std::string> sources;
  for (const StateTensor& tensor : mapping.import.source) sources.insert(tensor.name);
  for (const char* name : {"mtp.layers.0.mlp.up_proj.weight", "mtp.layers.0.post_attention_layernorm.weight",
                           "mtp.fc.weight", "mtp.pre_fc_norm_hidden.weight"})
    BOOST_TEST(sources.contains(name), name);
}

BOOST_AUTO_TEST_CASE(a_single_group_is_no_choice) {
  std::optional<std::int64_t> groups = 1, chosen = 1;
  ConfigBinding to(ConfigBinding::Direction::to_megatron, small());
  bind_expert_groups(to, groups, chosen);
  BOOST_TEST(to.megatron.moe->router_num_groups == 0);
  ConfigBinding from(ConfigBinding::Direction::from_megatron, to.megatron);
  groups = chosen = 7;
  bind_expert_groups(from, groups, chosen);
  BOOST_TEST(groups.value() == 1);
  BOOST_TEST(chosen.value() == 1);
  const ConfigReader json({{"n_group", 4}, {"topk_group", 5}}, "config.json");
  ConfigBinding reading(json);
  BOOST_CHECK_THROW(bind_expert_groups(reading, groups, chosen), InputError);
}

BOOST_AUTO_TEST_SUITE_END()
