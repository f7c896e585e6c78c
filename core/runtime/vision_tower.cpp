// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/vision_tower.hpp"

#include "mhub/base/error.hpp"
#include "mhub/formats/model_part.hpp"
#include "mhub/image/unpadded.hpp"
#include "mhub/plugin/registry.hpp"

namespace mhub::runtime {
namespace {

/// Those of Megatron's MLP between the two halves of a LLaVAModel.
std::vector<ProjectorStep> projector_steps(const VisionConfig& vision, std::int64_t out) {
  return {ProjectorLinear{"encoder.linear_fc1.", vision.projector_ffn_hidden_size},
          vision.projector_activation, ProjectorLinear{"encoder.linear_fc2.", out}};
}

/// Tile after tile, the class token in front of the patches.
std::vector<float> with_class_tokens(const VisionTransformer::Output& seen, std::int64_t width) {
  if (seen.class_tokens.empty()) return seen.tokens;
  const std::int64_t each = seen.grid.rows * seen.grid.columns * width;
  std::vector<float> out;
  for (std::int64_t tile = 0; tile < seen.grid.tiles; ++tile) {
    const auto first = seen.class_tokens.begin() + tile * width, rest = seen.tokens.begin() + tile * each;
    out.insert(out.end(), first, first + width);
    out.insert(out.end(), rest, rest + each);
  }
  return out;
}

/// How the class looks at patches, and its configuration up to the layer that features come from.
std::pair<TransformerConfig, TowerParts> tower_of(const Checkpoint& tower, std::int64_t feature_layer) {
  const TransformerConfig& all = *tower.transformer;
  if (!all.image && !tower.model->tower)
    throw InputError(tower.path + ": " + tower.model->class_name + " is no model of images");
  std::pair<TransformerConfig, TowerParts> result{
      all, tower.model->tower ? tower.model->tower(*tower.config) : clip_vit_parts(*all.image, tower.path)};
  if (feature_layer > 0) {
    result.first.num_layers = feature_layer;
    result.second.post_norm = false;
  }
  return result;
}

}  // namespace

VisionTower::VisionTower(const Checkpoint& checkpoint, Backend& backend, std::optional<DType> dtype) {
  const Weights all(checkpoint, dtype);
  std::optional<VisionParts> parts;
  if (checkpoint.model->vision) parts = checkpoint.model->vision(*checkpoint.config);
  const std::int64_t hidden_size = checkpoint.transformer->hidden_size;
  if (parts && !parts->row_end.empty()) {
    Weights carried = all.inside(std::string(kCarriedPrefix));
    row_end_ = carried.vector(parts->row_end, hidden_size);
    most_tiles_ = parts->most_tiles;
  }
  if (const auto& vision = checkpoint.transformer->vision) {
    open_megatron(*vision, hidden_size, all, backend);
  } else if (parts) {
    open_carried(checkpoint, *parts, all, backend, dtype);
  } else {
    throw InputError(checkpoint.path + ": " + checkpoint.model->class_name + " takes no pictures here");
  }
  if (!row_end_.empty() && keeps_class_token_ &&
      transformer_->parts().class_token != TowerParts::ClassToken::none)
    throw InputError(
        checkpoint.path +
        ": vision_feature_select_strategy \"full\" keeps class tokens, which have no place among "
        "the rows of a picture; expected \"default\"");
}

void VisionTower::open_megatron(const VisionConfig& vision, std::int64_t hidden_size, const Weights& all,
                                Backend& backend) {
  Weights tower = all.inside("vision_model."), projector = all.inside("vision_projection.");
  TowerParts parts = clip_vit_parts(*vision.tower->image, all.source());
  // LLaVA's features are what a layer gives (modeling_llava.py, get_image_features), before any last norm.
  if (parts.post_norm) tower.ignore("ln_post.");
  parts.post_norm = false;
  transformer_.emplace(tower, backend, *vision.tower, std::move(parts));
  projector_.emplace(projector, backend, projector_steps(vision, hidden_size), transformer_->hidden_size());
  keeps_class_token_ = !vision.drop_class_token;
  if (vision.drop_class_token && transformer_->parts().class_token == TowerParts::ClassToken::none)
    throw InputError(all.source() +
                     ": vision_feature_select_strategy \"default\" leaves out the first token, and the tower "
                     "has no class token: it would be a patch; expected \"full\"");
  tower.require_all_used();
  projector.require_all_used();
}

void VisionTower::open_carried(const Checkpoint& checkpoint, const VisionParts& parts, const Weights& all,
                               Backend& backend, std::optional<DType> dtype) {
  const ConfigPart tower(parts.tower_config, "vision_config");
  ModelPart part = part_of(checkpoint, tower.model, tower.config, parts.tower_names);
  carried_ = std::move(part.checkpoint);
  const auto [config, looks] = tower_of(*carried_, parts.feature_layer);
  transformer_.emplace(Weights(*carried_, dtype), backend, config, looks);
  const Weights carried = all.inside(std::string(kCarriedPrefix));
  projector_.emplace(carried, backend, parts.projector, transformer_->hidden_size());
  for (const DeepFeatures& deep : parts.deep) {
    if (deep.tower_layer < 0 || deep.tower_layer >= transformer_->layers())
      throw InputError(checkpoint.path + ": features of layer " + std::to_string(deep.tower_layer) +
                       " of the vision tower, which has " + std::to_string(transformer_->layers()));
    taps_.push_back(deep.tower_layer);
    deep_.emplace_back(carried, backend, deep.projector, transformer_->hidden_size());
  }
  // A config that describes less than there is would see something else.
  Weights whole = all;
  for (const std::string& name : part.tensors) whole.mark_used(name);
  carried.require_all_used();
}

PictureFeatures VisionTower::features(const ProcessedImage& picture) {
  const VisionTransformer::Output seen = transformer_->run(picture, taps_);
  PictureFeatures out;
  const std::int64_t merge = seen.grid.merge;
  const bool one = seen.grid.tiles == 1 && row_end_.empty();
  out.rows = one ? seen.grid.rows / merge : 0;
  out.columns = one ? seen.grid.columns / merge : 0;
  out.values = projector_->run(
      keeps_class_token_ ? with_class_tokens(seen, transformer_->hidden_size()) : seen.tokens, seen.grid);
  if (!row_end_.empty()) out.values = with_row_ends(out.values, picture, seen.grid);
  for (std::size_t k = 0; k < deep_.size(); ++k) out.deep.push_back(deep_[k].run(seen.taps[k], seen.grid));
  return out;
}

std::vector<float> VisionTower::joined(const std::vector<float>& tiles, const ProcessedImage& picture,
                                       PatchGrid& grid) const {
  const auto width = static_cast<std::int64_t>(row_end_.size()), each = grid.rows * grid.columns;
  const image::Extent whole{grid.rows * picture.rows, grid.columns * picture.columns};
  const image::Extent kept = image::unpadded(whole, {picture.height, picture.width});
  const std::int64_t top = (whole.height - kept.height) / 2, left = (whole.width - kept.width) / 2;
  std::vector<float> out;
  for (std::int64_t row = top; row < top + kept.height; ++row) {
    for (std::int64_t column = left; column < left + kept.width; ++column) {
      const std::int64_t tile = 1 + row / grid.rows * picture.columns + column / grid.columns;
      const std::int64_t token = tile * each + row % grid.rows * grid.columns + column % grid.columns;
      const auto at = tiles.begin() + token * width;
      out.insert(out.end(), at, at + width);
    }
  }
  grid = {1, kept.height, kept.width, 1};
  if (most_tiles_ == 0) return out;
  // pack_image_features of modeling_llava_onevision.py.
  const image::Extent fewer = image::at_most(kept, most_tiles_ * each);
  if (fewer == kept) return out;
  const PatchGrid to{1, fewer.height, fewer.width, 1};
  out = bilinear(out, grid, to, width);
  grid = to;
  return out;
}

std::vector<float> VisionTower::with_row_ends(const std::vector<float>& tiles, const ProcessedImage& picture,
                                              const PatchGrid& grid) const {
  // The first tile is the whole picture; the others lie in a grid from which what was padded is cut away
  // (pack_image_features of modeling_llava_next.py).
  const auto width = static_cast<std::int64_t>(row_end_.size()), each = grid.rows * grid.columns;
  std::vector<float> out(tiles.begin(), tiles.begin() + each * width);
  if (grid.tiles == 1) {
    out.insert(out.end(), row_end_.begin(), row_end_.end());
    return out;
  }
  PatchGrid rest = grid;
  const std::vector<float> tokens = joined(tiles, picture, rest);
  for (std::int64_t row = 0; row < rest.rows; ++row) {
    const auto at = tokens.begin() + row * rest.columns * width;
    out.insert(out.end(), at, at + rest.columns * width);
    out.insert(out.end(), row_end_.begin(), row_end_.end());
  }
  return out;
}

}  // namespace mhub::runtime
