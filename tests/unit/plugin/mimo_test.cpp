// SPDX-License-Identifier: Apache-2.0
// What the config.json of MiMo-V2-Flash says, by the names of its own code and by transformers', in
// Megatron's terms and in Megatron-Bridge's, and what is refused of it.
#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/plugin/registry.hpp"

BOOST_AUTO_TEST_SUITE(mimo_v2_flash)

using namespace mhub;
using nlohmann::json;

namespace {

using List = std::vector<std::int64_t>;

json config_of(const json& more) {
  json config{{"architectures", {"MiMoV2FlashForCausalLM"}},
              {"model_type", "mimo_v2_flash"},
              {"hidden_size", 64},
              {"num_attention_heads", 8},
              {"num_key_value_heads", 2},
              {"num_hidden_layers", 3},
              {"head_dim", 24},
              {"v_head_dim", 16},
              {"n_routed_experts", 8},
              {"num_experts_per_tok", 2}};
  config.update(more);
  return config;
}

/// The model's own names.
const json kPublished{{"hybrid_layer_pattern", {1, 0, 1}},
                      {"moe_layer_freq", {0, 1, 0}},
                      {"rope_theta", 2000000},
                      {"swa_rope_theta", 3000},
                      {"partial_rotary_factor", 0.25},
                      {"layernorm_epsilon", 0.001},
                      {"swa_num_key_value_heads", 4},
                      {"sliding_window", 7},
                      {"sliding_window_size", 7},
                      {"routed_scaling_factor", nullptr},
                      {"n_shared_experts", nullptr}};

/// transformers' for the same.
json saved() {
  const auto turns = [](double theta) {
    return json{{"rope_type", "default"}, {"rope_theta", theta}, {"partial_rotary_factor", 0.25}};
  };
  return {{"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}},
          {"mlp_layer_types", {"dense", "sparse", "dense"}},
          {"rope_parameters", {{"full_attention", turns(2e6)}, {"sliding_attention", turns(3000)}}},
          {"rms_norm_eps", 0.001},
          {"sliding_window", 8},
          {"routed_scaling_factor", 1.0}};
}

const ModelDescriptor& model() { return *PluginRegistry::instance().find_class("MiMoV2FlashForCausalLM"); }

TransformerConfig read(const json& more) {
  return model().megatron(ConfigReader(config_of(more), "config.json"));
}

void refused(const json& from, const json& more, const std::string& words) {
  json all = from;
  all.update(more);
  BOOST_CHECK_EXCEPTION(read(all), InputError, [&](const InputError& error) {
    BOOST_TEST_MESSAGE(error.what());
    return std::string(error.what()).starts_with("config.json: " + words);
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(own_names_are_read) {
  const TransformerConfig c = read(kPublished);
  BOOST_TEST(c.num_query_groups == 4);
  BOOST_TEST(c.kv_channels == 24);
  BOOST_TEST(c.value_channels.value() == 16);
  BOOST_TEST(c.value_multiplier == 0.707);
  BOOST_TEST((c.softmax_type == SoftmaxType::learnable));
  BOOST_TEST(c.full_attention.value().num_query_groups == 2);
  BOOST_TEST(c.full_attention->kv_channels == 24);
  BOOST_TEST((c.full_attention->softmax_type == SoftmaxType::vanilla));
  BOOST_TEST((c.window_layers == List{1, 0, 1}));
  BOOST_TEST(c.sliding_window.value() == 8);
  BOOST_TEST(c.rotary_base == 2e6);
  BOOST_TEST(c.rotary_base_local.value() == 3000);
  BOOST_TEST(c.rotary_percent == 0.25);
  BOOST_TEST(c.layernorm_epsilon == 0.001);
  BOOST_TEST((c.moe.value().layer_freq == List{0, 1, 0}));
  BOOST_TEST(c.moe->router_topk_scaling_factor == 1.0);
  BOOST_TEST((c.moe->router_score_function == RouterScore::sigmoid));
  BOOST_TEST(c.moe->router_enable_expert_bias);
}

BOOST_AUTO_TEST_CASE(names_of_transformers_say_the_same) {
  BOOST_TEST(differing_fields(read(kPublished), read(saved())).empty());
  const TransformerConfig silent = read({{"num_hidden_layers", 12}});
  BOOST_TEST(silent.sliding_window.value() == 129);
  BOOST_TEST((silent.window_layers == List{0, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 0}));
  BOOST_TEST((silent.moe.value().layer_freq == List{0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}));
  BOOST_TEST(silent.rotary_base == 5e6);
  BOOST_TEST(silent.rotary_base_local.value() == 1e4);
  BOOST_TEST(silent.rotary_percent == 0.334);
}

BOOST_AUTO_TEST_CASE(both_kinds_of_names_are_written) {
  const json written = model().config_json(read(saved()));
  for (const json& expected : {config_of(kPublished), config_of(saved())}) {
    for (const auto& [key, value] : expected.items()) {
      // The saved form of it counts the query, and stands alone.
      if (key == "sliding_window" && value == 8) continue;
      if (key == "architectures" || key == "model_type") continue;
      const json meant = key == "routed_scaling_factor" ? json() : value;
      BOOST_TEST((written.value(key, json("none")) == meant),
                 key << ": " << written.value(key, json("none")).dump());
    }
  }
  BOOST_TEST(differing_fields(read(written), read(saved())).empty());
}

BOOST_AUTO_TEST_CASE(what_contradicts_itself_is_refused) {
  json both = kPublished;
  both.update(saved());
  both["sliding_window"] = 7;
  BOOST_CHECK_NO_THROW(read(both));
  refused(both, {{"hybrid_layer_pattern", {1, 1, 0}}}, "hybrid_layer_pattern: contradicts layer_types");
  refused(both, {{"moe_layer_freq", {1, 1, 0}}}, "moe_layer_freq: contradicts mlp_layer_types");
  refused(both, {{"rope_theta", 5e6}}, "rope_theta: unsupported");
  refused(both, {{"swa_rope_theta", 5e6}}, "swa_rope_theta: unsupported");
  refused(both, {{"partial_rotary_factor", 0.5}}, "partial_rotary_factor: unsupported");
  refused(both, {{"layernorm_epsilon", 1e-6}}, "layernorm_epsilon: unsupported");
}

BOOST_AUTO_TEST_CASE(what_nothing_computes_is_refused) {
  refused(kPublished, {{"hybrid_layer_pattern", {1, 1, 1}}}, "hybrid_layer_pattern: unsupported");
  refused(kPublished, {{"hybrid_layer_pattern", {1, 0}}}, "hybrid_layer_pattern: expected 3 entries");
  refused(kPublished, {{"hybrid_layer_pattern", {1, 0, 2}}}, "hybrid_layer_pattern: expected 3 entries");
  refused(kPublished, {{"moe_layer_freq", {0, 0, 0}}}, "moe_layer_freq: unsupported");
  refused(kPublished, {{"swa_head_dim", 16}}, "swa_head_dim: unsupported");
  refused(kPublished, {{"swa_v_head_dim", 24}}, "swa_v_head_dim: unsupported");
  refused(kPublished, {{"swa_num_attention_heads", 4}}, "swa_num_attention_heads: unsupported");
  refused(kPublished, {{"swa_num_key_value_heads", 3}}, "swa_num_key_value_heads: expected a divisor");
  refused(kPublished, {{"add_swa_attention_sink_bias", false}}, "unsupported: add_swa_attention_sink_bias");
  refused(kPublished, {{"add_full_attention_sink_bias", true}}, "unsupported: add_full_attention_sink_bias");
  refused(kPublished, {{"n_shared_experts", 1}}, "n_shared_experts: unsupported");
  refused(kPublished, {{"attention_bias", true}}, "unsupported: attention_bias");
  refused(kPublished, {{"scoring_func", "softmax"}}, "unsupported: scoring_func");
  refused(kPublished, {{"topk_method", "greedy"}}, "unsupported: topk_method");
  refused(kPublished, {{"norm_topk_prob", false}}, "unsupported: norm_topk_prob");
  refused(kPublished, {{"rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}}}}, "rope_parameters");
}

/// Megatron-Bridge's MiMoV2FlashModelProvider.
BOOST_AUTO_TEST_CASE(bridge_has_fields_of_its_own) {
  json blocks = kPublished;
  blocks["num_nextn_predict_layers"] = 2;
  TransformerConfig c = read(blocks);
  BOOST_TEST(c.mtp_dense);
  BOOST_TEST(c.mtp_windowed);
  BOOST_TEST(PluginRegistry::instance().find_bridge_provider(c.bridge_provider) == &model());
  FieldBinding said;
  bind_fields(said, c, Dialect::run_config);
  model().bridge_fields(said, c);
  const json provider = said.written();
  const json expected{{"hybrid_attention_pattern", {1, 0, 1}},
                      {"full_attn_num_query_groups", 2},
                      {"swa_num_query_groups", 4},
                      {"num_query_groups", 2},
                      {"kv_channels", 24},
                      {"v_head_dim", 16},
                      {"attention_value_scale", 0.707},
                      {"window_size", 8},
                      {"rotary_base", {3000.0, 2e6}},
                      {"rotary_percent", 0.25},
                      {"softmax_type", "vanilla"},
                      {"mtp_num_layers", 2}};
  for (const auto& [key, value] : expected.items()) BOOST_TEST((provider.at(key) == value), key);
  FieldBinding words(ConfigReader(provider, "run_config.yaml"));
  TransformerConfig back;
  bind_fields(words, back, Dialect::run_config);
  model().bridge_fields(words, back);
  const Lines differences = differing_fields(c, back);
  BOOST_TEST(differences.empty(), (differences.empty() ? "" : differences.front()));
}

BOOST_AUTO_TEST_SUITE_END()
