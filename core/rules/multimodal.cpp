// SPDX-License-Identifier: Apache-2.0
#include "mhub/rules/multimodal.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "mhub/base/config_error.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub {
namespace {

constexpr const char *kText = "text_config", *kVision = "vision_config", *kTied = "tie_word_embeddings";
constexpr const char *kSections = "mrope_section", *kInterleaved = "mrope_interleaved";
constexpr const char* kAudio = "audio_config";
constexpr const char* kTarget = "_target_";  // hydra's name of a Python class
/// What transformers' PreTrainedConfig gives every config, and what no model depends on.
constexpr std::array<std::string_view, 13> kOfAllConfigs{
    "chunk_size_feed_forward", "id2label",      "is_encoder_decoder",  "label2id", "problem_type",
    "output_attentions",       "return_dict",   "architectures",       "dtype",    "torch_dtype",
    "output_hidden_states",    "_name_or_path", "transformers_version"};

void add_projector(Mapping& map, const TransformerConfig& megatron, const std::string& hf) {
  const VisionConfig& vision = *megatron.vision;
  const std::vector<std::string> names = expand_alternatives(hf);
  const std::int64_t in = vision.tower->hidden_size, inner = vision.projector_ffn_hidden_size,
                     out = megatron.hidden_size;
  const std::string encoder = "vision_projection.encoder.";
  map.rule(encoder + "linear_fc1.weight", column(names.at(0) + ".weight", {inner, in}));
  map.rule(encoder + "linear_fc2.weight", row(names.at(1) + ".weight", {out, inner}));
  if (!vision.projector_bias) return;
  map.rule(encoder + "linear_fc1.bias", column(names.at(0) + ".bias", {inner}));
  map.rule(encoder + "linear_fc2.bias", replicated(names.at(1) + ".bias", {out}));
}

void add_model_type(nlohmann::json& part, const std::string& model_type) {
  if (!part.contains("model_type")) part["model_type"] = model_type;
}

/// Where a config.json has the decoder's fields: under `key`, or, as the first models with images were
/// published, beside everything else.
nlohmann::json& own_text(nlohmann::json& whole, const std::string& key = kText) {
  return whole.contains(key) || !whole.contains("hidden_size") ? whole[key] : whole;
}

ConfigPart decoder_of(const nlohmann::json& text) {
  ConfigPart decoder(text, kText);
  if (!decoder.model.config_json)
    throw ConfigError(std::string(kText) + ": expected a model of texts, found " + decoder.model.class_name);
  return decoder;
}

/// The key of a decoder's config with settings of its rotation: transformers 5's, else 4's.
std::string rope_key(const nlohmann::json& text) {
  return text.is_object() && text.contains("rope_parameters") ? "rope_parameters" : "rope_scaling";
}
ConfigReader rope_settings(const ConfigReader& text) { return text.object(rope_key(text.json())); }
/// A decoder's fields, to be read (own_text).
ConfigReader text_of(const ConfigReader& config) { return config.has(kText) ? config.object(kText) : config; }

/// The fields of a config that Bridge wrote, with all defaults: without what all configs have and nulls.
nlohmann::json own_fields(const ConfigReader& config) {
  nlohmann::json own = nlohmann::json::object();
  for (const auto& [key, value] : config.json().items()) {
    const bool of_python = key == kTarget || (value.is_object() && value.contains(kTarget));
    const bool of_all = std::find(kOfAllConfigs.begin(), kOfAllConfigs.end(), key) != kOfAllConfigs.end();
    if (!of_python && !of_all && !value.is_null()) own[key] = value;
  }
  return own;
}

/// Both spellings of the same names (MultimodalNames).
void add_spellings(Mapping& map, const MultimodalNames& names) {
  const std::string inside = "model.language_model.", tower = "vision_model.";
  for (const std::string& other : names.others) {
    // conversion_mapping.py, "CLIPVisionModel".
    if (!other.ends_with("vision_tower." + tower)) continue;
    const std::string without = other.substr(0, other.size() - tower.size());
    map.also_spelled(other, without);
    if (names.model != inside) map.also_spelled(other, "model." + without);
  }
  if (names.model == inside) return;
  map.also_spelled(names.model, inside);
  map.also_spelled(names.head, "lm_head.");
  for (const std::string& other : names.others) map.also_spelled(other, "model." + other);
}

}  // namespace

