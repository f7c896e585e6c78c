// SPDX-License-Identifier: Apache-2.0
#include "paligemma.hpp"

namespace mhub::gemma {

/// PaliGemmaConfig sets use_bidirectional_attention for what it asks of the mask where there is a picture
/// (modeling_paligemma.py: a prompt's tokens see each other); texts alone are causal.
nlohmann::json PaliGemmaForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  nlohmann::json text = text_config_of(whole, GemmaForCausalLM::model_type);
  if (text.is_object()) text.erase("use_bidirectional_attention");
  return text;
}

}  // namespace mhub::gemma
