// SPDX-License-Identifier: Apache-2.0
#include "minicpm_v.hpp"

namespace mhub::minicpm_v {

nlohmann::json MiniCPMV4_6ForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  nlohmann::json text = text_config_of(whole, Qwen3_5Text::model_type);
  // What the outer config says of the head counts, and its default.
  text["tie_word_embeddings"] = ConfigReader(whole, "config.json").boolean("tie_word_embeddings", false);
  return text;
}

}  // namespace mhub::minicpm_v

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "minicpm_v";
  registrar.about = "MiniCPM-V 4.6";
  registrar.add<mhub::minicpm_v::MiniCPMV4_6ForConditionalGeneration>();
}
