// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "mhub/base/error.hpp"
#include "mhub/config/config_binding.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/plugin/vision_parts.hpp"
#include "mhub/plugin/whole_model.hpp"
#include "mhub/store/tensor_source.hpp"

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
  void to_megatron(ConfigBinding& b) const;
  void from_megatron(const TransformerConfig& megatron);
};

/// The config.json with what the tensors say of the head: where only text_config calls it tied and it is
/// stored, the outer config's word counts, as in transformers 5.
nlohmann::json completed_vision_language_config(const ConfigReader& config, const TensorSource& tensors);

/// vision_feature_layer as the number of a layer, counted from 1. transformers takes hidden_states[written]:
/// the embeddings, then the output of every layer. Throws ConfigError for what is no layer's.
std::int64_t feature_layer(std::int64_t written, std::int64_t layers);

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

/// The config.json of a decoder's own class, made of the whole model's.
using DecoderConfigOf = std::function<nlohmann::json(const nlohmann::json& whole)>;

/// "text_config", of the class `text_model_type` where it does not say.
nlohmann::json text_config_of(const nlohmann::json& whole, const std::string& text_model_type);
/// A decoder's config.json where the whole model's has a class of its own for it, built like the registered
/// one `model_type`: "text_config", or, as the first models with images were published, what stands beside
/// the rest; with what that class has other defaults for (`usual`), and plain rotation, which is what several
/// axes are for texts.
nlohmann::json plain_text_config(const nlohmann::json& whole, const std::string& model_type,
                                 const nlohmann::json& usual);

/// A model of texts and images of which Megatron gets the decoder, as the model of texts that the decoder's
/// own class makes; towers and projectors are carried, whatever is in them. Without images both compute the
/// same.
struct MultimodalTextConfig {
  nlohmann::json text = nlohmann::json::object();     ///< "text_config", as it stands
  nlohmann::json decoder = nlohmann::json::object();  ///< the decoder's config.json

  /// What the decoder's class refuses is refused.
  void bind(ConfigBinding& b, const DecoderConfigOf& decoder_config);
};

/// Where the parts are in the Hugging Face state. The defaults are LLaVA's names, in which most such models
/// are published; transformers also has "model." in front of all but the head, from 4.52 on.
struct MultimodalNames {
  std::string model = "language_model.model.";   ///< for the decoder's "model."
  std::string head = "language_model.lm_head.";  ///< for its "lm_head."
  /// What is carried begins so. A tower of CLIP's or SigLIP's that is declared as
  /// "vision_tower.vision_model." may come without "vision_model.", as transformers has it from 5.6 on.
  std::vector<std::string> others{"vision_tower.", "multi_modal_projector."};
  std::string config = "text_config";  ///< where config.json has the decoder's
};

/// What a whole config calls an activation of its projector or merger; `usual` where it does not say.
ActivationFunction activation_of(const ConfigReader& config, const std::string& key,
                                 const std::string& usual);
/// Of a pixel shuffle by the ratio 1 / n (1/2 where the config does not say): n, so many tokens along a side
/// become one (MergeTokens).
std::int64_t shuffled_side(const ConfigReader& config, const std::string& key);

/// The positions with several axes (mrope_section) of the decoder of a whole config; `usual` where it does
/// not say.
MultiAxisRotary multi_axis_rotary(const ConfigReader& config, const std::array<std::int64_t, 3>& usual,
                                  bool interleaved);

/// What Megatron-Bridge's provider of such a model calls what config.json says beside the decoder.
struct ProviderNames {
  std::map<std::string, std::string> fields;  ///< the provider's -> config.json's
  std::string vision_config;                  ///< transformers' class of it, a Python path
  std::string text_config = {};               ///< likewise, where the provider has it
  std::string text_key = "hf_text_config";    ///< what it calls that
  std::string audio_config = {};              ///< likewise, of a model that may hear ("audio_config")
  std::string text_model_type = {};           ///< of "text_config"; empty: as its own class
  /// Of rotary positions with several axes, where text_config does not say (mrope_section); empty: one axis.
  std::vector<std::int64_t> sections = {};
  bool interleaved = false;  ///< they are (mrope_interleaved), which Megatron's config does not say
};
/// The provider's fields for a config.json, and the other way round, as far as they say it.
nlohmann::json provider_fields(const ConfigReader& config, const ProviderNames& names);
nlohmann::json outer_config_of(const ConfigReader& provider, const ProviderNames& names);
/// config.json with a "text_config" that builds the decoder, of the class that has `text_model_type`. Throws
/// InputError where that cannot.
nlohmann::json with_text_config(nlohmann::json outer, const TransformerConfig& decoder,
                                const std::string& text_model_type, const ProviderNames& names);

