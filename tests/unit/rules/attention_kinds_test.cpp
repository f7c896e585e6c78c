// SPDX-License-Identifier: Apache-2.0
// Attention of two kinds in one model, and keys that stand in for values.
#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/rules/decoder_rules.hpp"
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

BOOST_AUTO_TEST_SUITE_END()
