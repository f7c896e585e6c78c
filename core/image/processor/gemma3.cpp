// SPDX-License-Identifier: Apache-2.0
// Gemma 3: one square, and parts of a long picture where "pan and scan" is on (image_processing_gemma3.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

class Gemma3 final : public ImageProcessor {
 public:
  Gemma3(const ProcessorFields& fields, ImageBackend backend)
      : fields_(fields),
        backend_(backend),
        resize_(fields.boolean("do_resize", true)),
        size_(fields.size("size", {.height = 224, .width = 224}, true)),
        filter_(fields.resample(Resample::bilinear)),
        scan_(fields.boolean("do_pan_and_scan", false)),
        pixels_(fields, kHalf, kHalf, Pixels::of(backend)) {
    for (const char* key :
         {"pan_and_scan_min_crop_size", "pan_and_scan_max_num_crops", "pan_and_scan_min_ratio_to_activate"}) {
      fields.ignore(key);
      if (scan_ && !fields.config().has(key)) fields_.config().fail(key, "is missing, with do_pan_and_scan");
    }
    if (scan_) {
      least_crop_ = fields.positive("pan_and_scan_min_crop_size", 1);
      most_crops_ = fields.positive("pan_and_scan_max_num_crops", 1);
      least_ratio_ = fields.number("pan_and_scan_min_ratio_to_activate", 1);
    }
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    std::vector<Image> tiles{picture};
    if (scan_) {
      const Extent crop = crop_of({picture.height, picture.width});
      if (crop != Extent{}) {
        for (Image& part : divided(picture, crop, making)) tiles.push_back(std::move(part));
      }
    }
    if (resize_ || scan_) {
      for (Image& tile : tiles) {
        const Extent to = resized_extent(size_, {tile.height, tile.width}, fields_);
        tile = resized_to(tile, to, filter_, backend_, making);
      }
    }
    return processed(tiles, pixels_, making);
  }

 private:
  /// The size of a part; none where the picture is not cut.
  Extent crop_of(Extent picture) const {
    const bool wide = picture.width >= picture.height;
    const std::int64_t longer = std::max(picture.width, picture.height);
    const std::int64_t shorter = std::min(picture.width, picture.height);
    const double ratio = static_cast<double>(longer) / static_cast<double>(shorter);
    if (ratio < least_ratio_) return {};
    std::int64_t crops = static_cast<std::int64_t>(std::floor(ratio + 0.5));
    crops = std::min(longer / least_crop_, crops);
    crops = std::min(most_crops_, std::max<std::int64_t>(2, crops));
    const std::int64_t side = (longer + crops - 1) / crops;
    if (std::min(side, shorter) < least_crop_) return {};
    return wide ? Extent{shorter, side} : Extent{side, shorter};
  }

  ProcessorFields fields_;
  ImageBackend backend_;
  bool resize_;
  Size size_;
  Resample filter_;
  bool scan_;
  std::int64_t least_crop_ = 1, most_crops_ = 1;
  double least_ratio_ = 1;
  Pixels pixels_;
};

/// A fixed number of tokens a tile, between two of their own (processing_gemma3.py).
class Gemma3Prompt final : public ImagePrompt {
 public:
  explicit Gemma3Prompt(const ProcessorFiles& files)
      : ImagePrompt(special_token(files, "boi_token", ""), special_token(files, "image_token", "")),
        tile_("\n\n" + placeholder() +
              repeated(image_token(), at_least(files.processor, "image_seq_length", 1, 256)) +
              special_token(files, "eoi_token", "") + "\n\n") {}
  /// Gemma3ProcessorKwargs has these defaults above whatever the image processor's file says.
  nlohmann::json image_config(nlohmann::json preprocessor) const override {
    preprocessor.update({{"do_pan_and_scan", false},
                         {"pan_and_scan_min_crop_size", 256},
                         {"pan_and_scan_max_num_crops", 4},
                         {"pan_and_scan_min_ratio_to_activate", 1.2}});
    return preprocessor;
  }
  std::string written(const ProcessedImage& picture) const override {
    if (picture.shape[0] == 1) return tile_;
    return "Here is the original image " + tile_ + " and here are some crops to help you see better " +
           repeated(tile_, picture.shape[0] - 1, " ");
  }

 private:
  std::string tile_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_gemma3(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<Gemma3>(fields, backend);
}

std::unique_ptr<ImagePrompt> make_gemma3_prompt(const ProcessorFiles& files) {
  return std::make_unique<Gemma3Prompt>(files);
}

}  // namespace mhub::image
