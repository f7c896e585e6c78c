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

/// An indexer makes another model, and how it rotates tells whose.
BOOST_AUTO_TEST_CASE(sparse_attention_has_classes_of_its_own) {
  const nlohmann::json deepseek{{"architectures", {"DeepseekV32ForCausalLM"}}, {"num_hidden_layers", 4}};
  const auto config_of = [](const char* name, const nlohmann::json& config) {
    return PluginRegistry::instance().find_class(name)->megatron(ConfigReader(config, "config.json"));
  };
  TransformerConfig config = config_of("DeepseekV32ForCausalLM", deepseek);
  BOOST_REQUIRE(config.sparse_attention.has_value());
  BOOST_TEST(identify_model(config, {}, "args").model->class_name == "DeepseekV32ForCausalLM");
  config.sparse_attention->k_norm_epsilon = 1e-5;
  BOOST_TEST(refusal(config).find("k_norm_epsilon") != std::string::npos, refusal(config));
  config.sparse_attention.reset();
  BOOST_TEST(identify_model(config, {}, "args").model->class_name == "DeepseekV3ForCausalLM");
  config = config_of("GlmMoeDsaForCausalLM", {{"num_hidden_layers", 8}});
  BOOST_TEST(identify_model(config, {}, "args").model->class_name == "GlmMoeDsaForCausalLM");
  config.sparse_attention->topk_freq = 3;
  config.sparse_attention->skip_topk_offset = 2;
  const auto exported = identify_model(config, {}, "args").config;
  BOOST_TEST(exported.at("index_topk_freq") == 3);
  BOOST_TEST(exported.at("indexer_types") ==
             nlohmann::json({"full", "full", "shared", "shared", "full", "shared", "shared", "full"}));
}

BOOST_AUTO_TEST_CASE(lists_of_indexers_that_megatron_has_no_setting_for) {
  const ModelDescriptor& glm = *PluginRegistry::instance().find_class("GlmMoeDsaForCausalLM");
  const auto read = [&](nlohmann::json config) {
    config["num_hidden_layers"] = 6;
    return glm.megatron(ConfigReader(std::move(config), "config.json")).sparse_attention.value();
  };
  const SparseAttentionConfig stated = read({{"index_topk_pattern", "FFSSFS"}});
  BOOST_TEST(stated.topk_freq == 3);
  BOOST_TEST(stated.skip_topk_offset == 2);
  BOOST_TEST(read({{"index_topk_pattern", "FFFFFF"}}).topk_freq == 1);
  BOOST_TEST(read({{"index_topk_freq", 3}}).skip_topk_offset == 2);
  const auto refused = [&](const nlohmann::json& config, const std::string& key) {
    BOOST_CHECK_EXCEPTION(read(config), InputError, [&](const InputError& error) {
      const std::string said = error.what();
      return said.starts_with("config.json: " + key + ": ") ||
             said.starts_with("config.json: unsupported: " + key + "=");
    });
  };
  refused({{"index_topk_pattern", "FSFSSF"}}, "indexer_types");
  refused({{"index_topk_pattern", "SFSFSF"}}, "indexer_types");
  refused({{"index_topk_pattern", "FSF"}}, "indexer_types");
  refused({{"index_topk_pattern", "FSFSFS"}, {"index_topk_freq", 3}}, "indexer_types");
  refused({{"indexer_types", {"full", "other"}}}, "indexer_types");
  refused({{"index_topk_freq", 2}, {"index_skip_topk_offset", 0}}, "index_skip_topk_offset");
  refused({{"index_topk_freq", 2}, {"num_nextn_predict_layers", 2}}, "num_nextn_predict_layers");
  refused({{"indexer_rope_interleave", false}}, "indexer_rope_interleave");
  refused({{"layer_types", {"full_attention"}}}, "layer_types");
  refused({{"q_lora_rank", nullptr}}, "q_lora_rank");
  refused({{"index_head_dim", 32}}, "index_head_dim");
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
