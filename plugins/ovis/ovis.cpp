// SPDX-License-Identifier: Apache-2.0
#include "ovis.hpp"

namespace mhub::ovis {

nlohmann::json Ovis2_5::decoder_config(const nlohmann::json& whole) {
  nlohmann::json text = ConfigReader(whole, "config.json").object("llm_config").json();
  if (!text.contains("architectures")) text.emplace("model_type", Qwen3Text::model_type);
  return text;
}

}  // namespace mhub::ovis

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "ovis";
  registrar.about = "Ovis2.5";
  registrar.add<mhub::ovis::Ovis2_5>();
}
