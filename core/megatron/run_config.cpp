// SPDX-License-Identifier: Apache-2.0
#include <yaml-cpp/yaml.h>

#include "mhub/base/error.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/megatron/megatron_args.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

/// A Python object by name, as Bridge's yaml_utils writes functions and dtypes.
nlohmann::json reference(const std::string& target) { return {{"_target_", target}, {"_call_", false}}; }

void bind_model(FieldBinding& f, TransformerConfig& c) {
  bind_fields(f, c, Dialect::run_config);
  if (const ModelDescriptor* model = PluginRegistry::instance().find_bridge_provider(c.bridge_provider))
    model->bridge_fields(f, c);
}

/// Numbers as the shortest text that reads back, true, false. PyYAML follows YAML 1.1, where a real number
/// has a point: it reads 1e-06 as a string and 1.0e-06 as a number.
std::string scalar_text(const nlohmann::json& json) {
  std::string text = json.dump();
  const std::size_t exponent = text.find('e');
  if (json.is_number_float() && exponent != std::string::npos && text.find('.') == std::string::npos)
    text.insert(exponent, ".0");
  return text;
}

YAML::Node yaml_of(const nlohmann::json& json) {
  YAML::Node node;
  if (json.is_object()) {
    node = YAML::Node(YAML::NodeType::Map);
    for (const auto& entry : json.items()) node[entry.key()] = yaml_of(entry.value());
  } else if (json.is_array()) {
    node = YAML::Node(YAML::NodeType::Sequence);
    node.SetStyle(YAML::EmitterStyle::Flow);
    for (const nlohmann::json& one : json) node.push_back(yaml_of(one));
  } else if (json.is_string()) {
    node = json.get<std::string>();
  } else if (!json.is_null()) {
    node = scalar_text(json);
  }
  return node;
}

constexpr std::size_t kMostNodes = 1 << 18;

/// A YAML tree as JSON, scalars by YAML's core schema. Aliases are written out, so nodes are counted.
nlohmann::json json_of(const YAML::Node& node, std::size_t& count, const std::string& where) {
  if (++count > kMostNodes) throw InputError(where + ": more than " + std::to_string(kMostNodes) + " values");
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& entry : node) {
        if (entry.first.IsScalar()) object[entry.first.Scalar()] = json_of(entry.second, count, where);
      }
      return object;
    }
    case YAML::NodeType::Sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YAML::Node& one : node) list.push_back(json_of(one, count, where));
      return list;
    }
    case YAML::NodeType::Scalar: {
      if (node.Tag() == "!") return node.Scalar();  // quoted
      std::int64_t integer = 0;
      double real = 0;
      bool boolean = false;
      if (YAML::convert<std::int64_t>::decode(node, integer)) return integer;
      if (YAML::convert<double>::decode(node, real)) return real;
      if (YAML::convert<bool>::decode(node, boolean)) return boolean;
      return node.Scalar();
    }
    default: return nullptr;
  }
}

}  // namespace

std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target) {
  FieldBinding fields;
  TransformerConfig copy = config;
  bind_model(fields, copy);
  nlohmann::json model = fields.written();
  const nlohmann::json dtype = reference("torch." + std::string(torch_name(target.dtype)));
  model["_target_"] = config.bridge_provider;
  model["make_vocab_size_divisible_by"] = target.vocab_divisible_by;
  model["should_pad_vocab"] = target.padded_vocab_size != config.vocab_size;
  model["tensor_model_parallel_size"] = target.sizes.tensor;
  model["pipeline_model_parallel_size"] = target.sizes.pipeline;
  model["bf16"] = target.dtype == DType::bf16;
  model["fp16"] = target.dtype == DType::f16;
  for (const char* key : {"params_dtype", "pipeline_dtype", "autocast_dtype"}) model[key] = dtype;
  // The provider's default gives every layer experts; its bridges of models with dense layers set this one
  // (bridge models/deepseek/deepseek_v3_bridge.py).
  if (config.moe && !config.moe->layer_freq.empty() && config.hybrid_layer_pattern.empty()) {
    model["transformer_layer_spec"] = {
        {"_target_", "megatron.core.models.gpt.gpt_layer_specs.get_gpt_decoder_block_spec"},
        {"_partial_", true},
        {"use_transformer_engine", target.impl == TransformerImpl::transformer_engine}};
  }
  if (config.linear_attention && config.hybrid_layer_pattern.empty()) {  // as bridge models/qwen do
    model["transformer_layer_spec"] = reference(
        "megatron.core.models.gpt.experimental_attention_variant_module_specs."
        "get_transformer_block_with_experimental_attention_variant_spec");
    model["hetereogenous_dist_checkpoint"] = true;
  }
  const nlohmann::json file{{"_target_", "megatron.bridge.training.config.ConfigContainer"},
                            {"checkpoint",
                             {{"_target_", "megatron.bridge.training.config.CheckpointConfig"},
                              {"ckpt_format", target.format},
                              {"save_optim", false},
                              {"save_rng", false}}},
                            {"model", model}};
  YAML::Emitter out;
  out << yaml_of(file);
  return std::string(out.c_str()) + "\n";
}

TransformerConfig read_run_config(const std::string& text, const std::string& where) {
  nlohmann::json file;
  try {
    std::size_t count = 0;
    file = json_of(YAML::Load(text), count, where);
  } catch (const YAML::Exception& error) {
    throw InputError(where + ": not valid YAML: " + error.what());
  }
  TransformerConfig config;
  FieldBinding fields(ConfigReader(std::move(file), where).object("model"));
  bind_model(fields, config);
  return config;
}

}  // namespace mhub
