// SPDX-License-Identifier: Apache-2.0
#include "qwen_omni.hpp"

#include "mhub/base/config_error.hpp"

namespace mhub::qwen_omni {
namespace {

// What differs between the defaults of the text configs (configuration_qwen2_5_omni.py,
// configuration_qwen3_omni_moe.py, Bridge's configuration_qwen3_asr.py) and those of the decoders' own
// classes.
const nlohmann::json kQwen2Usual{{"vocab_size", 152064},
                                 {"hidden_size", 3584},
                                 {"intermediate_size", 18944},
                                 {"num_hidden_layers", 28},
                                 {"num_attention_heads", 28},
                                 {"num_key_value_heads", 4},
                                 {"max_position_embeddings", 32768},
                                 {"sliding_window", 32768},
                                 {"rope_theta", 1000000.0}};
const nlohmann::json kQwen3MoeUsual{{"vocab_size", 3584},      {"intermediate_size", 18944},
                                    {"num_hidden_layers", 28}, {"num_attention_heads", 28},
                                    {"norm_topk_prob", true},  {"rope_theta", 1000000.0}};
const nlohmann::json kQwen3Usual{{"hidden_size", 4096},
                                 {"intermediate_size", 22016},
                                 {"max_position_embeddings", 128000},
                                 {"rope_theta", 5000000.0}};

}  // namespace

/// transformers 5.12 saves "language_model.model.model.", since two of its renamings apply
/// (conversion_mapping.py, "qwen2_audio" and "Qwen2AudioModel"), and reads that and the published names
/// alike.
Mapping Qwen2AudioForConditionalGeneration::mapping(const Config& config, const TransformerConfig&) {
  Mapping map = multimodal_text_mapping(config, names());
  map.also_spelled("language_model.model.", "language_model.model.model.");
  return map;
}

ConfigReader thinker_of(const ConfigReader& whole) { return whole.object("thinker_config"); }

nlohmann::json Qwen2_5OmniForConditionalGeneration::text_config(nlohmann::json thinker) {
  thinker.emplace("tie_word_embeddings", false);  // Qwen2_5OmniThinkerConfig's default
  return plain_text_config(thinker, Qwen2Text::model_type, kQwen2Usual);
}

nlohmann::json Qwen3OmniMoeForConditionalGeneration::text_config(nlohmann::json thinker) {
  thinker.emplace("tie_word_embeddings", false);  // Qwen3OmniMoeThinkerConfig's
  return plain_text_config(thinker, Qwen3MoeText::model_type, kQwen3MoeUsual);
}

/// What text_config says of the head counts, as in transformers 4, for which that code was written.
nlohmann::json Qwen3ASRForConditionalGeneration::text_config(nlohmann::json thinker) {
  const std::string kind = ConfigReader(thinker, "config.json: thinker_config").string("model_type", "");
  if (kind.find("forced_aligner") != std::string::npos)
    throw ConfigError("thinker_config.model_type: unsupported: \"" + kind +
                      "\", whose head gives times, not tokens");
  thinker.erase("tie_word_embeddings");
  return plain_text_config(thinker, Qwen3Text::model_type, kQwen3Usual);
}

}  // namespace mhub::qwen_omni

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "qwen_omni";
  registrar.about = "Qwen2-Audio, Qwen2.5-Omni, Qwen3-Omni, Qwen3-ASR";
  registrar.add<mhub::qwen_omni::Qwen2AudioForConditionalGeneration>();
  registrar.add<mhub::qwen_omni::Qwen2_5OmniForConditionalGeneration>();
  // As its first config.json calls it (Megatron-Bridge's auto_bridge.py).
  registrar.add_alias<mhub::qwen_omni::Qwen2_5OmniForConditionalGeneration>(
      "Qwen2_5OmniModel", "Qwen2_5OmniConfig", "qwen2_5_omni");
  registrar.add<mhub::qwen_omni::Qwen3OmniMoeForConditionalGeneration>();
  registrar.add<mhub::qwen_omni::Qwen3ASRForConditionalGeneration>();
}
