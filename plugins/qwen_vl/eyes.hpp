// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/rules/multimodal.hpp"

namespace mhub::qwen_vl {

// How Qwen's models see, as data; Qwen3.5 (plugins/qwen_next) has Qwen3-VL's eyes.

/// The parts that all of them have; tensors of the tower begin with `names`.
inline VisionParts visual_parts(const ConfigReader& json, const std::string& names,
                                const std::string& tower_type) {
  VisionParts parts;
  parts.tower_config = json.object("vision_config").json();
  parts.tower_config.erase("architectures");
  // Published configs have the whole model's type there, or that of a class with the same tower.
  parts.tower_config["model_type"] = tower_type;
  parts.tower_names = names;
  parts.image_token = json.integer("image_token_id", 151655);
  parts.image_processor_type = "Qwen2VLImageProcessor";
  return parts;
}

/// Qwen3VLVisionPatchMerger (modeling_qwen3_vl.py); those of deepstack have their norm behind the merge.
inline std::vector<ProjectorStep> qwen3_merger(const ConfigReader& vision, const std::string& names,
                                               bool norm_behind) {
  const std::int64_t side = vision.positive("spatial_merge_size", 2);
  const std::int64_t inner = vision.positive("hidden_size", 1152) * side * side;
  const ProjectorNorm norm{names + "norm.", Normalization::layer, 1e-6, false};
  std::vector<ProjectorStep> steps;
  if (!norm_behind) steps.emplace_back(norm);
  steps.emplace_back(MergeTokens{side, false});
  if (norm_behind) steps.emplace_back(norm);
  steps.emplace_back(ProjectorLinear{names + "linear_fc1.", inner});
  steps.emplace_back(ActivationFunction::gelu);
  steps.emplace_back(ProjectorLinear{names + "linear_fc2.", vision.positive("out_hidden_size", 3584)});
  return steps;
}

/// Qwen3-VL's and Qwen3.5's: `sections` where the decoder's config does not say.
inline VisionParts qwen3_visual_parts(const ConfigReader& json, const std::array<std::int64_t, 3>& sections) {
  const std::string names = "model.visual.";
  const ConfigReader vision = json.object("vision_config");
  VisionParts parts = visual_parts(json, names, "qwen3_vl_vision");
  parts.projector = qwen3_merger(vision, names + "merger.", false);
  parts.rotary = multi_axis_rotary(json, sections, true);
  parts.processor_class = "Qwen3VLProcessor";
  return parts;
}

}  // namespace mhub::qwen_vl
