// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/megatron_args.hpp"

#include <sstream>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "mhub/base/error.hpp"
#include "mhub/base/json.hpp"
#include "mhub/config/fields.hpp"
#include "mhub/config/layer_specs.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

/// What belongs to the job and not to the model.
nlohmann::ordered_json job_of(const MegatronTarget& t) {
  const auto or_none = [](const auto& value) { return value ? nlohmann::json(*value) : nlohmann::json(); };
  const int chunks = t.sizes.virtual_pipeline;
  nlohmann::ordered_json job{
      {"padded_vocab_size", t.padded_vocab_size},
      {"make_vocab_size_divisible_by", t.vocab_divisible_by},
      {"tensor_model_parallel_size", t.sizes.tensor},
      {"pipeline_model_parallel_size", t.sizes.pipeline},
      {"virtual_pipeline_model_parallel_size", chunks > 1 ? nlohmann::json(chunks) : nlohmann::json()},
      {"decoder_first_pipeline_num_layers", or_none(t.pipeline.first_stage_layers)},
      {"decoder_last_pipeline_num_layers", or_none(t.pipeline.last_stage_layers)},
      {"account_for_embedding_in_pipeline_split", t.pipeline.account_for_embedding},
      {"account_for_loss_in_pipeline_split", t.pipeline.account_for_loss},
      {"expert_model_parallel_size", t.sizes.expert},
      {"expert_tensor_parallel_size", t.sizes.expert_tensor},
      {"context_parallel_size", 1},
      {"transformer_impl", t.impl == TransformerImpl::local ? "local" : "transformer_engine"},
      {"ckpt_format", t.format},
      {"use_dist_ckpt", t.distributed},
      {"bf16", t.dtype == DType::bf16},
      {"fp16", t.dtype == DType::f16},
      {"no_save_optim", true},
      {"no_save_rng", true},
      {"consumed_train_samples", 0},
      {"consumed_valid_samples", 0}};
  if (t.spec) job["spec"] = {*t.spec, kLayerSpecAttribute};
  if (!t.pipeline.layout.empty()) job["pipeline_model_parallel_layout"] = t.pipeline.layout;
  return job;
}

void bind_model(FieldBinding& f, TransformerConfig& c, Dialect dialect) {
  bind_fields(f, c, dialect);
  if (dialect == Dialect::args) return;
  if (const ModelDescriptor* model = PluginRegistry::instance().find_bridge_provider(c.bridge_provider))
    model->bridge_fields(f, c);
}

/// Megatron-LM's `args` for the checkpoint: an argparse.Namespace of plain values, so that
/// `--use-checkpoint-args` (Megatron-LM checkpointing.py, load_args_from_checkpoint) needs no architecture
/// flag for anything it takes from there and torch.load(weights_only=True) accepts it.
const PickleNode* megatron_args(PickleArena& arena, const TransformerConfig& config,
                                const MegatronTarget& target) {
  nlohmann::ordered_json args = description_of(config, Dialect::args);
  args.update(job_of(target));
  if (!target.whole.is_null()) args[kWholeArgument] = target.whole;
  PickleNode* dict = arena.dict();
  for (const auto& [key, value] : args.items()) {
    // argparse's tuple_type makes window_size a tuple, and TransformerEngine asks for one.
    const bool tuple = key == "window_size" && value.is_array();
    const PickleNode* node = pickle_of(arena, value);
    arena.set(dict, key, tuple ? arena.tuple(node->items) : node);
  }
  arena.set(dict, "params_dtype", arena.global("torch " + std::string(torch_name(target.dtype))));
  return arena.instance("argparse Namespace", dict);
}

/// A Python object by name, as Bridge's yaml_utils writes functions and dtypes.
nlohmann::json reference(const std::string& target) { return {{"_target_", target}, {"_call_", false}}; }

