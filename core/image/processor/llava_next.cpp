// SPDX-License-Identifier: Apache-2.0
// LLaVA-NeXT: the whole picture in one tile, and the picture on the canvas that fits it best, in tiles
// (image_processing_llava_next.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"
#include "mhub/image/unpadded.hpp"

namespace mhub::image {
namespace {

class LlavaNext final : public ImageProcessor {
 public:
  LlavaNext(const ProcessorFields& fields, ImageBackend backend)
      : fields_(fields),
        backend_(backend),
        resize_(fields.boolean("do_resize", true)),
        size_(fields.size("size", {.shortest_edge = 224}, false)),
        filter_(fields.resample(Resample::bicubic)),
        crop_(fields.boolean("do_center_crop", true)),
        crop_size_(fields.extent("crop_size", {224, 224})),
        canvases_(fields.extents("image_grid_pinpoints",
                                 {{336, 672}, {672, 336}, {672, 672}, {1008, 336}, {336, 1008}})),
        pixels_(fields, kClipMean, kClipStd, Pixels::of(backend)) {
    // Whether a batch is filled up with empty tiles: there is no batch here.
    fields.ignore("do_pad");
    fields.ignore("aspect_ratio_setting");
    fields.finish();
    if (!size_.shortest_edge && !(size_.height && size_.width))
      fields_.config().fail("size", "expected height and width, or shortest_edge");
  }

  ProcessedImage process(const Image& picture, const std::string& name) const override {
    const Extent canvas = best_canvas(canvases_, {picture.height, picture.width});
    const Extent whole = size_.height && size_.width ? Extent{*size_.height, *size_.width}
                                                     : Extent{*size_.shortest_edge, *size_.shortest_edge};
    std::vector<Image> tiles{resized_to(picture, whole, filter_, backend_, name)};
    for (Image& tile :
         divided(on_canvas(picture, canvas, name), {crop_size_.height, crop_size_.height}, name))
      tiles.push_back(std::move(tile));
    for (Image& tile : tiles) {
      if (resize_) {
        const Extent to = resized_extent(size_, {tile.height, tile.width}, fields_);
        tile = resized_to(tile, to, filter_, backend_, name);
      }
      if (crop_) tile = center_cropped(tile, crop_size_, backend_, name);
    }
    ProcessedImage out = processed(tiles, pixels_, name);
    out.rows = canvas.height / out.height;
    out.columns = canvas.width / out.width;
    out.height = picture.height;
    out.width = picture.width;
    return out;
  }

 private:
  /// As large as it gets without being cut, in the middle of the canvas.
  Image on_canvas(const Image& picture, Extent canvas, const std::string& name) const {
    const Extent to = fitted(canvas, {picture.height, picture.width});
    const Image image = resized_to(picture, to, filter_, backend_, name);
    // What is there now is fitted a second time, where rounding up may give another size.
    const Extent again = fitted(canvas, to);
    return padded(image, (canvas.height - again.height) / 2, (canvas.width - again.width) / 2, canvas, {},
                  name);
  }

  /// get_patch_output_size of image_processing_utils.py.
  static Extent fitted(Extent canvas, Extent picture) {
    const double scale_width = static_cast<double>(canvas.width) / static_cast<double>(picture.width);
    const double scale_height = static_cast<double>(canvas.height) / static_cast<double>(picture.height);
    if (scale_width < scale_height) {
      const auto height =
          static_cast<std::int64_t>(std::ceil(static_cast<double>(picture.height) * scale_width));
      return {std::min(height, canvas.height), canvas.width};
    }
    const auto width =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(picture.width) * scale_height));
    return {canvas.height, std::min(width, canvas.width)};
  }

  ProcessorFields fields_;
  ImageBackend backend_;
  bool resize_;
  Size size_;
  Resample filter_;
  bool crop_;
  Extent crop_size_;
  std::vector<Extent> canvases_;
  Pixels pixels_;
};

/// The features of the whole picture; those of the tiles without what is black all along an edge, and one for
/// the end of each row (processing_llava_next.py; modeling_llava_next.py cuts the features alike).
class LlavaNextPrompt final : public ImagePrompt {
 public:
  LlavaNextPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token),
        patch_(at_least(files.processor, "patch_size", 1)),
        more_(more_features(files.processor)) {}
  std::string written(const ProcessedImage& picture) const override {
    const std::int64_t rows = picture.shape[2] / patch_, columns = picture.shape[3] / patch_;
    const Extent tiles =
        unpadded({rows * picture.rows, columns * picture.columns}, {picture.height, picture.width});
    return repeated(image_token(), tiles.height * (tiles.width + 1) + rows * columns + more_);
  }

 private:
  std::int64_t patch_, more_;
};

}  // namespace

Extent best_canvas(const std::vector<Extent>& canvases, Extent picture) {
  Extent best = canvases.front();
  std::int64_t most_used = 0, least_wasted = 0;
  for (const Extent& canvas : canvases) {
    const double scale = std::min(static_cast<double>(canvas.width) / static_cast<double>(picture.width),
                                  static_cast<double>(canvas.height) / static_cast<double>(picture.height));
    const auto width = static_cast<std::int64_t>(static_cast<double>(picture.width) * scale);
    const auto height = static_cast<std::int64_t>(static_cast<double>(picture.height) * scale);
    const std::int64_t used = std::min(width * height, picture.width * picture.height);
    const std::int64_t wasted = canvas.width * canvas.height - used;
    if (used > most_used || (used == most_used && wasted < least_wasted)) {
      most_used = used;
      least_wasted = wasted;
      best = canvas;
    }
  }
  return best;
}

std::unique_ptr<ImageProcessor> make_llava_next(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<LlavaNext>(fields, backend);
}

std::unique_ptr<ImagePrompt> make_llava_next_prompt(const ProcessorFiles& files) {
  return std::make_unique<LlavaNextPrompt>(files, special_token(files, "image_token", "<image>"));
}

}  // namespace mhub::image
