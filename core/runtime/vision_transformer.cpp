// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_transformer.hpp"

#include <algorithm>
#include <cmath>

#include "mhub/base/error.hpp"
#include "mhub/runtime/support.hpp"

namespace mhub::runtime {
namespace {

/// Tiles that run together: enough rows for the multiplications, few enough that activations stay small.
constexpr std::int64_t kTilesAtOnce = 2;

/// That the tower takes pictures is this class's business, not the layers'.
TransformerConfig layers_config(const TransformerConfig& tower, const TowerParts& parts) {
  TransformerConfig config = tower;
  config.image.reset();
  config.vocab_size = config.max_position_embeddings = 1;
  if (parts.rotation) config.position_embedding_type = PositionEmbedding::rope;
  return config;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

/// Frequencies of rows and of columns, head_dim / 4 of each, as torch computes them in float32.
struct Frequencies {
  std::vector<float> rows, columns;
};
Frequencies frequencies(const PatchRotation& rotation, std::int64_t head_dim) {
  Frequencies result;
  const auto theta = static_cast<float>(rotation.theta), size = static_cast<float>(head_dim);
  for (std::int64_t k = 0; k < head_dim / 4; ++k) {
    const auto exponent = static_cast<float>(4 * k);
    result.rows.push_back(1.0F / std::pow(theta, exponent / size));
    result.columns.push_back(rotation.columns_between ? 1.0F / std::pow(theta, (exponent + 2.0F) / size)
                                                      : result.rows.back());
  }
  return result;
}

void append(RotaryAngles& angles, float position, const std::vector<float>& frequencies) {
  for (const float frequency : frequencies) {
    angles.cos.push_back(std::cos(position * frequency));
    angles.sin.push_back(std::sin(position * frequency));
  }
}

}  // namespace

TowerParts clip_vit_parts(const ImageConfig& image, const std::string& where) {
  TowerParts parts;
  parts.patch_size = image.patch_size;
  parts.image_size = image.image_size;
  parts.positions = TowerParts::Positions::learned;
  if (image.vision_model_type == "clip") {
    parts.class_token = TowerParts::ClassToken::first;
    parts.pre_norm = true;
  } else if (image.vision_model_type == "siglip") {
    parts.post_norm = true;
  } else {
    throw InputError(where + ": generation does not support a vision tower of the kind \"" +
                     image.vision_model_type + "\" yet");
  }
  return parts;
}

VisionTransformer::VisionTransformer(const Weights& weights, Backend& backend,
                                     const TransformerConfig& config, TowerParts parts)
    : backend_(backend),
      workspace_(backend),
      config_(layers_config(config, parts)),
      parts_(std::move(parts)),
      source_(weights.source()) {
  require_supported(config_, source_);
  if (parts_.rotation && config_.kv_channels % 4 != 0)
    throw InputError(source_ + ": heads of " + std::to_string(config_.kv_channels) +
                     " numbers cannot turn with rows and columns; expected a multiple of 4");
  Weights mine = weights;
  const std::int64_t h = config_.hidden_size, patch = parts_.patch_size;
  Shape convolution{h, Image::kChannels, patch, patch};
  if (parts_.merge > 0) convolution.insert(convolution.begin() + 2, parts_.frames);
  patch_embedding_ = {backend.place(mine.matrix("conv1.weight", convolution), Rows::all),
                      mine.optional_vector("conv1.bias", h)};
  if (parts_.class_token != TowerParts::ClassToken::none) class_token_ = mine.vector("class_token", h);
  if (parts_.positions == TowerParts::Positions::learned) {
    const std::int64_t side = parts_.image_size / patch;
    positions_ = mine.values("position_embeddings.weight", {tokens_of_tile({1, side, side}), h});
  } else if (parts_.positions != TowerParts::Positions::none) {
    const std::int64_t side = parts_.positions_per_side;
    positions_ = mine.values("position_embeddings.weight", {side * side, h});
  }
  if (parts_.patch_norm) patch_norm_ = load_norm(mine, config_, "ln_patch.", h);
  if (parts_.pre_norm) pre_norm_ = load_norm(mine, config_, "ln_pre.", h);
  if (parts_.post_norm) post_norm_ = load_norm(mine, config_, "ln_post.", h);
  layers_.emplace(mine, backend, config_);
}

PatchGrid VisionTransformer::grid_of(const ProcessedImage& picture) const {
  const std::vector<std::int64_t>& shape = picture.shape;
  const std::int64_t patch = parts_.patch_size, size = parts_.image_size;
  auto refuse = [&](const std::string& takes) {
    throw InputError(source_ + ": the processor makes pictures of " + shape_text(shape) +
                     " numbers, and the tower takes " + takes +
                     "; do preprocessor_config.json and config.json fit together?");
  };
  if (parts_.merge > 0) {
    const std::int64_t numbers = Image::kChannels * parts_.frames * patch * patch;
    if (shape.size() != 2 || shape[1] != numbers || shape[0] != picture.rows * picture.columns ||
        picture.rows % parts_.merge != 0 || picture.columns % parts_.merge != 0)
      refuse("patches of " + std::to_string(numbers) + " numbers, in squares of " +
             std::to_string(parts_.merge) + " x " + std::to_string(parts_.merge));
    return {1, picture.rows, picture.columns, parts_.merge};
  }
  if (size > 0 && (shape.size() != 4 || shape[2] != size || shape[3] != size))
    refuse(std::to_string(size) + " x " + std::to_string(size) + " pixels");
  // Of pictures of the tower's own size what is behind the last whole patch is not seen (seen_size).
  if (shape.size() != 4 || (size == 0 && (shape[2] % patch != 0 || shape[3] % patch != 0)))
    refuse("whole patches of " + std::to_string(patch) + " x " + std::to_string(patch) + " pixels");
  const PatchGrid grid{shape[0], shape[2] / patch, shape[3] / patch, 1};
  if (parts_.most_per_side > 0 && std::max(grid.rows, grid.columns) > parts_.most_per_side)
    refuse(std::to_string(parts_.most_per_side * patch) + " pixels a side at most");
  return grid;
}

std::vector<float> VisionTransformer::positions_of(const PatchOrder& order) const {
  switch (parts_.positions) {
    case TowerParts::Positions::interpolated:
      return interpolated(positions_, parts_.positions_per_side, config_.hidden_size, order);
    case TowerParts::Positions::bicubic:
      return bicubic(positions_, parts_.positions_per_side, config_.hidden_size, order);
    default: return positions_;
  }
}

RotaryAngles VisionTransformer::angles_of(const PatchOrder& order, std::int64_t tiles) const {
  const PatchRotation& rotation = *parts_.rotation;
  const Frequencies turns = frequencies(rotation, config_.kv_channels);
  const std::vector<float> still(turns.rows.size() * 2, 0.0F);  // a class token has no place
  RotaryAngles angles;
  angles.dim = config_.kv_channels;
  angles.interleaved = rotation.interleaved;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    if (parts_.class_token == TowerParts::ClassToken::first) append(angles, 0.0F, still);
    for (const auto& [row, column] : order.places()) {
      const auto y = static_cast<float>(row + rotation.first_position);
      const auto x = static_cast<float>(column + rotation.first_position);
      if (rotation.columns_first) append(angles, x, turns.columns);
      append(angles, y, turns.rows);
      if (!rotation.columns_first) append(angles, x, turns.columns);
    }
    if (parts_.class_token == TowerParts::ClassToken::last) append(angles, 0.0F, still);
  }
  return angles;
}

void VisionTransformer::embed(ForwardPass& pass, const std::vector<float>& patches,
                              const std::vector<float>& positions, Matrix hidden) const {
  const std::int64_t width = patch_embedding_.weight.columns;
  const Matrix in =
      pass.workspace.matrix("patches", static_cast<std::int64_t>(patches.size()) / width, width);
  backend_.write(patches, in);
  if (!class_token_.empty())
    backend_.write(class_token_, hidden.slice_rows(first_patch() == 1 ? 0 : hidden.rows - 1, 1));
  const Matrix embedded = hidden.slice_rows(first_patch(), in.rows);
  patch_embedding_.run(pass, in, embedded, false);
  if (patch_norm_) backend_.normalize(*patch_norm_, embedded, embedded);
  if (positions.empty()) return;
  const Matrix added = pass.workspace.matrix("positions", hidden.rows, hidden.columns);
  backend_.write(positions, added);
  backend_.add(added, 1.0F, hidden);
}

void VisionTransformer::run_layers(ForwardPass& pass, const PatchOrder& order, std::int64_t tiles,
                                   Matrix hidden,
                                   const std::function<void(std::int64_t layer)>& behind) const {
  const std::int64_t each = hidden.rows / tiles;
  const std::vector<std::int64_t> whole(static_cast<std::size_t>(tiles), each);
  for (std::size_t layer = 0; layer < layers_->size(); ++layer) {
    const bool full =
        parts_.window == 0 || std::find(parts_.full_layers.begin(), parts_.full_layers.end(),
                                        static_cast<std::int64_t>(layer)) != parts_.full_layers.end();
    const std::vector<std::int64_t>& sizes = full ? whole : order.windows();
    std::vector<LayerCache> caches;
    std::vector<TokenSpan> spans;
    caches.reserve(sizes.size());
    spans.reserve(sizes.size());
    pass.segments.clear();
    std::int64_t first = 0;
    for (const std::int64_t size : sizes) {
      caches.push_back(layers_->new_cache(layer));
      const TokenSpan& all = spans.emplace_back(TokenSpan{0, size});
      pass.segments.push_back({first, size, 0, &caches.back(), {&all, 1}});
      first += size;
    }
    layers_->run_layer(layer, pass, hidden);
    behind(static_cast<std::int64_t>(layer));
  }
}

void VisionTransformer::take(Matrix hidden, const PatchOrder& order, std::int64_t tiles,
                             std::vector<float>& out, std::vector<float>* class_tokens) const {
  const std::int64_t each = hidden.rows / tiles;
  for (std::int64_t tile = 0; tile < tiles; ++tile) {
    const Matrix rows = hidden.slice_rows(tile * each, each);
    std::vector<float> values(static_cast<std::size_t>(order.size() * hidden.columns));
    backend_.read(rows.slice_rows(first_patch(), order.size()), values);
    const std::vector<float> restored = order.restored(values);
    out.insert(out.end(), restored.begin(), restored.end());
    if (class_tokens == nullptr || class_token_.empty()) continue;
    values.resize(static_cast<std::size_t>(hidden.columns));
    backend_.read(rows.slice_rows(first_patch() == 1 ? 0 : each - 1, 1), values);
    class_tokens->insert(class_tokens->end(), values.begin(), values.end());
  }
}

VisionTransformer::Output VisionTransformer::run(const ProcessedImage& picture,
                                                 std::span<const std::int64_t> taps) {
  Output out;
  out.grid = grid_of(picture);
  out.taps.resize(taps.size());
  const PatchOrder order(out.grid, parts_.window);
  const std::vector<float> positions = positions_of(order);
  const std::int64_t each = tokens_of_tile(out.grid);
  const std::size_t numbers = picture.values.size() / static_cast<std::size_t>(out.grid.tiles);
  for (std::int64_t begin = 0; begin < out.grid.tiles; begin += kTilesAtOnce) {
    const std::int64_t count = std::min(kTilesAtOnce, out.grid.tiles - begin);
    ForwardPass pass{backend_, workspace_, Precision::exact, nullptr, nullptr, {}};
    const Matrix hidden = workspace_.matrix("hidden", count * each, config_.hidden_size);
    for (std::int64_t k = 0; k < count; ++k) {
      const auto tile =
          std::span(picture.values).subspan(static_cast<std::size_t>(begin + k) * numbers, numbers);
      embed(pass,
            parts_.merge > 0 ? order.sorted(tile)
                             : patches_of(tile, picture.shape[3], out.grid, parts_.patch_size),
            positions, hidden.slice_rows(k * each, each));
    }
    RotaryAngles angles;
    if (parts_.rotation) angles = angles_of(order, count);
    if (parts_.rotation) pass.angles = &angles;
    if (pre_norm_) backend_.normalize(*pre_norm_, hidden, hidden);
    run_layers(pass, order, count, hidden, [&](std::int64_t layer) {
      for (std::size_t k = 0; k < taps.size(); ++k) {
        if (taps[k] == layer) take(hidden, order, count, out.taps[k], nullptr);
      }
    });
    if (post_norm_) backend_.normalize(*post_norm_, hidden, hidden);
    take(hidden, order, count, out.tokens, &out.class_tokens);
  }
  return out;
}

}  // namespace mhub::runtime
