// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_tower.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

/// Tiles that run together: enough rows for the multiplications, few enough that activations stay small.
constexpr std::int64_t kTilesAtOnce = 2;

const VisionConfig& vision_of(const Checkpoint& checkpoint) {
  if (checkpoint.transformer && checkpoint.transformer->vision) return *checkpoint.transformer->vision;
  throw InputError(checkpoint.path + ": " +
                   (checkpoint.model ? checkpoint.model->class_name : "a model that is not known") +
                   " takes no pictures here");
}

/// Of the tower's layers. That it takes pictures is this class's business.
TransformerConfig layers_config(const VisionConfig& vision) {
  TransformerConfig config = *vision.tower;
  config.image.reset();
  config.vocab_size = 1;
  return config;
}

}  // namespace

VisionTower::VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype)
    : backend_(backend), workspace_(backend) {
  const VisionConfig& vision = vision_of(checkpoint);
  config_ = layers_config(vision);
  image_ = vision.tower->image.value();
  drop_class_token_ = vision.drop_class_token;
  require_supported(config_, checkpoint.path);
  if (image_.vision_model_type != "clip")
    throw InputError(checkpoint.path + ": generation does not support a vision tower of the kind \"" +
                     image_.vision_model_type + "\" yet");
  const Weights all(checkpoint, dtype);
  Weights tower = all.inside("vision_model."), projector = all.inside("vision_projection.");
  const std::int64_t h = config_.hidden_size;
  patch_embedding_ = backend.place(
      tower.matrix("conv1.weight", {h, image_.num_channels, image_.patch_size, image_.patch_size}),
      Rows::all);
  class_token_ = tower.vector("class_token", h);
  positions_ = tower.values("position_embeddings.weight", {tokens(), h});
  pre_norm_ = load_norm(tower, config_, "ln_pre.", h);
  layers_.emplace(tower, backend, config_);
  const std::int64_t inner = vision.projector_ffn_hidden_size, out = checkpoint.transformer->hidden_size;
  const LayerSource source{projector, backend, config_, 0, "encoder."};
  fc1_ = Linear::load(source, "encoder.linear_fc1", inner, h);
  fc2_ = Linear::load(source, "encoder.linear_fc2", out, inner);
  activation_ = {activation_kind(vision.projector_activation, checkpoint.path), false, 0.0F, 0.0F};
  tower.require_all_used();
  projector.require_all_used();
}

std::vector<float> VisionTower::features(std::span<const float> tiles) {
  const auto tile = static_cast<std::size_t>(image_.num_channels * image_.image_size * image_.image_size);
  if (tiles.size() % tile != 0)
    throw UsageError("tiles of " + std::to_string(image_.image_size) + " x " +
                     std::to_string(image_.image_size) + " pixels are " + std::to_string(tile) +
                     " numbers each, and there are " + std::to_string(tiles.size()));
  std::vector<float> out;
  const std::size_t step = kTilesAtOnce * tile;
  for (std::size_t begin = 0; begin < tiles.size(); begin += step)
    run(tiles.subspan(begin, std::min(step, tiles.size() - begin)), out);
  return out;
}

std::vector<float> VisionTower::patches(std::span<const float> tile) const {
  const std::int64_t size = image_.image_size, patch = image_.patch_size;
  std::vector<float> out;
  out.reserve(tile.size());
  for (std::int64_t k = 0; k < side() * side(); ++k) {
    const std::int64_t top = k / side() * patch, left = k % side() * patch;
    for (std::int64_t channel = 0; channel < image_.num_channels; ++channel) {
      for (std::int64_t row = top; row < top + patch; ++row) {
        const float* from = tile.data() + (channel * size + row) * size + left;
        out.insert(out.end(), from, from + patch);
      }
    }
  }
  return out;
}

void VisionTower::embed(ForwardPass& pass, std::span<const float> tile, Matrix hidden) const {
  const std::vector<float> rows = patches(tile);
  const Matrix in = pass.workspace.matrix("patches", side() * side(), patch_embedding_.columns);
  const Matrix positions = pass.workspace.matrix("positions", hidden.rows, hidden.columns);
  backend_.write(rows, in);
  backend_.write(positions_, positions);
  backend_.write(class_token_, hidden.slice_rows(0, 1));
  backend_.linear(patch_embedding_, {}, in, hidden.slice_rows(1, in.rows), false, pass.precision);
  backend_.add(positions, 1.0F, hidden);
}

void VisionTower::run(std::span<const float> tiles, std::vector<float>& out) {
  const auto tile = static_cast<std::size_t>(image_.num_channels * image_.image_size * image_.image_size);
  const auto count = static_cast<std::int64_t>(tiles.size() / tile);
  ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
  const Matrix hidden = workspace_.matrix("hidden", count * tokens(), config_.hidden_size);
  const TokenSpan all{0, tokens()};
  std::vector<std::vector<LayerCache>> caches;
  std::vector<std::vector<LayerCache>*> of_segments;
  caches.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) {
    embed(pass, tiles.subspan(static_cast<std::size_t>(k) * tile, tile),
          hidden.slice_rows(k * tokens(), tokens()));
    pass.segments.push_back({k * tokens(), tokens(), 0, nullptr, {&all, 1}});
    of_segments.push_back(&caches.emplace_back(layers_->new_caches()));
  }
  backend_.normalize(pre_norm_, hidden, hidden);
  layers_->run(pass, of_segments, hidden, {});

  const std::int64_t rows = features_per_tile();
  const Matrix in = workspace_.matrix("features", count * rows, hidden.columns);
  for (std::int64_t k = 0; k < count; ++k)
    backend_.copy(hidden.slice_rows((k + 1) * tokens() - rows, rows), in.slice_rows(k * rows, rows));
  const Matrix wide = workspace_.matrix("wide", in.rows, fc1_.weight.rows);
  const Matrix active = workspace_.matrix("active", in.rows, fc1_.weight.rows);
  const Matrix projected = workspace_.matrix("projected", in.rows, fc2_.weight.rows);
  backend_.linear_activate(fc1_.weight, fc1_.bias, activation_, in, wide, active, pass.precision);
  fc2_.run(pass, active, projected, false);
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(projected.rows * projected.columns));
  backend_.read(projected, std::span(out).subspan(begin));
}

}  // namespace mhub::runtime
