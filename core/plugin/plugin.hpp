// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <any>
#include <functional>

#include "mhub/config/config_binding.hpp"
#include "mhub/mapping/mapping.hpp"
#include "mhub/plugin/vision_parts.hpp"
#include "mhub/plugin/whole_model.hpp"
#include "mhub/store/tensor_source.hpp"

namespace mhub {

/// What mhub knows of one model class; all that loading, inspection, conversion and the runtime ever use.
struct ModelDescriptor {
  std::string class_name;    ///< transformers' class, as in config.json "architectures": "GPT2LMHeadModel"
  std::string config_class;  ///< "GPT2Config"
  std::string model_type;    ///< config.json "model_type": "gpt2"
  std::string
      tokenizer_class;  ///< what transformers loads when the checkpoint does not say: "GPT2TokenizerFast"
  std::string plugin;   ///< the family that registered it; filled by the registry
  int preference = 0;   ///< among classes that build the same function, the one to export to

  /// The typed config as the plugin declares it (std::any of Model::Config).
  std::function<std::any(const ConfigReader&)> config;
  std::function<TransformerConfig(const ConfigReader&)> megatron;
  std::function<Mapping(const ConfigReader&)> mapping;
  /// A checkpoint's config.json together with what only the names of its tensors say (a part of the model
  /// that the config does not mention). Empty: nothing.
  std::function<nlohmann::json(const ConfigReader&, const TensorSource&)> completed_config;
  /// The fields of a config.json that build what a TransformerConfig describes, as far as the architecture
  /// can (identify_model asks whether it is exact). Empty: a TransformerConfig describes only a part of the
  /// model.
  std::function<nlohmann::json(const TransformerConfig&)> config_json;

  /// How the model sees, is compared with texts, or, as a tower, looks at patches. Empty: the model is none
  /// of this kind.
  std::function<VisionParts(const ConfigReader&)> vision;
  std::function<DualEncoderParts(const ConfigReader&)> dual_encoder;
  std::function<TowerParts(const ConfigReader&)> tower;

  /// The Megatron-Bridge class that builds the model, where Bridge has one with fields of its own, and those
  /// fields: bound behind the common ones of run_config.yaml, so what is written here replaces them.
  std::string bridge_provider;
  std::function<void(FieldBinding&, TransformerConfig&)> bridge_fields;
  /// A second such class, where Bridge builds some models of the architecture with it
  /// (TransformerConfig::bridge_provider says which); empty: there is none.
  std::string other_provider;

