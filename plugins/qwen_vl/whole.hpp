// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "eyes.hpp"
#include "mhub/base/config_error.hpp"
#include "mhub/plugin/registry.hpp"
#include "mhub/rules/multimodal.hpp"

namespace mhub::qwen_vl {

// Bridge's Qwen3VLModel (models/qwen_vl/modelling_qwen3_vl), which is Qwen3-VL's and Qwen3.5's: a tower of
// Megatron's modules, whose layers are those of its own class here (towers.hpp).

/// What the providers call the tokens as config.json does.
inline std::map<std::string, std::string> token_fields() {
  std::map<std::string, std::string> fields;
  for (const char* name :
       {"image_token_id", "video_token_id", "vision_start_token_id", "vision_end_token_id"})
    fields[name] = name;
  return fields;
}

/// Qwen3VLVisionPatchMerger (utils.py). The norm stands in front of the merge of squares or behind it.
inline void add_merger(Mapping& parts, const ConfigReader& vision, const std::string& megatron,
                       const std::string& hf, bool norm_behind) {
  const std::int64_t side = vision.positive("spatial_merge_size", 2),
                     width = vision.positive("hidden_size", 1152), inner = width * side * side,
                     out = vision.positive("out_hidden_size", 3584);
  if (inner > ConfigReader::kLargestSize || out > ConfigReader::kLargestSize)
    throw ConfigError("vision_config: squares of " + std::to_string(side * side) + " tokens of " +
                      std::to_string(width) + " numbers, which no model has");
  const Shape norm{norm_behind ? inner : width};
  parts.rule(megatron + "patch_norm.weight", replicated(hf + "norm.weight", norm));
  parts.rule(megatron + "patch_norm.bias", replicated(hf + "norm.bias", norm));
  parts.rule(megatron + "linear_fc1.weight", column(hf + "linear_fc1.weight", {inner, inner}));
  parts.rule(megatron + "linear_fc1.bias", column(hf + "linear_fc1.bias", {inner}));
  parts.rule(megatron + "linear_fc2.weight", row(hf + "linear_fc2.weight", {out, inner}));
  parts.rule(megatron + "linear_fc2.bias", replicated(hf + "linear_fc2.bias", {out}));
}

/// The tower with `taps` for deepstack.
inline Mapping qwen3_parts(const ConfigReader& json, std::size_t taps) {
  const std::string names = "model.visual.", module = "vision_model.";
  const ConfigPart tower(visual_parts(json, names, "qwen3_vl_vision").tower_config, "vision_config");
  tower.config.require("hidden_act", "gelu_pytorch_tanh");  // transformer_config.py, whatever the config says
  Mapping layers, parts;
  Mapping whole = tower.model.mapping(tower.config);
  layers.index("i", whole.indices().at("i"));
  for (Rule& rule : whole.rules()) {
    // Names of CLIPViTModel, after which towers are called here.
    for (const auto& [from, to] : {std::pair<std::string_view, const char*>{"conv1.", "patch_embed.proj."},
                                   {"position_embeddings.", "pos_embed."}}) {
      if (rule.megatron.starts_with(from)) rule.megatron.replace(0, from.size(), to);
    }
    layers.rules().push_back(std::move(rule));
  }
  parts.include(layers, {module, names, "v"});
  add_merger(parts, tower.config, module + "merger.", names + "merger.", false);
  if (taps == 0) return parts;
  parts.index("d", static_cast<std::int64_t>(taps));
  add_merger(parts, tower.config, module + "decoder.deepstack_merger_list.{d}.",
             names + "deepstack_merger_list.{d}.", true);
  return parts;
}

}  // namespace mhub::qwen_vl
