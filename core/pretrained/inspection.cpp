// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/inspection.hpp"

#include "mhub/base/json.hpp"
#include "mhub/image/vision_processor.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/runtime/eyes.hpp"
#include "mhub/text/tokenizer_info.hpp"

namespace mhub {

std::string stored_dtype(const CanonicalState& state) {
  std::string name;
  for (const StoredTensor* tensor : state.sources) {
    const std::string one(torch_name(tensor->dtype));
    if (name.empty()) name = one;
    if (name != one) return "mixed";
  }
  return name;
}

namespace {

std::int64_t parameters_of(const CanonicalState& state, const std::string& prefix) {
  std::int64_t parameters = 0;
  for (const CanonicalTensor& tensor : state.tensors) {
    if (tensor.name.starts_with(prefix)) parameters += numel(tensor.shape) - tensor.unread;
  }
  return parameters;
}

/// What the tensors of a carried projector's steps begin with.
std::vector<std::string> projector_names(const VisionParts& parts) {
  std::vector<std::string> names;
  const auto add = [&](const std::vector<ProjectorStep>& steps) {
    for (const ProjectorStep& step : steps) {
      if (const auto* norm = std::get_if<ProjectorNorm>(&step)) names.push_back(norm->tensor);
      if (const auto* linear = std::get_if<ProjectorLinear>(&step)) names.push_back(linear->tensor);
    }
  };
  add(parts.projector);
  for (const DeepFeatures& deep : parts.deep) add(deep.projector);
  return names;
}

void set_tower(VisionSummary& summary, const std::string& model_class, const TransformerConfig& tower,
               std::int64_t unused_layers) {
  summary.model_class = model_class;
  summary.layers = tower.num_layers + unused_layers;
  summary.hidden_size = tower.hidden_size;
  if (!tower.image) return;
  summary.image_size = tower.image->image_size;
  summary.patch_size = tower.image->patch_size;
}

/// Megatron's model has the tower, or it is carried under Hugging Face names.
std::optional<VisionSummary> vision_of(const Checkpoint& checkpoint) {
  const std::optional<runtime::Eyes> eyes = runtime::eyes_of(checkpoint);
  if (!eyes) return std::nullopt;
  VisionSummary summary;
  summary.image_token = eyes->image_token;
  const std::string carried(kCarriedPrefix);
  if (const auto& vision = checkpoint.transformer->vision) {
    const ConfigPart tower(checkpoint.config->object("vision_config").json(), "vision_config");
    set_tower(summary, tower.model.class_name, *vision->tower, vision->unused_layers);
    summary.tower_parameters =
        parameters_of(checkpoint.state, "vision_model.") + parameters_of(checkpoint.state, carried);
    summary.projector_parameters = parameters_of(checkpoint.state, "vision_projection.");
  } else {
    const VisionParts parts = checkpoint.model->vision(*checkpoint.config);
    const ConfigPart tower(parts.tower_config, "vision_config");
    set_tower(summary, tower.model.class_name, tower.model.megatron(tower.config), 0);
    // Some models keep their projector inside the tower (Qwen-VL's merger).
    for (const std::string& name : projector_names(parts))
      summary.projector_parameters += parameters_of(checkpoint.state, carried + name);
    summary.tower_parameters = parameters_of(checkpoint.state, carried) - summary.projector_parameters;
  }
  if (checkpoint.files) {
    const ProcessorNames names = processor_names(*checkpoint.files);
    summary.processor = names.processor.empty() ? eyes->processor_class : names.processor;
    summary.image_processor =
        names.image_processor.empty() ? eyes->image_processor_type : names.image_processor;
  }
  return summary;
}

std::string line(const std::string& key, const std::string& value) {
  return "  (" + key + "): " + value + "\n";
}

std::string vision_lines(const VisionSummary& s, std::int64_t parameters) {
  const std::int64_t decoder = parameters - s.tower_parameters - s.projector_parameters;
  return line("vision", s.model_class + " [layers=" + std::to_string(s.layers) +
                            ", hidden_size=" + std::to_string(s.hidden_size) +
                            (s.image_size > 0 ? ", image_size=" + std::to_string(s.image_size) : "") +
                            ", patch_size=" + std::to_string(s.patch_size) + "]") +
         line("processor", (s.processor.empty() ? "none" : s.processor) +
                               (s.image_processor.empty() ? "" : " [" + s.image_processor + "]")) +
         line("image_token", std::to_string(s.image_token)) +
         line("parameters", with_thousands(parameters) + " [decoder=" + with_thousands(decoder) +
                                ", vision=" + with_thousands(s.tower_parameters) +
                                ", projector=" + with_thousands(s.projector_parameters) + "]");
}

}  // namespace

ModelSummary summarize(const Checkpoint& checkpoint) {
  const TransformerConfig& megatron = *checkpoint.transformer;
  TokenizerInfo tokenizer;
  if (checkpoint.files) tokenizer = tokenizer_info(*checkpoint.files, checkpoint.model->tokenizer_class);
  ModelSummary summary;
  summary.vision = vision_of(checkpoint);
  if (summary.vision) summary.kind = "PreTrainedVLM";
  if (megatron.image) summary.kind = checkpoint.model->dual_encoder ? "PreTrainedVLM" : "PreTrainedModel";
  summary.model_class = checkpoint.model->class_name;
  summary.layers = megatron.num_layers;
  summary.hidden_size = megatron.hidden_size;
  summary.tokenizer_class = tokenizer.class_name;
  summary.tokenizer_vocab_size = tokenizer.vocab_size;
  summary.config_class = checkpoint.model->config_class;
  summary.model_type = checkpoint.config->string("model_type", checkpoint.model->model_type);
  summary.generation_config = !generation_config(checkpoint).is_null();
  summary.parameters = parameters_of(checkpoint.state, "");
  summary.dtype = stored_dtype(checkpoint.state);
  return summary;
}

std::string with_thousands(std::int64_t value) {
  std::string text = std::to_string(value);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string to_string(const ModelSummary& s) {
  std::string text = s.kind + "(\n";
  text += line("model", s.model_class + " [layers=" + std::to_string(s.layers) +
                            ", hidden_size=" + std::to_string(s.hidden_size) + "]");
  text += line("tokenizer",
               s.tokenizer_class.empty()
                   ? "none"
                   : s.tokenizer_class + " [vocab_size=" + std::to_string(s.tokenizer_vocab_size) + "]");
  text += line("config", s.config_class + " [model_type=" + s.model_type + "]");
  text += line("generation_config", s.generation_config ? "GenerationConfig [loaded]" : "none");
  text += s.vision ? vision_lines(*s.vision, s.parameters) : line("parameters", with_thousands(s.parameters));
  text += line("device", s.device);
  text += line("dtype", s.dtype);
  return text + ")";
}

nlohmann::json to_json(const ModelSummary& s) {
  nlohmann::json tokenizer;
  if (!s.tokenizer_class.empty())
    tokenizer = {{"class", s.tokenizer_class}, {"vocab_size", s.tokenizer_vocab_size}};
  nlohmann::json json{
      {"model", {{"class", s.model_class}, {"layers", s.layers}, {"hidden_size", s.hidden_size}}},
      {"tokenizer", tokenizer},
      {"config", {{"class", s.config_class}, {"model_type", s.model_type}}},
      {"generation_config", s.generation_config},
      {"parameters", s.parameters},
      {"device", s.device},
      {"dtype", s.dtype}};
  if (const auto& vision = s.vision) {
    json["vision"] = {
        {"class", vision->model_class},           {"layers", vision->layers},
        {"hidden_size", vision->hidden_size},     {"image_size", vision->image_size},
        {"patch_size", vision->patch_size},       {"image_token", vision->image_token},
        {"processor", vision->processor},         {"image_processor", vision->image_processor},
        {"parameters", vision->tower_parameters}, {"projector_parameters", vision->projector_parameters}};
  }
  return json;
}

}  // namespace mhub
