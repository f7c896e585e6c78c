// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/decoder_rules.hpp"

#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "mapping/state_values.hpp"
#include "mhub/rules/moe_rules.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(decoder_rules)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::size_t place(const std::vector<StateTensor>& state, const std::string& name) {
  const auto at = std::find_if(state.begin(), state.end(), [&](const auto& one) { return one.name == name; });
  BOOST_REQUIRE(at != state.end());
  return static_cast<std::size_t>(at - state.begin());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_projection_of_hidden_state_and_embedding_has_its_halves_swapped) {
  TransformerConfig c = small_config();
  c.mtp_num_layers = 1;
  Mapping map = decoder_mapping(c, {});
  MtpNames names{"mtp.", "mtp.proj", "mtp.enorm", "mtp.hnorm", "mtp.norm", "", ""};
  names.hidden_first = true;
  add_mtp(map, c, {}, names);
  const StateMap import = expand(map).import;
  const Values source = numbered_values(import.source);
  const std::vector<std::int64_t>& hf = source[place(import.source, "mtp.proj.weight")];
  const std::vector<std::int64_t> megatron =
      applied(import, source)[place(import.destination, "mtp.layers.0.eh_proj.weight")];
  for (std::size_t r = 0; r < 4; ++r) {
    for (std::size_t k = 0; k < 8; ++k) BOOST_TEST(megatron[8 * r + k] == hf[8 * r + (k + 4) % 8]);
  }
}

BOOST_AUTO_TEST_CASE(norms_with_a_weight_for_each_head_are_one_row_in_megatron) {
  TransformerConfig c = small_config();
  c.num_query_groups = 1;
  c.qk_layernorm = c.qk_layernorm_per_head = true;
  const StateMap import = expand(decoder_mapping(c, {})).import;
  const std::string layer = "decoder.layers.1.self_attention.";
  BOOST_TEST(import.source[place(import.source, "model.layers.1.self_attn.q_norm.weight")].shape ==
             Shape({2, 2}));
  BOOST_TEST(import.source[place(import.source, "model.layers.1.self_attn.k_norm.weight")].shape ==
             Shape({1, 2}));
  BOOST_TEST(import.destination[place(import.destination, layer + "q_layernorm.weight")].shape == Shape({4}));
  BOOST_TEST(import.destination[place(import.destination, layer + "k_layernorm.weight")].shape == Shape({2}));
}

BOOST_AUTO_TEST_CASE(an_activation_has_its_parameters_and_its_constants_travel) {
  TransformerConfig c = small_config();
  c.gated_linear_unit = false;
  c.activation = ActivationFunction::xielu;
  DecoderNames names;
  names.fc1 = "mlp.up_proj";
  const ExpandedMapping mapping = expand(decoder_mapping(c, names));
  place(mapping.import.destination, "decoder.layers.2.mlp.activation_func.alpha_n");
  const std::vector<StateTensor> carried = carried_tensors(mapping.canonical);
  BOOST_TEST(carried.size() == 6u);
  BOOST_TEST(carried[place(carried, "model.layers.0.mlp.act_fn.eps")].shape == Shape{});
}

BOOST_AUTO_TEST_CASE(a_correction_may_be_a_row) {
  TransformerConfig c = small_config();
  c.moe.emplace();
  c.moe->num_experts = 2;
  c.moe->ffn_hidden_size = 3;
  c.moe->router_enable_expert_bias = true;
  MoeNames moe;
  moe.correction_is_row = true;
  const StateMap import = expand(moe_decoder_mapping(c, {}, moe)).import;
  const std::string name = "model.layers.0.mlp.gate.e_score_correction_bias";
  BOOST_TEST(import.source[place(import.source, name)].shape == Shape({1, 2}));
}

BOOST_AUTO_TEST_SUITE_END()