std::int64_t feature_layer(std::int64_t written, std::int64_t layers) {
  const std::int64_t layer = written < 0 ? layers + 1 + written : written;
  if (layer < 1 || layer > layers)
    throw ConfigError("vision_feature_layer=" + std::to_string(written) +
                      " is not the output of one of the " + std::to_string(layers) +
                      " layers of vision_config");
  return layer;
}

void VisionLanguageConfig::bind(ConfigBinding& b) {
  if (b.from_megatron()) from_megatron(b.megatron);
  b.object(kText, text);
  b.object(kVision, vision);
  if (b.reading()) {
    add_model_type(text, text_model_type);
    add_model_type(vision, vision_model_type);
  }
  b.also_called("image_token_index", "image_token_id");
  b.integer("image_token_index", image_token_index);
  b.check(!b.reading() || !b.reader().has("vision_feature_layer") ||
              b.reader().json().at("vision_feature_layer").is_number_integer(),
          "vision_feature_layer", "unsupported: features of several layers");
  b.integer("vision_feature_layer", vision_feature_layer);
  b.text("vision_feature_select_strategy", vision_feature_select_strategy);
  b.check(vision_feature_select_strategy == "default" || vision_feature_select_strategy == "full",
          "vision_feature_select_strategy", "expected \"default\" or \"full\"");
  b.text("projector_hidden_act", projector_hidden_act);
  b.check(find_named<ActivationFunction>(projector_hidden_act).has_value(), "projector_hidden_act",
          "unsupported: \"" + projector_hidden_act + "\"");
  b.boolean("multimodal_projector_bias", multimodal_projector_bias);
  b.boolean(kTied, tie_word_embeddings);
  // Of the two places that may say it, one suffices (transformers' LlavaConfig).
  if (b.reading() && tie_word_embeddings) text[kTied] = true;
  if (b.to_megatron()) to_megatron(b);
}

void VisionLanguageConfig::to_megatron(ConfigBinding& b) const {
  const ConfigPart decoder(text, kText), images(vision, kVision);
  b.megatron = decoder.model.megatron(decoder.config);
  VisionConfig parts;
  TransformerConfig tower = images.model.megatron(images.config);
  if (!tower.image)
    throw ConfigError(std::string(kVision) + ": " + images.model.class_name + " is no model of images");
  // Megatron-Core stacks the keys of a module's layers or not, as that module's config says; one answer is
  // kept here.
  if (b.megatron.image || b.megatron.vision || b.megatron.moe || !b.megatron.hybrid_layer_pattern.empty())
    throw ConfigError(std::string(kText) +
                      ": unsupported in a vision-language model: " + decoder.model.class_name);
  const std::int64_t layers = tower.num_layers;
  tower.num_layers = feature_layer(vision_feature_layer, layers);
  parts.unused_layers = layers - tower.num_layers;
  parts.tower = std::make_shared<const TransformerConfig>(std::move(tower));
  parts.drop_class_token = vision_feature_select_strategy == "default";
  parts.projector_activation = find_named<ActivationFunction>(projector_hidden_act).value();
  parts.projector_bias = multimodal_projector_bias;
  parts.projector_ffn_hidden_size = b.megatron.hidden_size;
  parts.image_token_index = image_token_index;
  b.megatron.vision = std::move(parts);
  b.megatron.bridge_provider.clear();  // Megatron-Bridge imports no such model
}

void VisionLanguageConfig::from_megatron(const TransformerConfig& megatron) {
  if (!megatron.vision) return;  // of another class: the comparison behind this says so
  const VisionConfig& parts = *megatron.vision;
  TransformerConfig decoder = megatron, tower = *parts.tower;
  decoder.vision.reset();
  tower.num_layers += parts.unused_layers;
  text = identify_model(decoder, std::nullopt, kText).config;
  vision = identify_model(tower, std::nullopt, kVision).config;
  vision_feature_layer = -1 - parts.unused_layers;
  vision_feature_select_strategy = parts.drop_class_token ? "default" : "full";
  projector_hidden_act = name_of(parts.projector_activation);
  multimodal_projector_bias = parts.projector_bias;
  image_token_index = parts.image_token_index;
  tie_word_embeddings = megatron.share_embeddings_and_output_weights;
}

nlohmann::json completed_vision_language_config(const ConfigReader& config, const TensorSource& tensors) {
  nlohmann::json json = config.json();
  const bool stored =
      tensors.find("language_model.lm_head.weight") != nullptr || tensors.find("lm_head.weight") != nullptr;
  const bool untied = config.has(kTied) && !config.boolean(kTied, true);
  if (stored && untied && config.object(kText).has(kTied)) json[kText][kTied] = false;
  return json;
}

