// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "mhub/config/config_binding.hpp"
#include "mhub/mapping/mapping.hpp"

namespace mhub {

/// A vision-language model made of two registered ones: config.json has a config of a decoder and one of a
/// model of images, and each part's own class knows how it is mapped. Megatron-Core's LLaVAModel is built the
/// same way (VisionConfig). A derived config sets the defaults that differ.
struct VisionLanguageConfig {
  nlohmann::json text = nlohmann::json::object(),
                 vision = nlohmann::json::object();  ///< the parts' config.json
  std::string text_model_type, vision_model_type;    ///< of parts that do not say theirs
  std::int64_t image_token_index = 32000;
  std::int64_t vision_feature_layer = -2;  ///< among the layers' outputs; from the end where negative
  std::string vision_feature_select_strategy = "default";  ///< default: without the class token; full
  std::string projector_hidden_act = "gelu";
  bool multimodal_projector_bias = true;
  bool tie_word_embeddings = false;

  /// Binds all fields. The parts' classes are looked up in the registry; what they refuse is refused.
  void bind(ConfigBinding& b);

 private:
  void bind_parts(ConfigBinding& b);
  void to_megatron(ConfigBinding& b) const;
  void from_megatron(const TransformerConfig& megatron);
};

/// Where the parts are in the Hugging Face state.
struct VisionLanguageNames {
  std::string text = "language_model.";  ///< in front of the names of the decoder's own class
  std::string vision = "vision_tower.";
  std::string projector = "multi_modal_projector.linear_{1,2}";
};

/// The decoder's mapping in the module "language_model.", the tower's in "vision_model." (index variable "v")
/// and the projector's in "vision_projection.". Layers of the tower that features do not come from are
/// carried.
Mapping vision_language_mapping(const VisionLanguageConfig& config, const TransformerConfig& megatron,
                                const VisionLanguageNames& names);

}  // namespace mhub
