// SPDX-License-Identifier: Apache-2.0
// Qwen2-VL, 2.5-VL, 3-VL and 3.5: patches of the picture in its own shape, those that become one token side
// by side (image_processing_qwen2_vl.py).
#include <algorithm>
#include <cmath>
#include <tuple>

#include "mhub/base/error.hpp"
#include "mhub/image/processor/patches.hpp"

namespace mhub::image {
namespace {

Extent smart_resized(Extent picture, const PatchLimits& limits, Making& making) {
  return whole_blocks(static_cast<double>(picture.height), static_cast<double>(picture.width), limits, 1,
                      making);
}

/// How many pixels a picture has at least and at most.
std::pair<std::int64_t, std::int64_t> pixel_limits(const ProcessorFields& fields,
                                                   const PatchDefaults& defaults) {
  std::int64_t fewest = 0, most = 0;  // 0: not said
  if (defaults.has_older_names) {
    fewest = fields.positive("min_pixels", 0);
    most = fields.positive("max_pixels", 0);
  } else {
    for (const char* key : {"min_pixels", "max_pixels"}) fields.ignore(key);  // as Glm4vImageProcessor does
  }
  if (fewest != 0 && most != 0) {
    fields.ignore("size");  // transformers 4.45 to 4.48 wrote it under the same names again
    return {fewest, most};
  }
  const Size size = fields.size("size", defaults.size, false);
  // In spite of their names.
  if (fewest == 0) fewest = size.shortest_edge.value_or(0);
  if (most == 0) most = size.longest_edge.value_or(0);
  if (fewest == 0 || most == 0) fields.config().fail("size", "expected shortest_edge and longest_edge");
  return {fewest, most};
}

class Patches final : public ImageProcessor {
 public:
  Patches(const ProcessorFields& fields, ImageBackend backend, const PatchDefaults& defaults)
      : backend_(backend),
        smart_resize_(defaults.resize),
        resize_(fields.boolean("do_resize", true)),
        filter_(fields.resample(Resample::bicubic)),
        patch_(fields.positive("patch_size", 14)),
        frames_(fields.positive("temporal_patch_size", 2)),
        merge_(fields.positive("merge_size", 2)),
        pixels_(fields, kClipMean, kClipStd, Pixels::of(backend)) {
    limits_ = {patch_ * merge_, frames_, 0, 0};
    std::tie(limits_.fewest, limits_.most) = pixel_limits(fields, defaults);
    if (patch_ > 1024 || frames_ > 8 || merge_ > 64)
      fields.config().fail("patches of more than 1024 pixels, 8 frames or a merge of more than 64");
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    Image image = picture;
    const std::int64_t block = patch_ * merge_;
    if (resize_) {
      const Extent to = smart_resize_({picture.height, picture.width}, limits_, making);
      image = resized_to(picture, to, filter_, backend_, making);
    } else if (image.height % block != 0 || image.width % block != 0) {
      throw InputError(making.name() + ": " + std::to_string(image.width) + " x " +
                       std::to_string(image.height) + " pixels are no whole number of blocks of " +
                       std::to_string(block) + ", and do_resize is false");
    }
    ProcessedImage out;
    out.rows = image.height / patch_;
    out.columns = image.width / patch_;
    out.height = image.height;
    out.width = image.width;
    out.shape = {out.rows * out.columns, Image::kChannels * frames_ * patch_ * patch_};
    making.add_numbers({image.height, image.width}, frames_);
    append_patches(image, out.values);
    return out;
  }

 private:
  /// [rows / merge, columns / merge, merge, merge, channel, frame, patch, patch]; a picture is as many equal
  /// frames.
  void append_patches(const Image& image, std::vector<float>& values) const {
    values.reserve(static_cast<std::size_t>(image.height * image.width * Image::kChannels * frames_));
    for (std::int64_t block_row = 0; block_row < image.height; block_row += patch_ * merge_) {
      for (std::int64_t block_column = 0; block_column < image.width; block_column += patch_ * merge_) {
        for (std::int64_t k = 0; k < merge_ * merge_; ++k)
          append_patch(image, block_row + k / merge_ * patch_, block_column + k % merge_ * patch_, values);
      }
    }
  }