Mapping vision_language_mapping(const VisionLanguageConfig& config, const TransformerConfig& megatron,
                                const VisionLanguageNames& names) {
  const ConfigPart decoder(config.text, kText), images(config.vision, kVision);
  Mapping map;
  map.include(decoder.model.mapping(decoder.config), {std::string(kDecoderModule) + ".", names.text});
  Mapping tower = images.model.mapping(images.config);
  tower.carry_from("i", megatron.vision->tower->num_layers);
  map.include(tower, {"vision_model.", names.vision, "v"});
  add_projector(map, megatron, names.projector);
  return map;
}

nlohmann::json text_config_of(const nlohmann::json& whole, const std::string& text_model_type) {
  nlohmann::json text = whole.contains(kText) ? whole.at(kText) : nlohmann::json::object();
  add_model_type(text, text_model_type);
  return text;
}

nlohmann::json plain_text_config(const nlohmann::json& whole, const std::string& model_type,
                                 const nlohmann::json& usual) {
  nlohmann::json text = whole;
  if (whole.contains(kText) && whole.at(kText).is_object()) {
    text = whole.at(kText);
    // Of the two places that may say it, the outer one counts (transformers 5).
    if (whole.contains(kTied)) text[kTied] = whole[kTied];
  }
  for (const char* key : {kVision, kText, "architectures"}) text.erase(key);
  for (const auto& [key, value] : usual.items()) {
    if (!text.contains(key)) text[key] = value;
  }
  text["model_type"] = model_type;
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!text.contains(key) || !text[key].is_object()) continue;
    nlohmann::json& rope = text[key];
    rope.erase(kSections);
    rope.erase(kInterleaved);
    // As configuration_qwen2_5_vl.py, convert_rope_params_to_dict.
    for (const char* kind : {"type", "rope_type"}) {
      if (rope.contains(kind) && rope[kind] == "mrope") rope[kind] = "default";
    }
  }
  return text;
}

void MultimodalTextConfig::bind(ConfigBinding& b, const DecoderConfigOf& decoder_config) {
  b.object(kText, text);
  if (b.reading()) decoder = decoder_config(b.reader().json());
  if (!b.to_megatron()) return;
  const ConfigPart part = decoder_of(decoder);
  b.megatron = part.model.megatron(part.config);
}

Mapping multimodal_text_mapping(const MultimodalTextConfig& config, const MultimodalNames& names) {
  const ConfigPart decoder = decoder_of(config.decoder);
  Mapping map = decoder.model.mapping(decoder.config);
  map.renamed("model.", names.model);
  map.renamed("lm_head.", names.head);
  add_spellings(map, names);
  for (const std::string& other : names.others) map.carry_rest(other);
  return map;
}

ActivationFunction activation_of(const ConfigReader& config, const std::string& key,
                                 const std::string& usual) {
  const std::string name = config.string(key, usual);
  const auto function = find_named<ActivationFunction>(name);
  if (!function) config.fail(key, "unsupported: \"" + name + "\"");
  return *function;
}

std::int64_t shuffled_side(const ConfigReader& config, const std::string& key) {
  constexpr std::int64_t kMost = 64;
  const double ratio = config.number(key, 0.5);
  const auto side = static_cast<std::int64_t>(ratio > 0 ? std::llround(1 / ratio) : 0);
  if (side < 1 || side > kMost || 1 / static_cast<double>(side) != ratio) config.fail(key, "expected 1 / n");
  return side;
}

MultiAxisRotary multi_axis_rotary(const ConfigReader& config, const std::array<std::int64_t, 3>& usual,
                                  bool interleaved) {
  MultiAxisRotary rotary{usual, interleaved};
  const ConfigReader rope = rope_settings(text_of(config));
  if (!rope.has(kSections)) return rotary;
  const std::vector<std::int64_t> sections = rope.integers(kSections);
  if (sections.size() != 3 || *std::min_element(sections.begin(), sections.end()) < 0)
    rope.fail(kSections, "expected three numbers, 0 or more");
  std::copy(sections.begin(), sections.end(), rotary.sections.begin());
  return rotary;
}