  /// What that class builds, where it is a model of the whole and `megatron` describes the decoder. Empty: it
  /// is not.
  std::function<WholeModel(const ConfigReader&)> whole;
  /// config.json as far as its run_config.yaml says it, and with such a decoder in it.
  std::function<nlohmann::json(const ConfigReader& provider)> outer_config;
  std::function<nlohmann::json(nlohmann::json outer, const TransformerConfig& decoder)> whole_config;
};

/// The descriptor of a typed model class. `Model` has
///   - using Config = ...; a default-constructible struct with `void bind(ConfigBinding&)`
///   (config_binding.hpp)
///   - static constexpr const char *class_name, *config_class, *model_type, *tokenizer_class;
///   - static Mapping mapping(const Config&, const TransformerConfig&);
///     which throws ConfigError for a config that contradicts itself
/// and, where it needs them,
///   - static constexpr int preference;
///   - static constexpr bool partly_described = true; see ModelDescriptor::config_json
///   - static nlohmann::json completed_config(const ConfigReader&, const TensorSource&);
///   - static VisionParts vision(const Config&, const ConfigReader&);
///   - static DualEncoderParts dual_encoder(const Config&, const ConfigReader&);
///   - static TowerParts tower(const Config&);
///   - static constexpr const char* bridge_provider; with
///     static void bridge_fields(FieldBinding&, TransformerConfig&);
///     and static constexpr const char* other_provider, where Config::bind may choose that one;
///     and, of a class that is the decoder's in Megatron's GPTModel,
///     static WholeModel whole(const Config&, const ConfigReader&);
///     static nlohmann::json outer_config(const ConfigReader&);
///     static nlohmann::json whole_config(nlohmann::json, const TransformerConfig&);
template <typename Model>
ModelDescriptor describe() {
  using Config = typename Model::Config;
  ModelDescriptor d;
  d.class_name = Model::class_name;
  d.config_class = Model::config_class;
  d.model_type = Model::model_type;
  d.tokenizer_class = Model::tokenizer_class;
  if constexpr (requires { Model::preference; }) d.preference = Model::preference;
  if constexpr (requires { &Model::completed_config; }) d.completed_config = &Model::completed_config;
  if constexpr (requires { &Model::vision; }) {
    d.vision = [](const ConfigReader& json) { return Model::vision(config_from_json<Config>(json), json); };
  }
  if constexpr (requires { &Model::dual_encoder; }) {
    d.dual_encoder = [](const ConfigReader& json) {
      return Model::dual_encoder(config_from_json<Config>(json), json);
    };
  }
  if constexpr (requires { &Model::tower; }) {
    d.tower = [](const ConfigReader& json) { return Model::tower(config_from_json<Config>(json)); };
  }
  if constexpr (requires { Model::bridge_provider; }) {
    d.bridge_provider = Model::bridge_provider;
    if constexpr (requires { Model::other_provider; }) d.other_provider = Model::other_provider;
    d.bridge_fields = [](FieldBinding& fields, TransformerConfig& config) {
      Model::bridge_fields(fields, config);
    };
  }
  constexpr bool has_whole = requires { &Model::whole; };
  if constexpr (has_whole) {
    d.whole = [](const ConfigReader& json) { return Model::whole(config_from_json<Config>(json), json); };
    d.outer_config = &Model::outer_config;
    d.whole_config = &Model::whole_config;
  }
  d.config = [](const ConfigReader& json) { return std::any(config_from_json<Config>(json)); };
  d.megatron = [](const ConfigReader& json) {
    TransformerConfig megatron = config_to_megatron(config_from_json<Config>(json));
    if constexpr (requires { Model::bridge_provider; } && !has_whole) {
      bool chosen = false;
      if constexpr (requires { Model::other_provider; })
        chosen = megatron.bridge_provider == Model::other_provider;
      if (!chosen) megatron.bridge_provider = Model::bridge_provider;
    }
    return megatron;
  };
  d.mapping = [](const ConfigReader& json) {
    const Config config = config_from_json<Config>(json);
    return Model::mapping(config, config_to_megatron(config));
  };
  if constexpr (!requires { Model::partly_described; }) {
    d.config_json = [](const TransformerConfig& megatron) {
      return config_to_json(config_from_megatron<Config>(megatron));
    };
  }
  return d;
}

/// Changes whenever a type that plugins use changes. A plugin built against another number is not loaded.
inline constexpr unsigned kPluginAbi = MHUB_PLUGIN_ABI;

/// What a plugin's registration function fills.
struct PluginRegistrar {
  std::string family;  ///< set by the plugin: "llama"
  std::string about;   ///< one line for `mhub plugins`
  std::vector<ModelDescriptor> models;

  template <typename Model>
  void add() {
    models.push_back(describe<Model>());
  }
  /// A class that repositories publish under other names, with code of their own, and that is `Model` in all
  /// else. What Megatron has is exported to it only where somebody asks for it by name.
  template <typename Model>
  void add_alias(const char* class_name, const char* config_class, const char* model_type) {
    ModelDescriptor& alias = models.emplace_back(describe<Model>());
    alias.class_name = class_name;
    alias.config_class = config_class;
    alias.model_type = model_type;
    alias.preference = -1;
  }
};

// A plugin is a shared library libmhub_plugin_<family>.so that exports two C symbols:
//
//     extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;
//     extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) { ... }
//
// The first is read before the second is looked up.
extern "C" const unsigned mhub_plugin_abi;
extern "C" void mhub_plugin_register(PluginRegistrar& registrar);

}  // namespace mhub
