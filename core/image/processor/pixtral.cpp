// SPDX-License-Identifier: Apache-2.0
// Pixtral and Mistral 3: the picture's own shape, in whole patches (image_processing_pixtral.py).
#include <algorithm>
#include <cmath>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

class Pixtral final : public ImageProcessor {
 public:
  Pixtral(const ProcessorFields& fields, ImageBackend backend)
      : backend_(backend),
        resize_(fields.boolean("do_resize", true)),
        filter_(fields.resample(Resample::bicubic)),
        patch_(fields.extent("patch_size", {16, 16})),
        pixels_(fields, kClipMean, kClipStd, Pixels::of(backend)) {
    const Size size = fields.size("size", {.longest_edge = 1024}, true);
    if (size.longest_edge) {
      most_ = {*size.longest_edge, *size.longest_edge};
    } else if (size.height && size.width) {
      most_ = {*size.height, *size.width};
    } else {
      fields.config().fail("size", "expected longest_edge, or height and width");
    }
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    if (!resize_) return processed({picture}, pixels_, making);
    auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
    const double ratio =
        std::max(height / static_cast<double>(most_.height), width / static_cast<double>(most_.width));
    if (ratio > 1) {
      height = std::floor(height / ratio);
      width = std::floor(width / ratio);
    }
    // As (size - 1) // patch + 1 in Python, which is 0 patches for 0 pixels.
    const auto whole = [](double size, std::int64_t patch) {
      return (static_cast<std::int64_t>(size) + patch - 1) / patch * patch;
    };
    const Extent to{whole(height, patch_.height), whole(width, patch_.width)};
    return processed({resized_to(picture, to, filter_, backend_, making)}, pixels_, making);
  }

 private:
  ImageBackend backend_;
  bool resize_;
  Resample filter_;
  Extent patch_, most_;
  Pixels pixels_;
};

/// A token for each block of patches, one for the end of each row, another one for the last
/// (processing_pixtral.py).
class PixtralPrompt final : public ImagePrompt {
 public:
  PixtralPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token),
        row_end_(files.processor.string("image_break_token", "[IMG_BREAK]")),
        end_(files.processor.string("image_end_token", "[IMG_END]")),
        block_(at_least(files.processor, "patch_size", 1, 16) *
               at_least(files.processor, "spatial_merge_size", 1, 1)) {}
  std::string written(const ProcessedImage& picture) const override {
    const std::string row = repeated(image_token(), picture.width / block_);
    return repeated(row, picture.height / block_, row_end_) + end_;
  }
  nlohmann::json image_config(nlohmann::json preprocessor) const override {
    preprocessor["patch_size"] = {{"height", block_}, {"width", block_}};
    return preprocessor;
  }

 private:
  std::string row_end_, end_;
  std::int64_t block_;
};

}  // namespace

std::unique_ptr<ImageProcessor> make_pixtral(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<Pixtral>(fields, backend);
}

std::unique_ptr<ImagePrompt> make_pixtral_prompt(const ProcessorFiles& files) {
  return std::make_unique<PixtralPrompt>(files, files.processor.string("image_token", "[IMG]"));
}

}  // namespace mhub::image
