// SPDX-License-Identifier: Apache-2.0
#include "internvl.hpp"

namespace mhub::internvl {

/// configuration_internvl_chat.py takes the class of the decoder from its "architectures".
nlohmann::json InternVLChatModel::decoder_config(const nlohmann::json& whole) {
  return ConfigReader(whole, "config.json").object("llm_config").json();
}

}  // namespace mhub::internvl

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "internvl";
  registrar.about = "InternVL 2.5, 3 and 3.5, in both layouts that are published";
  registrar.add<mhub::internvl::InternVLForConditionalGeneration>();
  registrar.add<mhub::internvl::InternVLChatModel>();
  registrar.add<mhub::internvl::InternVLVisionModel>();
}
