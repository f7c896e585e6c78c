// SPDX-License-Identifier: Apache-2.0
// Attention of two kinds in one model, and keys that stand in for values.
#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/base/config_error.hpp"
#include "mhub/config/heterogeneous.hpp"
#include "mhub/rules/decoder_rules.hpp"
#include "mhub/rules/moe_rules.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(attention_kinds)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// Two layers with a window, and one without, which has another number of larger heads and no values.
TransformerConfig two_kinds() {
  TransformerConfig c = small_config();
  c.sliding_window = 3;
  c.window_layers = {1, 0, 1};
  c.full_attention = AttentionKind{1, 3, true};
  c.layer_scalar = c.qk_layernorm = true;
  return c;
}

std::size_t index_of(const std::vector<StateTensor>& state, const std::string& name) {
  const auto at = std::find_if(state.begin(), state.end(), [&](const auto& one) { return one.name == name; });
  BOOST_REQUIRE_MESSAGE(at != state.end(), name);
  return static_cast<std::size_t>(at - state.begin());
}

Shape shape_of(const std::vector<StateTensor>& state, const std::string& name) {
  return state[index_of(state, name)].shape;
}

}  // namespace

BOOST_AUTO_TEST_CASE(each_kind_has_its_own_sizes) {
  const StateMap import = expand(decoder_mapping(two_kinds(), {})).import;
  const std::string hf = "model.layers.", core = "decoder.layers.";
  BOOST_TEST(shape_of(import.source, hf + "0.self_attn.k_proj.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.source, hf + "1.self_attn.k_proj.weight") == (Shape{3, 4}));
  BOOST_TEST(shape_of(import.source, hf + "1.self_attn.o_proj.weight") == (Shape{4, 6}));
  BOOST_TEST(shape_of(import.source, hf + "1.self_attn.q_norm.weight") == (Shape{3}));
  BOOST_TEST(shape_of(import.source, hf + "2.layer_scalar") == (Shape{1}));
  BOOST_TEST(shape_of(import.destination, core + "0.self_attention.linear_qkv.weight") == (Shape{12, 4}));
  BOOST_TEST(shape_of(import.destination, core + "1.self_attention.linear_qkv.weight") == (Shape{12, 4}));
  const auto values = [](const StateTensor& one) {
    return one.name == "model.layers.1.self_attn.v_proj.weight";
  };
  BOOST_TEST(std::none_of(import.source.begin(), import.source.end(), values));
}

/// What lies in the place of values nobody trains: it is the keys on the way there, and nothing on the way
/// back.
BOOST_AUTO_TEST_CASE(keys_fill_the_place_of_values_and_are_not_compared) {
  const StateMap import = expand(decoder_mapping(two_kinds(), {})).import;
  const Values hf = numbered_values(import.source);
  Values core = applied(import, hf);
  auto& qkv = core[index_of(import.destination, "decoder.layers.1.self_attention.linear_qkv.weight")];
  const auto& keys = hf[index_of(import.source, "model.layers.1.self_attn.k_proj.weight")];
  BOOST_TEST(std::vector<std::int64_t>(qkv.end() - 24, qkv.end() - 12) == keys,
             boost::test_tools::per_element());
  BOOST_TEST(std::vector<std::int64_t>(qkv.end() - 12, qkv.end()) == keys, boost::test_tools::per_element());
  std::fill(qkv.end() - 12, qkv.end(), -7);
  const StateMap back = inverted(import);
  BOOST_CHECK_NO_THROW(check_source_coverage(back, "back"));
  BOOST_CHECK_NO_THROW(check_destination_coverage(back, "back"));
  BOOST_TEST((applied(back, core) == hf));
  BOOST_TEST(checked_copies(back).source.empty());
  // And no check through another map.
  const StateMap through = compose(identity_map(import.destination), back, "through");
  BOOST_CHECK_NO_THROW(check_source_coverage(through, "through"));
}

/// Layers 2 and 3 take the keys of 0, which has a window as they have, and of 1.
BOOST_AUTO_TEST_CASE(layers_that_share_keys_have_zeros_in_their_place) {
  TransformerConfig c = two_kinds();
  c.num_layers = 4;
  c.window_layers = {1, 0, 1, 0};
  c.full_attention->key_is_value = false;
  c.shared_keys = SharedKeysConfig{2, false, true};
  BOOST_TEST(layer_with_keys_of(c, 1) == 1);
  BOOST_TEST(layer_with_keys_of(c, 2) == 0);
  BOOST_TEST(layer_with_keys_of(c, 3) == 1);
  const StateMap import = expand(decoder_mapping(c, {})).import;
  const std::string hf = "model.layers.", core = "decoder.layers.";
  const auto has = [&](const std::string& name) {
    return std::any_of(import.source.begin(), import.source.end(),
                       [&](const StateTensor& one) { return one.name == hf + name; });
  };
  BOOST_TEST(has("1.self_attn.v_proj.weight"));
  for (const char* part : {"k_proj", "v_proj", "k_norm"})
    BOOST_TEST(!has(std::string("2.self_attn.") + part + ".weight"), part);
  BOOST_TEST(shape_of(import.source, hf + "1.mlp.up_proj.weight") == (Shape{6, 4}));
  BOOST_TEST(shape_of(import.source, hf + "3.mlp.up_proj.weight") == (Shape{12, 4}));
  const Values state = numbered_values(import.source), made = applied(import, state);
  const auto& qkv = made[index_of(import.destination, core + "3.self_attention.linear_qkv.weight")];
  BOOST_TEST(std::count(qkv.begin(), qkv.end(), 0) == 2 * 3 * 4);
  BOOST_TEST((made[index_of(import.destination, core + "3.self_attention.k_layernorm.weight")] ==
              state[index_of(import.source, hf + "1.self_attn.k_norm.weight")]));
  BOOST_TEST((applied(inverted(import), made) == state));
  c.shared_keys->stored = true;
  BOOST_TEST(shape_of(expand(decoder_mapping(c, {})).import.source, hf + "3.self_attn.k_proj.weight") ==
             (Shape{3, 4}));
  c.window_layers = {1, 1, 1, 0};
  BOOST_CHECK_THROW(layer_with_keys_of(c, 3), ConfigError);
}

/// Heads of values of two, of queries and keys of three; sinks where there is a window.
BOOST_AUTO_TEST_CASE(values_may_be_smaller_and_sinks_in_one_kind) {
  TransformerConfig c = two_kinds();
  c.qk_layernorm = false;
  c.num_query_groups = 2;
  c.kv_channels = 3;
  c.value_channels = 2;
  c.softmax_type = SoftmaxType::learnable;
  c.full_attention = AttentionKind{1, 3, false, SoftmaxType::vanilla};
  const StateMap import = expand(decoder_mapping(c, {})).import;
  const std::string hf = "model.layers.", core = "decoder.layers.";
  BOOST_TEST(shape_of(import.source, hf + "0.self_attn.k_proj.weight") == (Shape{6, 4}));
  BOOST_TEST(shape_of(import.source, hf + "0.self_attn.v_proj.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.source, hf + "1.self_attn.v_proj.weight") == (Shape{2, 4}));
  BOOST_TEST(shape_of(import.source, hf + "1.self_attn.o_proj.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.source, hf + "2.self_attn.sinks") == (Shape{2}));
  const auto sinks = [](const StateTensor& one) { return one.name == "model.layers.1.self_attn.sinks"; };
  BOOST_TEST(std::none_of(import.source.begin(), import.source.end(), sinks));
  const Values state = numbered_values(import.source), made = applied(import, state);
  // Of the first group its one query head, its key and its value.
  const auto& qkv = made[index_of(import.destination, core + "0.self_attention.linear_qkv.weight")];
  const auto rows = [&](const std::string& name, std::size_t first, std::size_t count) {
    const auto& of = state[index_of(import.source, hf + "0.self_attn." + name + ".weight")];
    return std::vector<std::int64_t>(of.begin() + static_cast<std::ptrdiff_t>(4 * first),
                                     of.begin() + static_cast<std::ptrdiff_t>(4 * (first + count)));
  };
  std::vector<std::int64_t> expected;
  for (const std::size_t group : {0U, 1U}) {
    for (const std::string name : {"q_proj", "k_proj", "v_proj"}) {
      const std::size_t dim = name == "v_proj" ? 2 : 3;
      const std::vector<std::int64_t> part = rows(name, group * dim, dim);
      expected.insert(expected.end(), part.begin(), part.end());
    }
  }
  BOOST_TEST(qkv == expected, boost::test_tools::per_element());
  BOOST_TEST((applied(inverted(import), made) == state));
  c.key_is_value = true;
  BOOST_CHECK_THROW(decoder_mapping(c, {}), ConfigError);
}

/// The last layer has no window and experts; blocks have a window's attention, and a dense MLP behind a norm
/// of another name.
BOOST_AUTO_TEST_CASE(blocks_may_attend_to_a_window) {
  TransformerConfig c = two_kinds();
  c.qk_layernorm = c.layer_scalar = false;
  c.window_layers = {1, 1, 0};
  c.full_attention = AttentionKind{1, 2, false, SoftmaxType::vanilla};
  c.softmax_type = SoftmaxType::learnable;
  c.moe = MoeConfig{.num_experts = 2, .ffn_hidden_size = 3, .layer_freq = {0, 1, 1}};
  c.mtp_num_layers = 1;
  c.mtp_dense = c.mtp_windowed = true;
  Mapping map = moe_decoder_mapping(c, {}, {});
  MtpNames names = separate_mtp_names();
  names.pre_mlp_norm = "before";
  add_mtp(map, c, {}, names);
  const StateMap import = expand(map).import;
  const std::string hf = "mtp.layers.0.", core = "mtp.layers.0.transformer_layer.";
  BOOST_TEST(shape_of(import.source, "model.layers.2.self_attn.k_proj.weight") == (Shape{2, 4}));
  BOOST_TEST(shape_of(import.source, hf + "self_attn.k_proj.weight") == (Shape{4, 4}));
  BOOST_TEST(shape_of(import.source, hf + "self_attn.sinks") == (Shape{2}));
  BOOST_TEST(shape_of(import.source, hf + "before.weight") == (Shape{4}));
  BOOST_TEST(shape_of(import.source, hf + "mlp.up_proj.weight") == (Shape{6, 4}));
  BOOST_TEST(shape_of(import.destination, core + "self_attention.core_attention.softmax_offset") ==
             (Shape{2}));
  BOOST_TEST(shape_of(import.destination, core + "mlp.linear_fc1.layer_norm_weight") == (Shape{4}));
}

BOOST_AUTO_TEST_CASE(embeddings_for_each_layer_lie_together) {
  TransformerConfig c = small_config();
  c.layer_embeddings = LayerEmbeddingConfig{7, 2};
  const StateMap import = expand(decoder_mapping(c, {})).import;
  BOOST_TEST(shape_of(import.destination, "per_layer_embedding.weight") == (Shape{7, 6}));
  BOOST_TEST(shape_of(import.destination, "per_layer_model_proj.weight") == (Shape{6, 4}));
  BOOST_TEST(shape_of(import.destination, "decoder.layers.2.per_layer_projection.weight") == (Shape{4, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
