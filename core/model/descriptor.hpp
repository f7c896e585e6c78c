#pragma once

#include <any>
#include <functional>
#include <string>
#include <typeinfo>

#include "mhub/mapping/mapping.hpp"
#include "mhub/model/config_reader.hpp"
#include "mhub/model/transformer_config.hpp"

namespace mhub {

/// What mhub knows of one model class; all that loading, inspection, conversion and the runtime ever use.
struct ModelDescriptor {
  std::string class_name;    ///< transformers' class, as in config.json "architectures": "GPT2LMHeadModel"
  std::string config_class;  ///< "GPT2Config"
  std::string model_type;    ///< config.json "model_type": "gpt2"
  std::string
      tokenizer_class;  ///< what transformers loads when the checkpoint does not say: "GPT2TokenizerFast"
  std::string plugin;   ///< the family that registered it; filled by the registry

  /// The typed config as the plugin declares it (std::any of Model::Config).
  std::function<std::any(const ConfigReader&)> config;
  std::function<TransformerConfig(const ConfigReader&)> megatron;
  std::function<Mapping(const ConfigReader&)> mapping;
};

/// The descriptor of a typed model class. `Model` has
///     using Config = ...;                                      typed config with static Config from(const
///     ConfigReader&) static constexpr const char* class_name, *config_class, *model_type, *tokenizer_class;
///     static TransformerConfig megatron(const Config&);
///     static Mapping mapping(const Config&);
/// Both functions may throw std::logic_error for a config that contradicts itself.
template <typename Model>
ModelDescriptor describe() {
  using Config = typename Model::Config;
  return {Model::class_name,
          Model::config_class,
          Model::model_type,
          Model::tokenizer_class,
          {},
          [](const ConfigReader& reader) { return std::any(Config::from(reader)); },
          [](const ConfigReader& reader) { return Model::megatron(Config::from(reader)); },
          [](const ConfigReader& reader) { return Model::mapping(Config::from(reader)); }};
}

}  // namespace mhub
