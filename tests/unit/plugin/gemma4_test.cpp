// SPDX-License-Identifier: Apache-2.0
// What Gemma 4's config.json says, in Megatron's terms and in Megatron-Bridge's, and what is refused of it.
#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/plugin/registry.hpp"

BOOST_AUTO_TEST_SUITE(gemma4)

using namespace mhub;
using nlohmann::json;

namespace {

json config_of(const json& more) {
  json config{{"architectures", {"Gemma4ForCausalLM"}},
              {"model_type", "gemma4_text"},
              {"hidden_size", 64},
              {"num_attention_heads", 8},
              {"num_key_value_heads", 4},
              {"num_hidden_layers", 3},
              {"head_dim", 16},
              {"global_head_dim", 32},
              {"num_global_key_value_heads", 2},
              {"attention_k_eq_v", true},
              {"hidden_size_per_layer_input", 0},
              {"layer_types", {"sliding_attention", "sliding_attention", "full_attention"}}};
  config.update(more);
  return config;
}

const json kExperts{{"enable_moe_block", true},
                    {"num_experts", 4},
                    {"top_k_experts", 2},
                    {"moe_intermediate_size", 24},
                    {"intermediate_size", 40}};

const json kSmall{{"attention_k_eq_v", false},
                  {"num_global_key_value_heads", nullptr},
                  {"hidden_size_per_layer_input", 8},
                  {"num_kv_shared_layers", 1},
                  {"use_double_wide_mlp", true},
                  {"layer_types", {"sliding_attention", "full_attention", "full_attention"}}};

const ModelDescriptor& model() { return *PluginRegistry::instance().find_class("Gemma4ForCausalLM"); }

TransformerConfig read(const json& more) {
  return model().megatron(ConfigReader(config_of(more), "config.json"));
}

void refused(const json& more, const std::string& words) {
  BOOST_CHECK_EXCEPTION(read(more), InputError, [&](const InputError& error) {
    BOOST_TEST_MESSAGE(error.what());
    return std::string(error.what()).starts_with("config.json: " + words);
  });
}

}  // namespace

BOOST_AUTO_TEST_CASE(layers_are_of_two_kinds) {
  const TransformerConfig c = read(json::object());
  BOOST_TEST(c.kv_channels == 16);
  BOOST_TEST(c.num_query_groups == 4);
  BOOST_TEST(c.full_attention.value().kv_channels == 32);
  BOOST_TEST(c.full_attention->num_query_groups == 2);
  BOOST_TEST(c.full_attention->key_is_value);
  BOOST_TEST((c.window_layers == std::vector<std::int64_t>{1, 1, 0}));
  BOOST_TEST((c.rope_scaling.type == RopeKind::proportional));
  BOOST_TEST(c.rope_scaling.partial_rotary_factor == 0.25);
  BOOST_TEST(c.rotary_base == 1e6);
  BOOST_TEST(c.rotary_base_local.value() == 1e4);
  BOOST_TEST(c.softmax_scale.value() == 1.0);
  // The last layer sees all, whatever is said of it; without a size of its own a head is as others.
  const TransformerConfig other =
      read({{"layer_types", {"sliding_attention", "full_attention", "sliding_attention"}},
            {"global_head_dim", 0}});
  BOOST_TEST((other.window_layers == std::vector<std::int64_t>{1, 0, 0}));
  BOOST_TEST(other.full_attention.value().kv_channels == 16);
  // A number of key heads of their own belongs to attention_k_eq_v.
  const TransformerConfig values =
      read({{"attention_k_eq_v", false}, {"num_global_key_value_heads", nullptr}});
  BOOST_TEST(values.full_attention.value().num_query_groups == 4);
}

