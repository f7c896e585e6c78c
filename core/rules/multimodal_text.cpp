// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/multimodal_text.hpp"

#include <algorithm>

#include "mhub/base/config_error.hpp"
#include "mhub/plugin/config_part.hpp"

namespace mhub {
namespace {

constexpr const char *kText = "text_config", *kTied = "tie_word_embeddings";

void add_model_type(nlohmann::json& text, const std::string& text_model_type) {
  if (!text.contains("model_type")) text["model_type"] = text_model_type;
}

ConfigPart decoder_of(const nlohmann::json& text) {
  ConfigPart decoder(text, kText);
  if (!decoder.model.config_json)
    throw ConfigError(std::string(kText) + ": expected a model of texts, found " + decoder.model.class_name);
  return decoder;
}

/// Both spellings of the same names (MultimodalNames).
void add_spellings(Mapping& map, const MultimodalNames& names) {
  const std::string inside = "model.language_model.";
  if (names.model == inside) return;
  map.also_spelled(names.model, inside);
  map.also_spelled(names.head, "lm_head.");
  for (const std::string& other : names.others) map.also_spelled(other, "model." + other);
}

}  // namespace

void MultimodalTextConfig::bind(ConfigBinding& b, const std::string& text_model_type) {
  b.object(kText, text);
  if (b.reading()) add_model_type(text, text_model_type);
  if (!b.to_megatron()) return;
  const ConfigPart decoder = decoder_of(text);
  b.megatron = decoder.model.megatron(decoder.config);
}

Mapping multimodal_text_mapping(const MultimodalTextConfig& config, const MultimodalNames& names) {
  const ConfigPart decoder = decoder_of(config.text);
  Mapping map = decoder.model.mapping(decoder.config);
  map.renamed("model.", names.model);
  map.renamed("lm_head.", names.head);
  add_spellings(map, names);
  for (const std::string& other : names.others) map.carry_rest(other);
  return map;
}

nlohmann::json completed_text_config(const ConfigReader& config, const TensorSource& tensors,
                                     const std::string& text_model_type, const MultimodalNames& names) {
  nlohmann::json json = config.json();
  nlohmann::json text = config.object(kText).json();
  add_model_type(text, text_model_type);
  const ConfigPart decoder = decoder_of(text);
  if (decoder.model.completed_config) text = decoder.model.completed_config(decoder.config, tensors);
  const std::vector<std::string> heads{names.head + "weight", "lm_head.weight"};
  const bool stored = std::any_of(heads.begin(), heads.end(),
                                  [&](const std::string& name) { return tensors.find(name) != nullptr; });
  const bool inner = decoder.model.megatron(decoder.config).share_embeddings_and_output_weights;
  const bool tied = !stored || (inner && config.boolean(kTied, true));
  if (tied != inner) text[kTied] = tied;
  json[kText] = std::move(text);
  return json;
}

}  // namespace mhub
