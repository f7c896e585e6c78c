// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_tower.hpp"

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

const VisionConfig& vision_of(const Checkpoint& checkpoint) {
  if (checkpoint.transformer && checkpoint.transformer->vision) return *checkpoint.transformer->vision;
  throw InputError(checkpoint.path + ": " +
                   (checkpoint.model ? checkpoint.model->class_name : "a model that is not known") +
                   " takes no pictures here");
}

}  // namespace

VisionTower::VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype)
    : backend_(backend), workspace_(backend) {
  const VisionConfig& vision = vision_of(checkpoint);
  drop_class_token_ = vision.drop_class_token;
  const Weights all(checkpoint, dtype);
  const Weights tower = all.inside("vision_model.");
  Weights projector = all.inside("vision_projection.");
  transformer_.emplace(tower, backend, *vision.tower);
  const std::int64_t inner = vision.projector_ffn_hidden_size, out = checkpoint.transformer->hidden_size;
  const LayerSource source{projector, backend, *vision.tower, 0, "encoder."};
  fc1_ = Linear::load(source, "encoder.linear_fc1", inner, vision.tower->hidden_size);
  fc2_ = Linear::load(source, "encoder.linear_fc2", out, inner);
  activation_ = {activation_kind(vision.projector_activation, checkpoint.path), false, 0.0F, 0.0F};
  tower.require_all_used();
  projector.require_all_used();
}

std::vector<float> VisionTower::features(std::span<const float> tiles) {
  const std::vector<float> tokens = transformer_->run(tiles);
  const std::int64_t width = transformer_->hidden_size(), each = transformer_->tokens();
  const std::int64_t count = static_cast<std::int64_t>(tokens.size()) / (each * width);
  const std::int64_t rows = features_per_tile(), first = each - rows;
  ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
  const Matrix in = workspace_.matrix("features", count * rows, width);
  for (std::int64_t k = 0; k < count; ++k)
    backend_.write(std::span(tokens).subspan(static_cast<std::size_t>((k * each + first) * width),
                                             static_cast<std::size_t>(rows * width)),
                   in.slice_rows(k * rows, rows));
  const Matrix wide = workspace_.matrix("wide", in.rows, fc1_.weight.rows);
  const Matrix active = workspace_.matrix("active", in.rows, fc1_.weight.rows);
  const Matrix projected = workspace_.matrix("projected", in.rows, fc2_.weight.rows);
  backend_.linear_activate(fc1_.weight, fc1_.bias, activation_, in, wide, active, pass.precision);
  fc2_.run(pass, active, projected, false);
  std::vector<float> out(static_cast<std::size_t>(projected.rows * projected.columns));
  backend_.read(projected, out);
  return out;
}

}  // namespace mhub::runtime