  void append_patch(const Image& image, std::int64_t top, std::int64_t left,
                    std::vector<float>& values) const {
    for (std::int64_t channel = 0; channel < Image::kChannels; ++channel) {
      const std::size_t begin = values.size();
      for (std::int64_t row = top; row < top + patch_; ++row) {
        const std::uint8_t* pixel =
            image.rgb.data() + (row * image.width + left) * Image::kChannels + channel;
        for (std::int64_t column = 0; column < patch_; ++column, pixel += Image::kChannels)
          values.push_back(pixels_.at(channel, *pixel));
      }
      const std::size_t one = values.size() - begin;
      for (std::int64_t frame = 1; frame < frames_; ++frame) {
        for (std::size_t k = 0; k < one; ++k) values.push_back(values[begin + k]);
      }
    }
  }

  ImageBackend backend_;
  SmartResize* smart_resize_;
  bool resize_;
  Resample filter_;
  std::int64_t patch_, frames_, merge_;
  PatchLimits limits_;
  Pixels pixels_;
};

/// A token for each block of patches (processing_qwen2_vl.py; 2.5 and 3 do the same with pictures).
class PatchesPrompt final : public ImagePrompt {
 public:
  PatchesPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token), merge_(at_least(files.preprocessor, "merge_size", 1, 2)) {}
  std::string written(const ProcessedImage& picture) const override {
    return repeated(image_token(), picture.rows * picture.columns / (merge_ * merge_));
  }

 private:
  std::int64_t merge_;
};

}  // namespace

Extent whole_blocks(double height, double width, const PatchLimits& limits, std::int64_t times,
                    Making& making) {
  if (std::max(height, width) / std::min(height, width) > 200)
    throw InputError(making.name() + ": one side is more than 200 times as long as the other");
  const auto block = static_cast<double>(limits.block), counted = static_cast<double>(times);
  // Python rounds halves to even, as nearbyint does.
  double rows = std::nearbyint(height / block) * block, columns = std::nearbyint(width / block) * block;
  if (counted * rows * columns > static_cast<double>(limits.most)) {
    const double beta = std::sqrt(counted * height * width / static_cast<double>(limits.most));
    rows = std::max(block, std::floor(height / beta / block) * block);
    columns = std::max(block, std::floor(width / beta / block) * block);
  } else if (counted * rows * columns < static_cast<double>(limits.fewest)) {
    const double beta = std::sqrt(static_cast<double>(limits.fewest) / (counted * height * width));
    rows = std::ceil(height * beta / block) * block;
    columns = std::ceil(width * beta / block) * block;
  }
  return {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)};
}

std::unique_ptr<ImageProcessor> make_patches(const ProcessorFields& fields, ImageBackend backend,
                                             const PatchDefaults& defaults) {
  return std::make_unique<Patches>(fields, backend, defaults);
}

std::unique_ptr<ImagePrompt> make_patches_prompt(const ProcessorFiles& files, const std::string& usual) {
  return std::make_unique<PatchesPrompt>(files, special_token(files, "image_token", usual));
}

std::unique_ptr<ImageProcessor> make_qwen2_vl(const ProcessorFields& fields, ImageBackend backend) {
  const Size size{.shortest_edge = 56 * 56, .longest_edge = 28 * 28 * 1280};
  return make_patches(fields, backend, {size, true, smart_resized});
}

std::unique_ptr<ImagePrompt> make_qwen2_vl_prompt(const ProcessorFiles& files) {
  return make_patches_prompt(files, "<|image_pad|>");
}

}  // namespace mhub::image
