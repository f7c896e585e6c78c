// SPDX-License-Identifier: Apache-2.0
// Llama 4: tiles of the canvas that fits best, and the whole picture in one tile behind them
// (image_processing_llama4.py, which knows torchvision's pictures alone).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

/// Every canvas of up to so many tiles, in the order of find_supported_resolutions: grouped by aspect ratio
/// in the order in which ratios come up.
std::vector<Extent> canvases(std::int64_t most_tiles, std::int64_t side) {
  std::vector<std::pair<double, std::vector<Extent>>> by_ratio;
  for (std::int64_t tiles = most_tiles; tiles > 0; --tiles) {
    for (std::int64_t rows = 1; rows <= tiles; ++rows) {
      if (tiles % rows != 0) continue;
      const double ratio = static_cast<double>(rows) / static_cast<double>(tiles / rows);
      auto group = std::find_if(by_ratio.begin(), by_ratio.end(),
                                [ratio](const auto& one) { return one.first == ratio; });
      if (group == by_ratio.end()) group = by_ratio.insert(by_ratio.end(), {ratio, {}});
      group->second.push_back({rows * side, tiles / rows * side});
    }
  }
  std::vector<Extent> all;
  for (const auto& [ratio, group] : by_ratio) all.insert(all.end(), group.begin(), group.end());
  return all;
}

class Llama4 final : public ImageProcessor {
 public:
  Llama4(const ProcessorFields& fields)
      : tile_(fields.extent("size", {336, 336})),
        filter_(fields.resample(Resample::bilinear)),
        largest_(fields.boolean("resize_to_max_canvas", false)),
        pixels_(fields, kHalf, kHalf, Pixels::Arithmetic::bfloat16) {
    const std::int64_t most = fields.positive("max_patches", 16);
    if (most > 1024) fields.config().fail("max_patches", "more than 1024 tiles");
    if (tile_.height != tile_.width) fields.config().fail("size", "must be square");
    if (!fields.boolean("do_resize", true))
      fields.config().fail("do_resize", "false is nothing that transformers accepts here");
    canvases_ = canvases(most, tile_.height);
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    const Extent canvas = best_fit({picture.height, picture.width});
    Extent room = canvas;
    if (!largest_) {
      room = {std::min(std::max(picture.height, tile_.height), canvas.height),
              std::min(std::max(picture.width, tile_.height), canvas.width)};
    }
    const Extent to = fitted(room, {picture.height, picture.width});
    const Image image = resize(picture, to, making);
    std::vector<Image> tiles = divided(padded(image, 0, 0, canvas, {}, making), tile_, making);
    if (tiles.size() > 1) tiles.push_back(resize(picture, tile_, making));
    ProcessedImage out = processed(tiles, pixels_, making);
    out.rows = canvas.height / tile_.height;
    out.columns = canvas.width / tile_.width;
    return out;
  }

 private:
  Image resize(const Image& picture, Extent to, Making& making) const {
    return resized_to(picture, to, filter_, ImageBackend::torchvision, making);
  }

  /// get_best_fit, whose scales are float32.
  Extent best_fit(Extent picture) const {
    std::vector<float> scales;
    float up = 0, down = 0;
    for (const Extent& canvas : canvases_) {
      const float scale = std::min(static_cast<float>(canvas.width) / static_cast<float>(picture.width),
                                   static_cast<float>(canvas.height) / static_cast<float>(picture.height));
      scales.push_back(scale);
      if (scale >= 1) {
        if (up == 0 || (largest_ ? scale > up : scale < up)) up = scale;
      } else {
        down = std::max(down, scale);
      }
    }
    const float chosen = up != 0 ? up : down;
    Extent best{};
    for (std::size_t k = 0; k < scales.size(); ++k) {
      const Extent& canvas = canvases_[k];
      if (scales[k] == chosen &&
          (best == Extent{} || canvas.height * canvas.width < best.height * best.width))
        best = canvas;
    }
    return best;
  }

  /// get_max_res_without_distortion.
  static Extent fitted(Extent room, Extent picture) {
    const double scale_width = static_cast<double>(room.width) / static_cast<double>(picture.width);
    const double scale_height = static_cast<double>(room.height) / static_cast<double>(picture.height);
    Extent to = room;
    if (scale_width < scale_height) {
      to.height =
          std::min(static_cast<std::int64_t>(std::floor(static_cast<double>(picture.height) * scale_width)),
                   room.height);
    } else {
      to.width =
          std::min(static_cast<std::int64_t>(std::floor(static_cast<double>(picture.width) * scale_height)),
                   room.width);
    }
    return {std::max<std::int64_t>(1, to.height), std::max<std::int64_t>(1, to.width)};
  }

  Extent tile_;
  Resample filter_;
  bool largest_;
  std::vector<Extent> canvases_;
  Pixels pixels_;
};

/// The tiles with a token between them and one behind each row, then the whole picture
/// (processing_llama4.py, _prompt_split_image, which has these tokens whatever the files say).
class Llama4Prompt final : public ImagePrompt {
 public:
  explicit Llama4Prompt(const ProcessorFiles& files)
      : ImagePrompt(files.processor.string("fake_image_token", "<|image|>"),
                    files.processor.string("patch_token", "<|patch|>")),
        patch_(at_least(files.processor, "patch_size", 1, 14)) {
    const double ratio = files.processor.number("pixel_shuffle_ratio", 0.5);
    if (!(ratio > 0.01 && ratio <= 1)) files.processor.fail("pixel_shuffle_ratio", "expected 0.01 to 1");
    shuffled_ = std::llrint(1.0 / (ratio * ratio));
  }
  std::string written(const ProcessedImage& picture) const override {
    const std::int64_t patches = picture.shape[2] / patch_ * (picture.shape[3] / patch_) / shuffled_;
    const std::string tile = repeated("<|patch|>", patches);
    std::string out = "<|image_start|>";
    if (picture.shape[0] > 1) {
      for (std::int64_t row = 0; row < picture.rows; ++row)
        out += repeated(tile, picture.columns, "<|tile_x_separator|>") + "<|tile_y_separator|>";
    }
    return out + "<|image|>" + tile + "<|image_end|>";
  }

 private:
  std::int64_t patch_, shuffled_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_llama4(const ProcessorFields& fields, ImageBackend) {
  return std::make_unique<Llama4>(fields);
}

std::unique_ptr<ImagePrompt> make_llama4_prompt(const ProcessorFiles& files) {
  return std::make_unique<Llama4Prompt>(files);
}

}  // namespace mhub::image
