// SPDX-License-Identifier: Apache-2.0
#include "idefics.hpp"

namespace mhub::idefics {

nlohmann::json typed_text_config(const nlohmann::json& whole) {
  nlohmann::json text = text_config_of(whole, LlamaText::model_type);
  if (text.is_object()) text.erase("architectures");
  return text;
}

}  // namespace mhub::idefics

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "idefics";
  registrar.about = "Idefics 3, SmolVLM, SmolVLM2";
  registrar.add<mhub::idefics::Idefics3ForConditionalGeneration>();
  registrar.add<mhub::idefics::SmolVLMForConditionalGeneration>();
}
