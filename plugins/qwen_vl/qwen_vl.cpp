// SPDX-License-Identifier: Apache-2.0
#include "qwen_vl.hpp"

#include <map>

#include "eyes.hpp"
#include "mhub/rules/moe_rules.hpp"
#include "towers.hpp"
#include "whole.hpp"

namespace mhub::qwen_vl {
namespace {

// What differs between the defaults of transformers' text configs and those of the decoders' own classes.
const nlohmann::json kQwen2Usual{{"vocab_size", 152064},       {"hidden_size", 8192},
                                 {"intermediate_size", 29568}, {"num_hidden_layers", 80},
                                 {"num_attention_heads", 64},  {"num_key_value_heads", 8},
                                 {"rms_norm_eps", 1e-5},       {"max_window_layers", 80}};
const nlohmann::json kQwen3Usual{{"max_position_embeddings", 128000}};

/// The decoder's experts always share their weights out (Qwen3VLMoeTextTopKRouter).
const nlohmann::json kQwen3MoeUsual{{"max_position_embeddings", 128000}, {"norm_topk_prob", true}};

/// How Qwen2-VL and 2.5-VL see: PatchMerger (modeling_qwen2_vl.py) with its norm in front. `width` and `out`
/// are what vision_config calls the widths of the tower and of the decoder.
VisionParts qwen2_visual_parts(const ConfigReader& json, const char* tower_type, Normalization norm,
                               std::pair<const char*, std::int64_t> width, const char* out) {
  const std::string names = "visual.", merger = names + "merger.";
  const ConfigReader tower = json.object("vision_config");
  const std::int64_t side = tower.positive("spatial_merge_size", 2);
  VisionParts parts = visual_parts(json, names, tower_type);
  parts.projector = {
      ProjectorNorm{merger + "ln_q.", norm, 1e-6, false}, MergeTokens{side, false},
      ProjectorLinear{merger + "mlp.0.", tower.positive(width.first, width.second) * side * side},
      ActivationFunction::gelu, ProjectorLinear{merger + "mlp.2.", tower.positive(out, 3584)}};
  parts.rotary = multi_axis_rotary(json, {16, 24, 24}, false);
  return parts;
}

std::vector<std::int64_t> deepstack_layers(const ConfigReader& json) {
  const std::string key = "deepstack_visual_indexes";
  const ConfigReader vision = json.object("vision_config");
  return vision.has(key) ? vision.integers(key) : std::vector<std::int64_t>{8, 16, 24};
}

VisionParts with_deepstack(VisionParts parts, const ConfigReader& json) {
  const ConfigReader vision = json.object("vision_config");
  const std::vector<std::int64_t> layers = deepstack_layers(json);
  // Qwen3VLVisionModel collects them as its layers run, each with the merger of its place in the list.
  std::map<std::int64_t, std::size_t> mergers;
  for (std::size_t k = 0; k < layers.size(); ++k) mergers.emplace(layers[k], k);
  for (const auto& [layer, k] : mergers) {
    const std::string merger = parts.tower_names + "deepstack_merger_list." + std::to_string(k) + ".";
    parts.deep.push_back({layer, qwen3_merger(vision, merger, true)});
  }
  return parts;
}

/// Qwen3-VL's, dense and with experts: `python` is what its configs' classes begin with.
ProviderNames qwen3_provider(const std::string& python, const std::string& text_model_type) {
  return {.fields = token_fields(),
          .vision_config = python + "VisionConfig",
          .text_config = python + "TextConfig",
          .text_model_type = text_model_type,
          .sections = {24, 20, 20},
          .interleaved = true};
}

}  // namespace

nlohmann::json Qwen2VLForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return plain_text_config(whole, Qwen2Text::model_type, kQwen2Usual);
}

VisionParts Qwen2VLForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  VisionParts parts = qwen2_visual_parts(json, Qwen2VisionTransformerPretrainedModel::model_type,
                                         Normalization::layer, {"embed_dim", 1280}, "hidden_size");
  parts.processor_class = "Qwen2VLProcessor";
  return parts;
}

