// SPDX-License-Identifier: Apache-2.0
#include "kimi_vl.hpp"

namespace mhub::kimi_vl {

nlohmann::json deepseek_v3_config(const nlohmann::json& whole) {
  nlohmann::json text = ConfigReader(whole, "config.json").object("text_config").json();
  text.erase("architectures");
  text["model_type"] = DeepseekV3Text::model_type;
  return text;
}

}  // namespace mhub::kimi_vl

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "kimi_vl";
  registrar.about = "Kimi-VL, Kimi-K2.5";
  registrar.add<mhub::kimi_vl::KimiVLForConditionalGeneration>();
  registrar.add<mhub::kimi_vl::KimiK25ForConditionalGeneration>();
}
