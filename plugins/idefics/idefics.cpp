// SPDX-License-Identifier: Apache-2.0
#include "idefics.hpp"

#include <algorithm>

namespace mhub::idefics {
namespace {

/// Whether each row of a full picture of `side` patches has the position of its own number: Idefics3's
/// embeddings look it up with float32 arithmetic (torch.bucketize), which skips some for some sizes.
bool rows_are_positions(std::int64_t side) {
  std::vector<float> boundaries;
  for (std::int64_t k = 0; k + 1 < side; ++k)
    boundaries.push_back(static_cast<float>(static_cast<double>(k + 1) * (1.0 / static_cast<double>(side))));
  const float step = 1.0F / static_cast<float>(side);
  for (std::int64_t row = 0; row < side; ++row) {
    const float place = std::min(static_cast<float>(row) * step, static_cast<float>(1.0 - 1e-6));
    if (std::upper_bound(boundaries.begin(), boundaries.end(), place) - boundaries.begin() != row)
      return false;
  }
  return true;
}

}  // namespace

nlohmann::json typed_text_config(const nlohmann::json& whole) {
  nlohmann::json text = text_config_of(whole, LlamaText::model_type);
  if (text.is_object()) text.erase("architectures");
  return text;
}

/// modeling_idefics3.py: SigLIP's tower with other defaults (Idefics3VisionConfig), squares of tokens, one
/// linear layer.
VisionParts idefics_vision(const ConfigReader& json, std::int64_t width) {
  VisionParts parts;
  parts.tower_config = {{"hidden_size", 1152},       {"intermediate_size", 3072}, {"num_hidden_layers", 12},
                        {"num_attention_heads", 16}, {"image_size", 224},         {"patch_size", 32}};
  const ConfigReader tower = json.object("vision_config");
  for (const auto& [key, value] : tower.json().items()) parts.tower_config[key] = value;
  parts.tower_config.erase("architectures");
  parts.tower_config["model_type"] = "siglip_vision_model";
  parts.tower_config["vision_use_head"] = false;
  parts.tower_names = "model.vision_model.";
  const std::int64_t side = tower.positive("image_size", 224) / tower.positive("patch_size", 32);
  if (side > 1024 || !rows_are_positions(side))
    tower.fail("image_size", "unsupported: pictures of " + std::to_string(side) + " patches a side");
  const std::int64_t factor = json.positive("scale_factor", 2);
  if (factor > 64) json.fail("scale_factor", "expected 64 at most");
  parts.projector = {MergeTokens{factor, false},
                     ProjectorLinear{"model.connector.modality_projection.proj.", width}};
  parts.image_token = json.integer("image_token_id", 128257);
  return parts;
}

VisionParts Idefics3ForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  VisionParts parts = idefics_vision(json, config_to_megatron(config).hidden_size);
  parts.processor_class = "Idefics3Processor";
  parts.image_processor_type = "Idefics3ImageProcessor";
  return parts;
}

VisionParts SmolVLMForConditionalGeneration::vision(const Config& config, const ConfigReader& json) {
  VisionParts parts = idefics_vision(json, config_to_megatron(config).hidden_size);
  parts.processor_class = "SmolVLMProcessor";
  parts.image_processor_type = "SmolVLMImageProcessor";
  return parts;
}

}  // namespace mhub::idefics

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "idefics";
  registrar.about = "Idefics 3, SmolVLM, SmolVLM2";
  registrar.add<mhub::idefics::Idefics3ForConditionalGeneration>();
  registrar.add<mhub::idefics::SmolVLMForConditionalGeneration>();
}