nlohmann::json provider_fields(const ConfigReader& config, const ProviderNames& names) {
  nlohmann::json fields = nlohmann::json::object();
  for (const auto& [field, key] : names.fields) {
    if (config.has(key)) fields[field] = config.json()[key];
  }
  const ConfigReader text = text_of(config);
  if (!names.sections.empty()) {
    const ConfigReader rope = rope_settings(text);
    fields["position_embedding_type"] = "mrope";
    fields[kSections] = rope.has(kSections) ? rope.integers(kSections) : names.sections;
  }
  fields[kVision] = config.object(kVision).json();
  fields[kVision][kTarget] = names.vision_config;
  if (!names.text_config.empty()) {
    fields[names.text_key] = text.json();
    fields[names.text_key][kTarget] = names.text_config;
  }
  if (!names.audio_config.empty() && config.has(kAudio)) {
    fields[kAudio] = config.object(kAudio).json();
    fields[kAudio][kTarget] = names.audio_config;
  }
  return fields;
}

nlohmann::json outer_config_of(const ConfigReader& provider, const ProviderNames& names) {
  nlohmann::json outer = nlohmann::json::object();
  for (const auto& [field, key] : names.fields) {
    if (provider.has(field)) outer[key] = provider.json()[field];
  }
  outer[kVision] = own_fields(provider.object(kVision));
  if (!names.text_config.empty() && provider.has(names.text_key))
    outer[kText] = own_fields(provider.object(names.text_key));
  if (!names.audio_config.empty() && provider.has(kAudio))
    outer[kAudio] = own_fields(provider.object(kAudio));
  if (!names.sections.empty() && provider.has(kSections)) {
    nlohmann::json& rope = outer[kText][rope_key(outer[kText])];
    if (!rope.is_object()) rope = nlohmann::json::object();
    rope[kSections] = provider.integers(kSections);
    if (names.interleaved) rope[kInterleaved] = true;
  }
  return outer;
}

nlohmann::json with_text_config(nlohmann::json outer, const TransformerConfig& decoder,
                                const std::string& text_model_type, const ProviderNames& names) {
  const ConfigReader stated = ConfigReader(outer, "config.json").object(kText);
  const ConfigPart text({{"model_type", text_model_type}}, kText);
  nlohmann::json config = identify_model(decoder, text.model.class_name, kText).config;
  config.erase("architectures");
  config["model_type"] = names.text_model_type.empty() ? text_model_type : names.text_model_type;
  if (const ConfigReader rope = rope_settings(stated); !names.sections.empty() && rope.has(kSections)) {
    nlohmann::json& settings = config[rope_key(config)];
    settings.emplace("rope_type", "default");
    for (const char* key : {kSections, kInterleaved}) {
      if (rope.has(key)) settings[key] = rope.json()[key];
    }
  }
  outer[kText] = std::move(config);
  outer[kTied] = decoder.share_embeddings_and_output_weights;
  return outer;
}

nlohmann::json completed_text_config(const ConfigReader& config, const TensorSource& tensors,
                                     const DecoderConfigOf& decoder_config, const MultimodalNames& names) {
  nlohmann::json json = config.json();
  config.object(names.config);  // refused here where it is none
  nlohmann::json text = decoder_config(json);
  const ConfigPart decoder = decoder_of(text);
  if (decoder.model.completed_config) {
    // What that adds belongs where the decoder's class has its fields.
    const nlohmann::json completed = decoder.model.completed_config(decoder.config, tensors);
    for (const auto& [key, value] : completed.items()) {
      if (!text.contains(key) || text.at(key) != value) own_text(json, names.config)[key] = value;
    }
    for (const auto& [key, value] : text.items()) {
      if (!completed.contains(key)) own_text(json, names.config).erase(key);
    }
    text = completed;
  }
  const std::vector<std::string> heads{names.head + "weight", "lm_head.weight"};
  const bool stored = std::any_of(heads.begin(), heads.end(),
                                  [&](const std::string& name) { return tensors.find(name) != nullptr; });
  const bool inner = decoder.model.megatron(decoder.config).share_embeddings_and_output_weights;
  // Without a stored head only a config that says "untied" itself is taken at its word (and lacks a tensor):
  // transformers' default is tied for the whole model, whatever the decoder's own class has.
  const bool untied = config.has(kTied) ? !config.boolean(kTied, true) : text.contains(kTied) && !inner;
  const bool tied = stored ? inner && !untied : !untied;
  if (tied != inner) own_text(json, names.config)[kTied] = tied;
  return json;
}

}  // namespace mhub