Mapping multimodal_text_mapping(const MultimodalTextConfig& config, const MultimodalNames& names);

/// The config.json with what the tensors say of the decoder: its own class's completed_config, and whether
/// its head is tied. There, of the two places that may say it, transformers 4 believes text_config and 5 the
/// outer one (modeling_utils.py), and defaults differ; a head that is not stored is tied.
nlohmann::json completed_text_config(const ConfigReader& config, const TensorSource& tensors,
                                     const DecoderConfigOf& decoder_config, const MultimodalNames& names);

/// What such a class inherits: `Self` declares class_name, config_class, model_type and
/// `static MultimodalNames names()`; `Text` is the class of its decoder. Where the decoder's config.json is
/// not simply "text_config", `Self` has
/// `static nlohmann::json decoder_config(const nlohmann::json& whole)`.
template <typename Self, typename Text>
struct DecoderOfMultimodal {
  static DecoderConfigOf decoder_config_of() {
    if constexpr (requires { &Self::decoder_config; }) {
      return &Self::decoder_config;
    } else {
      return [](const nlohmann::json& whole) { return text_config_of(whole, Text::model_type); };
    }
  }
  struct Config : MultimodalTextConfig {
    void bind(ConfigBinding& b) { MultimodalTextConfig::bind(b, decoder_config_of()); }
  };
  static constexpr const char* tokenizer_class = Text::tokenizer_class;
  static constexpr bool partly_described = true;

  static Mapping mapping(const Config& config, const TransformerConfig&) {
    return multimodal_text_mapping(config, Self::names());
  }
  static nlohmann::json completed_config(const ConfigReader& config, const TensorSource& tensors) {
    return completed_text_config(config, tensors, decoder_config_of(), Self::names());
  }
};

/// What a class inherits of which Megatron-Bridge has a model of the whole (WholeModel): `Self` declares
/// bridge_provider, `static ProviderNames provider()` and `static Mapping parts(const Config&, const
/// ConfigReader&)`, which is WholeModel::parts, too.
template <typename Self, typename Text>
struct WholeMultimodal : DecoderOfMultimodal<Self, Text> {
  using Base = DecoderOfMultimodal<Self, Text>;
  static void bridge_fields(FieldBinding& fields, TransformerConfig& decoder) {
    if constexpr (requires { &Text::bridge_fields; }) Text::bridge_fields(fields, decoder);
  }
  static WholeModel whole(const typename Base::Config& config, const ConfigReader& json) {
    return {Self::parts(config, json), provider_fields(json, Self::provider())};
  }
  static nlohmann::json outer_config(const ConfigReader& provider) {
    return outer_config_of(provider, Self::provider());
  }
  static bool builds(const nlohmann::json& config, const TransformerConfig& decoder) {
    try {
      const auto read = config_from_json<typename Base::Config>(ConfigReader(config, "config.json"));
      return differing_fields(config_to_megatron(read), decoder).empty();
    } catch (const InputError&) {
      return false;
    }
  }
  static nlohmann::json whole_config(nlohmann::json outer, const TransformerConfig& decoder) {
    outer["architectures"] = {Self::class_name};
    outer["model_type"] = Self::model_type;
    outer.emplace("tie_word_embeddings", decoder.share_embeddings_and_output_weights);
    if (builds(outer, decoder)) return outer;
    return with_text_config(std::move(outer), decoder, Text::model_type, Self::provider());
  }
};

}  // namespace mhub
