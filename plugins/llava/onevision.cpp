// SPDX-License-Identifier: Apache-2.0
#include "onevision.hpp"

namespace mhub::llava {
namespace {

/// "anyres_max_9" is 9 (pack_image_features of modeling_llava_onevision.py).
std::int64_t most_tiles(const ConfigReader& json) {
  const std::string key = "vision_aspect_ratio", prefix = "anyres_max_";
  const std::string value = json.string(key, "anyres_max_9");
  const std::string digits = value.starts_with(prefix) ? value.substr(prefix.size()) : "";
  if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != digits.npos ||
      std::stoll(digits) == 0)
    json.fail(key, "expected \"anyres_max_\" and a number, found \"" + value + "\"");
  return std::stoll(digits);
}

}  // namespace

VisionParts LlavaOnevisionForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  const std::string projector = "multi_modal_projector.";
  const ConfigReader tower = json.object("vision_config");
  const std::int64_t width = config_to_megatron(config).hidden_size;
  VisionParts parts;
  parts.tower_config = tower.json();
  if (!parts.tower_config.contains("model_type")) parts.tower_config["model_type"] = "siglip_vision_model";
  parts.tower_names = "vision_tower.";
  parts.feature_layer =
      feature_layer(json.integer("vision_feature_layer", -1), tower.positive("num_hidden_layers", 12));
  json.require("vision_feature_select_strategy", "full");
  const ActivationFunction act = activation_of(json, "projector_hidden_act", "gelu");
  parts.projector = {ProjectorLinear{projector + "linear_1.", width}, act,
                     ProjectorLinear{projector + "linear_2.", width}};
  parts.row_end = "image_newline";
  parts.most_tiles = most_tiles(json);
  parts.image_token = json.integer("image_token_index", json.integer("image_token_id", 151646));
  parts.tile_grids = json.json().value("image_grid_pinpoints", nlohmann::json());
  parts.processor_class = "LlavaOnevisionProcessor";
  parts.image_processor_type = "LlavaOnevisionImageProcessor";
  return parts;
}

nlohmann::json LLaVAOneVision1_5_ForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  // Defaults of LLaVAOneVision1_5_TextConfig that Qwen3's class has not (configuration_llavaonevision1_5.py).
  static const nlohmann::json usual{
      {"hidden_size", 2560},      {"intermediate_size", 9728},         {"num_hidden_layers", 36},
      {"num_key_value_heads", 8}, {"max_position_embeddings", 262144}, {"rope_theta", 5000000.0}};
  nlohmann::json json = whole;
  json.erase(
      "tie_word_embeddings");  // text_config's counts, as in transformers 4, for which that code was written
  const ConfigReader text(plain_text_config(json, Qwen3Text::model_type, usual), "config.json: text_config");
  text.require("use_sliding_window", false);  // with which that code has a window in every layer or none
  return text.json();
}

}  // namespace mhub::llava
