// SPDX-License-Identifier: Apache-2.0
// One tile of a fixed size: CLIP, SigLIP and LLaVA 1.5 (image_processing_clip.py, _siglip.py, _llava.py;
// their steps in image_processing_backends.py).
#include <algorithm>

#include "mhub/image/processor/prompts.hpp"
#include "mhub/image/processor/steps.hpp"

namespace mhub::image {
namespace {

struct Defaults {
  Size size;
  bool center_crop;
  std::array<double, 3> mean, std;
  bool pads_to_square = false;  ///< "do_pad" is LLaVA's: a square of the mean colour, before everything else
};

class OneTile final : public ImageProcessor {
 public:
  OneTile(const ProcessorFields& fields, ImageBackend backend, const Defaults& defaults)
      : fields_(fields),
        backend_(backend),
        pad_to_square_(defaults.pads_to_square && fields.boolean("do_pad", false)),
        resize_(fields.boolean("do_resize", true)),
        size_(fields.size("size", defaults.size, false)),
        filter_(fields.resample(Resample::bicubic)),
        crop_(fields.boolean("do_center_crop", defaults.center_crop)),
        crop_size_(fields.extent("crop_size", {224, 224})),
        pixels_(fields, defaults.mean, defaults.std, Pixels::of(backend)) {
    fields.finish();
  }

  ProcessedImage made(const Image& picture, Making& making) const override {
    Image image = picture;
    if (pad_to_square_ && image.height != image.width) image = squared(image, making);
    if (resize_) {
      const Extent to = resized_extent(size_, {image.height, image.width}, fields_);
      image = resized_to(image, to, filter_, backend_, making);
    }
    if (crop_) image = center_cropped(image, crop_size_, backend_, making);
    return processed({image}, pixels_, making);
  }

 private:
  Image squared(const Image& image, Making& making) const {
    const std::int64_t side = std::max(image.height, image.width);
    std::array<std::uint8_t, 3> colour;
    for (std::size_t k = 0; k < 3; ++k)
      colour[k] = static_cast<std::uint8_t>(static_cast<std::int64_t>(pixels_.mean()[k] * 255));
    return padded(image, (side - image.height) / 2, (side - image.width) / 2, {side, side}, colour, making);
  }

  ProcessorFields fields_;
  ImageBackend backend_;
  bool pad_to_square_, resize_;
  Size size_;
  Resample filter_;
  bool crop_;
  Extent crop_size_;
  Pixels pixels_;
};

/// LLaVA's: as many image tokens as the tower gives features (processing_llava.py).
class LlavaPrompt final : public ImagePrompt {
 public:
  LlavaPrompt(const ProcessorFiles& files, const std::string& token)
      : ImagePrompt(token, token),
        patch_(at_least(files.processor, "patch_size", 1)),
        more_(more_features(files.processor)) {}
  std::string written(const ProcessedImage& picture) const override {
    return repeated(image_token(), picture.height / patch_ * (picture.width / patch_) + more_);
  }

 private:
  std::int64_t patch_, more_;
};

}  // namespace

std::int64_t more_features(const JsonObject& processor) {
  return at_least(processor, "num_additional_image_tokens", 0, 0) -
         (processor.string("vision_feature_select_strategy", "") == "default" ? 1 : 0);
}

std::unique_ptr<ImageProcessor> make_clip(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<OneTile>(fields, backend,
                                   Defaults{{.shortest_edge = 224}, true, kClipMean, kClipStd});
}

std::unique_ptr<ImageProcessor> make_siglip(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<OneTile>(fields, backend,
                                   Defaults{{.height = 224, .width = 224}, false, kHalf, kHalf});
}

std::unique_ptr<ImageProcessor> make_llava(const ProcessorFields& fields, ImageBackend backend) {
  return std::make_unique<OneTile>(fields, backend,
                                   Defaults{{.shortest_edge = 224}, true, kClipMean, kClipStd, true});
}

std::unique_ptr<ImagePrompt> make_llava_prompt(const ProcessorFiles& files) {
  return std::make_unique<LlavaPrompt>(files, special_token(files, "image_token", "<image>"));
}

}  // namespace mhub::image
