// SPDX-License-Identifier: Apache-2.0
// Which class a Megatron model is of, asked of every class about models that fit none.
#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/plugin/registry.hpp"
#include "rules/small_config.hpp"

BOOST_AUTO_TEST_SUITE(identify)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::string refusal(const TransformerConfig& config, const std::optional<std::string>& class_name = {}) {
  try {
    identify_model(config, class_name, "args");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

BOOST_AUTO_TEST_CASE(no_class_divides_by_what_a_model_lacks) {
  BOOST_REQUIRE(!PluginRegistry::instance().plugins().empty());
  const std::vector<std::int64_t TransformerConfig::*> sizes{&TransformerConfig::num_layers,
                                                             &TransformerConfig::hidden_size,
                                                             &TransformerConfig::ffn_hidden_size,
                                                             &TransformerConfig::num_attention_heads,
                                                             &TransformerConfig::num_query_groups,
                                                             &TransformerConfig::kv_channels,
                                                             &TransformerConfig::max_position_embeddings};
  for (const std::int64_t value : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 40}) {
    for (const auto size : sizes) {
      for (const bool image : {false, true}) {
        TransformerConfig config = small_config();
        config.*size = value;
        if (image) config.image.emplace();  // a picture and patches of 0 pixels
        if (value == 0 && size == &TransformerConfig::ffn_hidden_size) config.moe.emplace();
        for (const PluginRegistry::Plugin& plugin : PluginRegistry::instance().plugins()) {
          for (const ModelDescriptor& model : plugin.models) refusal(config, model.class_name);
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_class_that_cannot_state_the_model_is_not_the_nearest) {
  TransformerConfig config = small_config();
  config.softmax_type = SoftmaxType::learnable;  // of experts alone
  const std::string refused = refusal(config);
  BOOST_TEST(refused.find("nearest is") != std::string::npos, refused);
  BOOST_TEST(refused.find("CLIP") == std::string::npos, refused);
  BOOST_TEST(refused.find("differs in") != std::string::npos, refused);
}

BOOST_AUTO_TEST_CASE(a_class_by_another_name_is_taken_by_its_name_alone) {
  TransformerConfig config = small_config();
  const IdentifiedModel found = identify_model(config, {}, "args");
  BOOST_TEST(found.model->class_name == "LlamaForCausalLM");
  const std::vector<std::string>& others = found.alternatives;
  BOOST_TEST((std::find(others.begin(), others.end(), "AquilaForCausalLM") != others.end()));
  const IdentifiedModel named = identify_model(config, "AquilaForCausalLM", "args");
  BOOST_TEST(named.config.at("architectures").at(0) == "AquilaForCausalLM");
  BOOST_TEST(named.config.at("model_type") == "aquila");
  config.add_qkv_bias = true;  // Seed-OSS and MiMo are so, too
  BOOST_TEST(identify_model(config, {}, "args").model->class_name == "Qwen2ForCausalLM");
}

/// Phi-3's config has 32000 where config.json says nothing (configuration_phi3.py).
BOOST_AUTO_TEST_CASE(no_token_pads_where_nobody_said_which) {
  const auto config = identify_model(small_config(), std::nullopt, "args").config;
  BOOST_REQUIRE(config.contains("pad_token_id"));
  BOOST_TEST(config.at("pad_token_id").is_null());
}

BOOST_AUTO_TEST_CASE(a_list_of_layers_that_does_not_fit_is_bad_input) {
  TransformerConfig config = small_config();
  config.no_rope_layers.assign(7, 1);
  BOOST_TEST(refusal(config).find("args: no_rope_freq has 7 entries for 3 layers") == 0U);
  config.no_rope_layers.clear();
  config.moe.emplace().layer_freq.assign(2, 1);
  BOOST_TEST(refusal(config).find("args: moe_layer_freq has 2 entries for 3 layers") == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
