// SPDX-License-Identifier: Apache-2.0
// Layers of several sizes: each has tensors of its own shapes, or none.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(heterogeneous_rules)

using namespace mhub;
using namespace mhub::tests;

namespace {

TransformerConfig several_sizes() {
  TransformerConfig c = small_config();
  c.heterogeneous = HeterogeneousConfig{{1, kNoBlock, kLinearBlock}, {3, kLinearBlock, kNoBlock}};
  return c;
}

/// The shape of a tensor; none where there is no such tensor.
Shape shape_of(const std::vector<StateTensor>& state, const std::string& name) {
  const auto at = std::find_if(state.begin(), state.end(), [&](const auto& one) { return one.name == name; });
  return at == state.end() ? Shape{} : at->shape;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_layer_has_its_own_sizes) {
  const StateMap import = expand(decoder_mapping(several_sizes(), {})).import;
  const std::string hf = "model.layers.", core = "decoder.layers.";
  BOOST_TEST(shape_of(import.source, hf + "0.self_attn.k_proj.weight") == (Shape{2, 4}));
  BOOST_TEST(shape_of(import.source, hf + "0.mlp.up_proj.weight") == (Shape{3, 4}));
  BOOST_TEST(shape_of(import.destination, core + "0.self_attention.linear_qkv.weight") == (Shape{8, 4}));
  BOOST_TEST(shape_of(import.destination, core + "0.mlp.linear_fc1.weight") == (Shape{6, 4}));
  // One linear layer behind the block's norm, as TELayerNormColumnParallelLinearGathered has both.
  BOOST_TEST(shape_of(import.source, hf + "1.mlp.linear_mlp.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.destination, core + "1.mlp.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.destination, core + "1.mlp.layer_norm_weight") == (Shape{4}));
  BOOST_TEST(shape_of(import.source, hf + "1.post_attention_layernorm.weight") == (Shape{4}));
  BOOST_TEST(shape_of(import.source, hf + "2.self_attn.linear_attn.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.destination, core + "2.self_attention.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.destination, core + "2.self_attention.layer_norm_weight") == (Shape{4}));
}

BOOST_AUTO_TEST_CASE(a_missing_block_has_no_tensors_and_no_norm) {
  const StateMap import = expand(decoder_mapping(several_sizes(), {})).import;
  const auto any = [&](const std::string& front) {
    return std::any_of(import.source.begin(), import.source.end(),
                       [&](const StateTensor& one) { return one.name.starts_with(front); });
  };
  BOOST_TEST(any("model.layers.1.post_attention_layernorm"));
  BOOST_TEST(!any("model.layers.1.input_layernorm"));
  BOOST_TEST(!any("model.layers.1.self_attn"));
  BOOST_TEST(!any("model.layers.2.post_attention_layernorm"));
  BOOST_TEST(!any("model.layers.2.mlp"));
}

/// Rules that are asked for some layers have those alone.
BOOST_AUTO_TEST_CASE(some_layers_of_several_sizes) {
  Mapping map;
  const TransformerConfig c = several_sizes();
  map.index("i", c.num_layers);
  add_attention(map, c, {}, Layers{1, 2});
  const StateMap import = expand(map).import;
  BOOST_TEST(import.destination.size() == 2u);
  BOOST_TEST(shape_of(import.destination, "decoder.layers.2.self_attention.weight") == (Shape{4, 4}));
}

BOOST_AUTO_TEST_SUITE_END()
