// SPDX-License-Identifier: Apache-2.0
// InternVL: tiles of the grid whose shape is nearest to the picture's, and the whole picture behind them
// (image_processing_got_ocr2.py, processing_internvl.py).
#include <algorithm>
#include <cmath>
#include <limits>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

class GotOcr2 final : public ImageProcessor {
 public:
  GotOcr2(const ProcessorFields& fields, ImageBackend backend)
      : backend_(backend),
        tile_(fields.extent("size", {384, 384})),
        filter_(fields.resample(Resample::bicubic)),
        resize_(fields.boolean("do_resize", true)),
        cuts_(fields.boolean("crop_to_patches", false)),
        fewest_(fields.positive("min_patches", 1)),
        most_(fields.positive("max_patches", 12)),
        pixels_(fields, kClipMean, kClipStd, Pixels::of(backend)) {
    if (fewest_ > most_ || most_ > 1024)
      fields.config().fail("max_patches", "expected min_patches or more, 1024 at most");
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    std::vector<Image> tiles{picture};
    Extent grid{1, 1};
    if (cuts_) {
      grid = best_grid({picture.height, picture.width});
      const Extent whole{grid.height * tile_.height, grid.width * tile_.width};
      tiles = divided(resized_to(picture, whole, filter_, backend_, making), tile_, making);
      if (tiles.size() > 1) tiles.push_back(resized_to(picture, tile_, filter_, backend_, making));
    } else if (resize_) {
      tiles.front() = resized_to(picture, tile_, filter_, backend_, making);
    }
    ProcessedImage out = processed(tiles, pixels_, making);
    out.rows = grid.height;
    out.columns = grid.width;
    return out;
  }

 private:
  /// get_optimal_tiled_canvas: grids by their number of tiles, and among equals with the narrower first.
  Extent best_grid(Extent picture) const {
    const double ratio = static_cast<double>(picture.width) / static_cast<double>(picture.height);
    const auto area = static_cast<double>(picture.width * picture.height);
    double least = std::numeric_limits<double>::infinity();
    Extent best{1, 1};
    for (std::int64_t tiles = fewest_; tiles <= most_; ++tiles) {
      for (std::int64_t columns = 1; columns <= tiles; ++columns) {
        if (tiles % columns != 0) continue;
        const Extent grid{tiles / columns, columns};
        const double off =
            std::abs(ratio - static_cast<double>(grid.width) / static_cast<double>(grid.height));
        const double half = 0.5 * static_cast<double>(tile_.height * tile_.width * tiles);
        if (off < least || (off == least && area > half)) best = grid;
        least = std::min(least, off);
      }
    }
    return best;
  }

  ImageBackend backend_;
  Extent tile_;
  Resample filter_;
  bool resize_, cuts_;
  std::int64_t fewest_, most_;
  Pixels pixels_;
};

/// As many tokens for each tile, between two of their own.
class InternVlPrompt final : public ImagePrompt {
 public:
  InternVlPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token),
        start_(special_token(files, "start_image_token", "<img>")),
        end_(special_token(files, "end_image_token", "</img>")),
        each_(at_least(files.processor, "image_seq_length", 1, 256)) {}
  /// InternVLProcessorKwargs has this above whatever the image processor's file says.
  nlohmann::json image_config(nlohmann::json preprocessor) const override {
    preprocessor["crop_to_patches"] = true;
    return preprocessor;
  }
  std::string written(const ProcessedImage& picture) const override {
    return start_ + repeated(image_token(), each_ * picture.shape[0]) + end_;
  }

 private:
  std::string start_, end_;
  std::int64_t each_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_got_ocr2(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<GotOcr2>(fields, backend);
}

std::unique_ptr<ImagePrompt> make_internvl_prompt(const ProcessorFiles& files) {
  return std::make_unique<InternVlPrompt>(files,
                                          special_token(files, "context_image_token", "<IMG_CONTEXT>"));
}

}  // namespace mhub::image
