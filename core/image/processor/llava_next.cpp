// SPDX-License-Identifier: Apache-2.0
// LLaVA-NeXT and LLaVA-OneVision: the whole picture in one tile, and the picture on the canvas that fits it
// best, in tiles (image_processing_llava_next.py, image_processing_llava_onevision.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"
#include "mhub/image/unpadded.hpp"

namespace mhub::image {
namespace {

struct TileDefaults {
  Size size;
  bool crops;
  Extent crop_size;  ///< 0: the size of what is resized
  std::vector<Extent> canvases;
  bool one_tile_each;  ///< where there are several pictures
};

class LlavaNext final : public ImageProcessor {
 public:
  LlavaNext(const ProcessorFields& fields, ImageBackend backend, const TileDefaults& defaults)
      : fields_(fields),
        backend_(backend),
        resize_(fields.boolean("do_resize", true)),
        size_(fields.size("size", defaults.size, false)),
        filter_(fields.resample(Resample::bicubic)),
        crop_(fields.boolean("do_center_crop", defaults.crops)),
        crop_size_(fields.extent("crop_size", defaults.crop_size)),
        canvases_(fields.extents("image_grid_pinpoints", defaults.canvases)),
        one_tile_each_(defaults.one_tile_each),
        pixels_(fields, kClipMean, kClipStd, Pixels::of(backend)) {
    // Whether a batch is filled up with empty tiles: there is no batch here.
    fields.ignore("do_pad");
    fields.ignore("aspect_ratio_setting");
    fields.finish();
    if (!size_.shortest_edge && !(size_.height && size_.width))
      fields_.config().fail("size", "expected height and width, or shortest_edge");
    whole_ = size_.height && size_.width ? Extent{*size_.height, *size_.width}
                                         : Extent{*size_.shortest_edge, *size_.shortest_edge};
    if (crop_ && crop_size_.height == 0) fields_.config().fail("crop_size", "is missing");
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    const Extent canvas = best_canvas(canvases_, {picture.height, picture.width});
    const std::int64_t side = crop_size_.height > 0 ? crop_size_.height : whole_.height;
    std::vector<Image> tiles{resized_to(picture, whole_, filter_, backend_, making)};
    for (Image& tile : divided(on_canvas(picture, canvas, making), {side, side}, making))
      tiles.push_back(std::move(tile));
    ProcessedImage out = finished(std::move(tiles), making);
    out.rows = canvas.height / out.height;
    out.columns = canvas.width / out.width;
    out.height = picture.height;
    out.width = picture.width;
    return out;
  }

  /// A square of the mean colour with the picture in the middle (pad_to_square).
  ProcessedImage made_of_several(const Image& picture, Making& making) const override {
    if (!one_tile_each_) return made(picture, making);
    const std::int64_t side = std::max(picture.height, picture.width);
    std::array<std::uint8_t, 3> colour;
    for (std::size_t k = 0; k < 3; ++k)
      colour[k] = static_cast<std::uint8_t>(static_cast<std::int64_t>(pixels_.mean()[k] * 255));
    Image square = picture;
    if (picture.height != picture.width)
      square = padded(picture, (side - picture.height) / 2, (side - picture.width) / 2, {side, side}, colour,
                      making);
    ProcessedImage out = finished({std::move(square)}, making);
    out.height = picture.height;
    out.width = picture.width;
    return out;
  }

 private:
  ProcessedImage finished(std::vector<Image> tiles, Making& making) const {
    for (Image& tile : tiles) {
      if (resize_) {
        const Extent to = resized_extent(size_, {tile.height, tile.width}, fields_);
        tile = resized_to(tile, to, filter_, backend_, making);
      }
      if (crop_) tile = center_cropped(tile, crop_size_, backend_, making);
    }
    return processed(tiles, pixels_, making);
  }

  /// As large as it gets without being cut, in the middle of the canvas.
  Image on_canvas(const Image& picture, Extent canvas, Making& making) const {
    const Extent to = fitted(canvas, {picture.height, picture.width});
    const Image image = resized_to(picture, to, filter_, backend_, making);
    // What is there now is fitted a second time, where rounding up may give another size.
    const Extent again = fitted(canvas, to);
    return padded(image, (canvas.height - again.height) / 2, (canvas.width - again.width) / 2, canvas, {},
                  making);
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
  bool one_tile_each_;
  Extent whole_;
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

/// The same with no more features than so many tiles have, about; of one tile alone, those and one for the
/// end (processing_llava_onevision.py).
class LlavaOnevisionPrompt final : public ImagePrompt {
 public:
  LlavaOnevisionPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token), each_(at_least(files.processor, "num_image_tokens", 1)) {
    const std::string kind = files.processor.string("vision_aspect_ratio", "anyres_max_9");
    const std::string prefix = "anyres_max_";
    const std::string digits = kind.starts_with(prefix) ? kind.substr(prefix.size()) : "";
    if (digits.empty() || digits.size() > 4 || digits.find_first_not_of("0123456789") != digits.npos ||
        std::stoll(digits) == 0)
      files.processor.fail("vision_aspect_ratio", "expected \"anyres_max_\" and a number");
    most_tiles_ = std::stoll(digits);
    if (files.processor.string("vision_feature_select_strategy", "full") == "default") less_ = 1;
  }
  std::string written(const ProcessedImage& picture) const override {
    if (picture.shape[0] == 1) return repeated(image_token(), each_ + 1 - less_);
    const auto side = static_cast<std::int64_t>(std::sqrt(static_cast<double>(each_)));
    const Extent all =
        unpadded({side * picture.rows, side * picture.columns}, {picture.height, picture.width});
    const Extent kept = at_most(all, most_tiles_ * side * side);
    return repeated(image_token(), kept.height * (kept.width + 1) + each_ - less_);
  }

 private:
  std::int64_t each_, most_tiles_ = 9, less_ = 0;
};

/// image_grid_pinpoints of LlavaOnevisionImageProcessor: up to 6 x 6 tiles.
std::vector<Extent> onevision_canvases() {
  std::vector<Extent> canvases;
  for (std::int64_t row = 1; row <= 6; ++row) {
    for (std::int64_t column = 1; column <= 6; ++column) canvases.push_back({row * 384, column * 384});
  }
  return canvases;
}

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
  const std::vector<Extent> canvases{{336, 672}, {672, 336}, {672, 672}, {1008, 336}, {336, 1008}};
  return std::make_unique<LlavaNext>(fields, backend,
                                     TileDefaults{{.shortest_edge = 224}, true, {224, 224}, canvases, false});
}

std::unique_ptr<ImageProcessor> make_llava_onevision(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<LlavaNext>(
      fields, backend,
      TileDefaults{{.height = 384, .width = 384}, false, {0, 0}, onevision_canvases(), true});
}

std::unique_ptr<ImagePrompt> make_llava_onevision_prompt(const ProcessorFiles& files) {
  return std::make_unique<LlavaOnevisionPrompt>(files, special_token(files, "image_token", "<image>"));
}

std::unique_ptr<ImagePrompt> make_llava_next_prompt(const ProcessorFiles& files) {
  return std::make_unique<LlavaNextPrompt>(files, special_token(files, "image_token", "<image>"));
}

}  // namespace mhub::image