/// transformers 5.24, whose Gemma4TextConfig takes the older keys away.
BOOST_AUTO_TEST_CASE(layers_may_say_their_sizes_one_by_one) {
  const json older{{"global_head_dim", nullptr}, {"num_global_key_value_heads", nullptr}};
  const auto with = [&](const json& layers) {
    json config = older;
    config["per_layer_config"] = layers;
    return config;
  };
  const json full{{"head_dim", 32}, {"num_key_value_heads", 2}};
  BOOST_TEST(differing_fields(read(with({{"2", full}})), read(json::object())).empty());
  refused(with({{"1", full}, {"2", full}}), "per_layer_config: 1: unsupported: other sizes");
  refused(with({{"2", {{"intermediate_size", 8}}}}), "per_layer_config: 2: unsupported: intermediate_size");
  json values = with({{"2", full}});
  values["attention_k_eq_v"] = false;
  refused(values, "per_layer_config: unsupported: a number of key heads");
}

BOOST_AUTO_TEST_CASE(configs_come_back) {
  for (const json& more :
       {json::object(), kExperts, json{{"final_logit_softcapping", 30.0}, {"sliding_window", 7}}}) {
    const TransformerConfig c = read(more);
    json back = model().config_json(c);
    back["architectures"] = {"Gemma4ForCausalLM"};
    BOOST_TEST(differing_fields(c, model().megatron(ConfigReader(back, "back"))).empty());
    // transformers reads no rope_theta of this class.
    BOOST_TEST(back["rope_parameters"]["full_attention"]["rope_theta"] == 1e6);
    BOOST_TEST(back["rope_parameters"]["sliding_attention"]["rope_theta"] == 1e4);
    BOOST_TEST(!back.contains("rope_theta"));
  }
}

/// Megatron-Bridge's Gemma4DenseProvider and Gemma4ModelProvider.
BOOST_AUTO_TEST_CASE(both_providers_are_told_and_believed) {
  for (const json& more : {json::object(), kExperts, kSmall}) {
    TransformerConfig c = read(more);
    const bool experts = more.contains("num_experts");
    BOOST_TEST(c.bridge_provider.ends_with(experts ? ".Gemma4ModelProvider" : ".Gemma4DenseProvider"));
    BOOST_TEST(PluginRegistry::instance().find_bridge_provider(c.bridge_provider) == &model());
    FieldBinding said;
    bind_fields(said, c, Dialect::run_config);
    model().bridge_fields(said, c);
    const json fields = said.written();
    BOOST_TEST(fields[experts ? "num_global_key_value_heads" : "num_global_query_groups"] ==
               c.full_attention->num_query_groups);
    BOOST_TEST(fields[experts ? "global_head_dim" : "global_kv_channels"] == 32);
    BOOST_TEST(fields["attention_k_eq_v"] == c.full_attention->key_is_value);
    TransformerConfig back;
    FieldBinding words(ConfigReader(fields, "run_config.yaml"));
    bind_fields(words, back, Dialect::run_config);
    model().bridge_fields(words, back);
    const Lines differences = differing_fields(c, back);
    BOOST_TEST(differences.empty(), (differences.empty() ? "" : differences.front()));
  }
}

BOOST_AUTO_TEST_CASE(what_is_not_covered_is_refused_by_name) {
  refused({{"num_kv_shared_layers", 3}}, "num_kv_shared_layers: expected");
  refused({{"hidden_size_per_layer_input", 8}, {"vocab_size_per_layer_input", 7}},
          "vocab_size_per_layer_input: expected");
  refused({{"use_bidirectional_attention", "all"}}, "use_bidirectional_attention: unsupported");
  refused({{"num_global_key_value_heads", nullptr}}, "num_global_key_value_heads: missing");
  refused({{"num_global_key_value_heads", 3}}, "num_global_key_value_heads: expected a divisor");
  refused({{"rope_parameters",
            {{"full_attention", {{"rope_type", "default"}, {"rope_theta", 1e6}}},
             {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 1e4}}}}}},
          "rope_parameters: unsupported");
  for (const char* key : {"num_kv_shared_layers", "hidden_size_per_layer_input"}) {
    json with = kExperts;
    with[key] = 1;
    refused(with, std::string(key) + ": unsupported with experts");
  }
  json without = kExperts;
  without["top_k_experts"] = nullptr;
  refused(without, "top_k_experts: expected");
  json uneven = kExperts;
  uneven["layer_types"] = {"sliding_attention", "full_attention", "full_attention"};
  refused(uneven, "layer_types: unsupported with experts");
}

BOOST_AUTO_TEST_SUITE_END()