/// Numbers as the shortest text that reads back, true, false. PyYAML follows YAML 1.1, where a real number
/// has a point: it reads 1e-06 as a string and 1.0e-06 as a number.
std::string scalar_text(const nlohmann::json& json) {
  std::string text = json_text(json);
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

constexpr int kDeepest = 128;

/// A YAML tree as JSON, scalars by YAML's core schema. Aliases are written out, so nodes are counted; one may
/// also contain itself.
nlohmann::json json_of(const YAML::Node& node, std::size_t& count, const std::string& where, int depth = 0) {
  if (++count > kMostNodes) throw InputError(where + ": more than " + std::to_string(kMostNodes) + " values");
  if (depth > kDeepest)
    throw InputError(where + ": nested more than " + std::to_string(kDeepest) +
                     " levels deep, or an anchor that contains itself");
  switch (node.Type()) {
    case YAML::NodeType::Map: {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& entry : node) {
        if (entry.first.IsScalar())
          object[entry.first.Scalar()] = json_of(entry.second, count, where, depth + 1);
      }
      return object;
    }
    case YAML::NodeType::Sequence: {
      nlohmann::json list = nlohmann::json::array();
      for (const YAML::Node& one : node) list.push_back(json_of(one, count, where, depth + 1));
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

void add_common_state(PickleArena& arena, PickleNode* top, const TransformerConfig& config,
                      const MegatronTarget& target) {
  arena.set(top, "args", megatron_args(arena, config, target));
  arena.set(top, "checkpoint_version", arena.real(3.0));
  arena.set(top, "iteration", arena.integer(target.iteration));
  if (!target.distributed) return;
  // Says that layers are stacked (not "singleton_local_shards"); read by cores from 0.14 on when they build
  // the keys that they request (Megatron-LM checkpointing.py, _load_global_dist_base_checkpoint).
  PickleNode* content = arena.dict();
  arena.set(content, "singleton_local_shards", arena.boolean(false));
  arena.set(top, "content_metadata", content);
}

std::string bridge_run_config(const TransformerConfig& config, const MegatronTarget& target) {
  nlohmann::json model = description_of(config, Dialect::run_config);
  const nlohmann::json dtype = reference("torch." + std::string(torch_name(target.dtype)));
  model.update(target.provider);
  model["_target_"] = config.bridge_provider;
  model["make_vocab_size_divisible_by"] = target.vocab_divisible_by;
  model["should_pad_vocab"] = target.padded_vocab_size != config.vocab_size;
  model["tensor_model_parallel_size"] = target.sizes.tensor;
  model["pipeline_model_parallel_size"] = target.sizes.pipeline;
  model["bf16"] = target.dtype == DType::bf16;
  model["fp16"] = target.dtype == DType::f16;
  for (const char* key : {"params_dtype", "pipeline_dtype", "autocast_dtype"}) model[key] = dtype;
  // The provider's default gives every layer experts; its bridges of models with dense layers set this one
  // (bridge models/deepseek/deepseek_v3_bridge.py). That of a model with dense blocks has a function of its
  // own for both (exaone_moe_provider.py), and so has that of two kinds of attention
  // (mimo_v2_flash_provider.py).
  if (config.moe && !config.moe->layer_freq.empty() && config.hybrid_layer_pattern.empty() &&
      !config.mtp_dense && !config.full_attention) {
    model["transformer_layer_spec"] = {
        {"_target_", "megatron.core.models.gpt.gpt_layer_specs.get_gpt_decoder_block_spec"},
        {"_partial_", true},
        {"use_transformer_engine", target.impl == TransformerImpl::transformer_engine}};
  }
  // As bridge models/qwen and models/glm_moe_dsa do.
  const bool variant = config.linear_attention || config.sparse_attention;
  if (variant && config.hybrid_layer_pattern.empty()) {
    model["transformer_layer_spec"] = reference(
        "megatron.core.models.gpt.experimental_attention_variant_module_specs."
        "get_transformer_block_with_experimental_attention_variant_spec");
    if (config.linear_attention) model["hetereogenous_dist_checkpoint"] = true;
  }
  if (config.heterogeneous) {
    model["transformer_layer_spec"] = {
        {"_target_",
         "megatron.core.models.gpt.heterogeneous.heterogeneous_layer_specs.get_gpt_heterogeneous_layer_spec"},
        {"_partial_", true},
        {"use_te", target.impl == TransformerImpl::transformer_engine}};
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

namespace {

/// Counts documents and keeps nothing.
struct DocumentCounter final : YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override { ++count; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
  int count = 0;
};

/// YAML::LoadAll of yaml-cpp 0.7 never ends where a document begins with a comma: each try to read it is a
/// document, and leaves the comma there.
void require_one_document(const std::string& text, const std::string& where) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentCounter counter;
  while (counter.count < 2 && parser.HandleNextDocument(counter)) {
  }
  if (counter.count != 1)
    throw InputError(where + ": " + (counter.count == 0 ? "no YAML document" : "several YAML documents") +
                     ", expected one");
}

}  // namespace

nlohmann::json description_of(TransformerConfig config, Dialect dialect) {
  FieldBinding fields;
  bind_model(fields, config, dialect);
  return fields.written();
}

nlohmann::json run_config_fields(const std::string& text, const std::string& where) {
  nlohmann::json file;
  try {
    std::size_t count = 0;
    require_one_document(text, where);
    file = json_of(YAML::Load(text), count, where);
  } catch (const YAML::Exception& error) {
    throw InputError(where + ": not valid YAML: " + error.what());
  }
  return ConfigReader(std::move(file), where).object("model").json();
}

TransformerConfig read_description(const nlohmann::json& fields, Dialect dialect, const std::string& where) {
  TransformerConfig config;
  FieldBinding binding(ConfigReader(fields, where));
  bind_model(binding, config, dialect);
  return config;
}

TransformerConfig as_described(const TransformerConfig& config, Dialect dialect,
                               const nlohmann::json& description) {
  const nlohmann::json all = description_of(config, dialect);
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [key, value] : all.items()) {
    if (description.contains(key)) fields[key] = value;
  }
  return read_description(fields, dialect, "a description of the model");
}

}  // namespace mhub
