// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_transformer.hpp"

#include <algorithm>

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

/// Tiles that run together: enough rows for the multiplications, few enough that activations stay small.
constexpr std::size_t kTilesAtOnce = 2;

/// That the tower takes pictures is this class's business, not the layers'.
TransformerConfig layers_config(const TransformerConfig& tower) {
  TransformerConfig config = tower;
  config.image.reset();
  config.vocab_size = 1;
  return config;
}

}  // namespace

VisionTransformer::VisionTransformer(const Weights& weights, Backend& backend,
                                     const TransformerConfig& config)
    : backend_(backend), workspace_(backend), config_(layers_config(config)), image_(config.image.value()) {
  require_supported(config_, weights.source());
  const bool clip = image_.vision_model_type == "clip", siglip = image_.vision_model_type == "siglip";
  if (!clip && !siglip)
    throw InputError(weights.source() + ": generation does not support a vision tower of the kind \"" +
                     image_.vision_model_type + "\" yet");
  Weights mine = weights;
  const std::int64_t h = config_.hidden_size;
  const Shape patch{h, image_.num_channels, image_.patch_size, image_.patch_size};
  patch_embedding_ = {backend.place(mine.matrix("conv1.weight", patch), Rows::all),
                      mine.optional_vector("conv1.bias", h)};
  if (clip) class_token_ = mine.vector("class_token", h);
  positions_ = mine.values("position_embeddings.weight", {tokens(), h});
  if (clip) pre_norm_ = load_norm(mine, config_, "ln_pre.", h);
  if (siglip) post_norm_ = load_norm(mine, config_, "ln_post.", h);
  layers_.emplace(mine, backend, config_);
}

std::vector<float> VisionTransformer::run(std::span<const float> tiles) {
  if (tiles.size() % tile_size() != 0)
    throw UsageError("tiles of " + std::to_string(image_.image_size) + " x " +
                     std::to_string(image_.image_size) + " pixels are " + std::to_string(tile_size()) +
                     " numbers each, and there are " + std::to_string(tiles.size()));
  std::vector<float> out;
  const std::size_t step = kTilesAtOnce * tile_size();
  for (std::size_t begin = 0; begin < tiles.size(); begin += step)
    run_some(tiles.subspan(begin, std::min(step, tiles.size() - begin)), out);
  return out;
}

std::vector<float> VisionTransformer::patches(std::span<const float> tile) const {
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

void VisionTransformer::embed(ForwardPass& pass, std::span<const float> tile, Matrix hidden) const {
  const std::vector<float> rows = patches(tile);
  const Matrix in = pass.workspace.matrix("patches", side() * side(), patch_embedding_.weight.columns);
  const Matrix positions = pass.workspace.matrix("positions", hidden.rows, hidden.columns);
  backend_.write(rows, in);
  backend_.write(positions_, positions);
  if (image_.has_class_token()) backend_.write(class_token_, hidden.slice_rows(0, 1));
  patch_embedding_.run(pass, in, hidden.slice_rows(hidden.rows - in.rows, in.rows), false);
  backend_.add(positions, 1.0F, hidden);
}

void VisionTransformer::run_some(std::span<const float> tiles, std::vector<float>& out) {
  const auto count = static_cast<std::int64_t>(tiles.size() / tile_size());
  ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
  const Matrix hidden = workspace_.matrix("hidden", count * tokens(), config_.hidden_size);
  const TokenSpan all{0, tokens()};
  std::vector<std::vector<LayerCache>> caches;
  std::vector<std::vector<LayerCache>*> of_segments;
  caches.reserve(static_cast<std::size_t>(count));
  for (std::int64_t k = 0; k < count; ++k) {
    embed(pass, tiles.subspan(static_cast<std::size_t>(k) * tile_size(), tile_size()),
          hidden.slice_rows(k * tokens(), tokens()));
    pass.segments.push_back({k * tokens(), tokens(), 0, nullptr, {&all, 1}});
    of_segments.push_back(&caches.emplace_back(layers_->new_caches()));
  }
  if (pre_norm_) backend_.normalize(*pre_norm_, hidden, hidden);
  layers_->run(pass, of_segments, hidden, {});
  if (post_norm_) backend_.normalize(*post_norm_, hidden, hidden);
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(hidden.rows * hidden.columns));
  backend_.read(hidden, std::span(out).subspan(begin));
}

}  // namespace mhub::runtime
