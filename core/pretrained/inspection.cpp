// SPDX-License-Identifier: Apache-2.0
#include "mhub/pretrained/inspection.hpp"

#include "mhub/base/json.hpp"
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

ModelSummary summarize(const Checkpoint& checkpoint) {
  const TransformerConfig& megatron = *checkpoint.transformer;
  TokenizerInfo tokenizer;
  if (checkpoint.files) tokenizer = tokenizer_info(*checkpoint.files, checkpoint.model->tokenizer_class);
  ModelSummary summary;
  if (megatron.vision) summary.kind = "PreTrainedVLM";
  if (megatron.image) summary.kind = "PreTrainedModel";
  summary.model_class = checkpoint.model->class_name;
  summary.layers = megatron.num_layers;
  summary.hidden_size = megatron.hidden_size;
  summary.tokenizer_class = tokenizer.class_name;
  summary.tokenizer_vocab_size = tokenizer.vocab_size;
  summary.config_class = checkpoint.model->config_class;
  summary.model_type = checkpoint.config->string("model_type", checkpoint.model->model_type);
  summary.generation_config = !generation_config(checkpoint).is_null();
  for (const CanonicalTensor& tensor : checkpoint.state.tensors) summary.parameters += numel(tensor.shape);
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
  auto line = [](const std::string& key, const std::string& value) {
    return "  (" + key + "): " + value + "\n";
  };
  std::string text = s.kind + "(\n";
  text += line("model", s.model_class + " [layers=" + std::to_string(s.layers) +
                            ", hidden_size=" + std::to_string(s.hidden_size) + "]");
  text += line("tokenizer",
               s.tokenizer_class.empty()
                   ? "none"
                   : s.tokenizer_class + " [vocab_size=" + std::to_string(s.tokenizer_vocab_size) + "]");
  text += line("config", s.config_class + " [model_type=" + s.model_type + "]");
  text += line("generation_config", s.generation_config ? "GenerationConfig [loaded]" : "none");
  text += line("parameters", with_thousands(s.parameters));
  text += line("device", s.device);
  text += line("dtype", s.dtype);
  return text + ")";
}

nlohmann::json to_json(const ModelSummary& s) {
  nlohmann::json tokenizer;
  if (!s.tokenizer_class.empty())
    tokenizer = {{"class", s.tokenizer_class}, {"vocab_size", s.tokenizer_vocab_size}};
  return {{"model", {{"class", s.model_class}, {"layers", s.layers}, {"hidden_size", s.hidden_size}}},
          {"tokenizer", tokenizer},
          {"config", {{"class", s.config_class}, {"model_type", s.model_type}}},
          {"generation_config", s.generation_config},
          {"parameters", s.parameters},
          {"device", s.device},
          {"dtype", s.dtype}};
}

}  // namespace mhub