nlohmann::json Qwen2_5_VLForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return plain_text_config(whole, Qwen2Text::model_type, kQwen2Usual);
}

VisionParts Qwen2_5_VLForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  VisionParts parts = qwen2_visual_parts(json, Qwen2_5_VisionTransformerPretrainedModel::model_type,
                                         Normalization::rms, {"hidden_size", 3584}, "out_hidden_size");
  parts.processor_class = "Qwen2_5_VLProcessor";
  return parts;
}

ProviderNames Qwen2_5_VLForConditionalGeneration::provider() {
  return {.fields = token_fields(),
          .vision_config = "transformers.models.qwen2_5_vl.configuration_qwen2_5_vl.Qwen2_5_VLVisionConfig",
          .text_model_type = "qwen2_5_vl_text",
          .sections = {16, 24, 24}};
}

/// Bridge's modeling_qwen25_vl.py: the tower is transformers'.
Mapping Qwen2_5_VLForConditionalGeneration::parts(const Config&, const ConfigReader&) {
  Mapping parts;
  parts.keep_rest("visual.", "visual.");
  return parts;
}

nlohmann::json Qwen3VLForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return plain_text_config(whole, Qwen3Text::model_type, kQwen3Usual);
}

VisionParts Qwen3VLForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  return with_deepstack(qwen3_visual_parts(json, {24, 20, 20}), json);
}

ProviderNames Qwen3VLForConditionalGeneration::provider() {
  return qwen3_provider("transformers.models.qwen3_vl.configuration_qwen3_vl.Qwen3VL", "qwen3_vl_text");
}

Mapping Qwen3VLForConditionalGeneration::parts(const Config&, const ConfigReader& json) {
  return qwen3_parts(json, deepstack_layers(json).size());
}

nlohmann::json Qwen3VLMoeForConditionalGeneration::decoder_config(const nlohmann::json& whole) {
  return plain_text_config(whole, Qwen3MoeText::model_type, kQwen3MoeUsual);
}

Mapping Qwen3VLMoeForConditionalGeneration::mapping(const Config& config, const TransformerConfig&) {
  return with_turned_experts(with_stacked_experts(multimodal_text_mapping(config, names())));
}

ProviderNames Qwen3VLMoeForConditionalGeneration::provider() {
  return qwen3_provider("transformers.models.qwen3_vl_moe.configuration_qwen3_vl_moe.Qwen3VLMoe",
                        "qwen3_vl_moe_text");
}

Mapping Qwen3VLMoeForConditionalGeneration::parts(const Config&, const ConfigReader& json) {
  return qwen3_parts(json, deepstack_layers(json).size());
}

VisionParts Qwen3VLMoeForConditionalGeneration::vision(const Config&, const ConfigReader& json) {
  return with_deepstack(qwen3_visual_parts(json, {24, 20, 20}), json);
}

}  // namespace mhub::qwen_vl

extern "C" const unsigned mhub_plugin_abi = mhub::kPluginAbi;

extern "C" void mhub_plugin_register(mhub::PluginRegistrar& registrar) {
  registrar.family = "qwen_vl";
  registrar.about = "Qwen2-VL, Qwen2.5-VL, Qwen3-VL (dense and MoE) and their towers";
  registrar.add<mhub::qwen_vl::Qwen2VLForConditionalGeneration>();
  registrar.add<mhub::qwen_vl::Qwen2_5_VLForConditionalGeneration>();
  registrar.add<mhub::qwen_vl::Qwen3VLForConditionalGeneration>();
  registrar.add<mhub::qwen_vl::Qwen3VLMoeForConditionalGeneration>();
  registrar.add<mhub::qwen_vl::Qwen2VisionTransformerPretrainedModel>();
  registrar.add<mhub::qwen_vl::Qwen2_5_VisionTransformerPretrainedModel>();
  registrar.add<mhub::qwen_vl::Qwen3VLVisionModel>();
}
