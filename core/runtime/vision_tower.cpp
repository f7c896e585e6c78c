// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_tower.hpp"

#include "mhub/base/error.hpp"
#include "mhub/formats/model_part.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub::runtime {
namespace {

/// Those of Megatron's MLP between the two halves of a LLaVAModel.
std::vector<ProjectorStep> projector_steps(const VisionConfig& vision, std::int64_t out) {
  return {ProjectorLinear{"encoder.linear_fc1.", vision.projector_ffn_hidden_size},
          vision.projector_activation, ProjectorLinear{"encoder.linear_fc2.", out}};
}

}  // namespace

VisionTower::VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype) {
  const Weights all(checkpoint, dtype);
  if (const auto& vision = checkpoint.transformer->vision) {
    const Weights tower = all.inside("vision_model."), projector = all.inside("vision_projection.");
    transformer_.emplace(tower, backend, *vision->tower);
    projector_.emplace(projector, backend, projector_steps(*vision, checkpoint.transformer->hidden_size),
                       transformer_->hidden_size());
    keeps_class_token_ = !vision->drop_class_token;
    tower.require_all_used();
    projector.require_all_used();
  } else if (checkpoint.model->vision) {
    const VisionParts parts = checkpoint.model->vision(*checkpoint.config);
    const ConfigPart tower(parts.tower_config, "vision_config");
    carried_ = part_of(checkpoint, tower.model, tower.config, parts.tower_names);
    if (!carried_->transformer->image)
      throw InputError(checkpoint.path + ": " + tower.model.class_name + " is no model of images");
    transformer_.emplace(Weights(*carried_, dtype), backend, *carried_->transformer);
    projector_.emplace(all.inside(std::string(kCarriedPrefix)), backend, parts.projector,
                       transformer_->hidden_size());
  } else {
    throw InputError(checkpoint.path + ": " + checkpoint.model->class_name + " takes no pictures here");
  }
}

std::vector<float> VisionTower::features(std::span<const float> tiles) {
  const std::vector<float> tokens = transformer_->run(tiles);
  const std::int64_t side = transformer_->side(), width = transformer_->hidden_size();
  const std::int64_t each = transformer_->tokens(), first = keeps_class_token_ ? 0 : each - side * side;
  if (first == 0) return projector_->run(tokens, side);
  std::vector<float> patches;
  for (auto tile = tokens.begin(); tile != tokens.end(); tile += each * width)
    patches.insert(patches.end(), tile + first * width, tile + each * width);
  return projector_->run(patches, side);
}

}  // namespace mhub::runtime
