// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/base/file_set.hpp"
#include "mhub/image/image_prompt.hpp"

namespace mhub {

/// What transformers' AutoProcessor makes of a model's folder, as far as pictures go: an image processor, and
/// how pictures are written into prompts. Immutable.
class VisionProcessor {
 public:
  struct Options {
    /// transformers 5 takes torchvision's arithmetic where that is installed, Pillow's elsewhere.
    ImageBackend backend = ImageBackend::torchvision;
    /// Fields that count above those of preprocessor_config.json ({"do_pan_and_scan": true}), as
    /// transformers' images_kwargs do.
    nlohmann::json images_kwargs = nlohmann::json::object();
    /// What the model's class has where the files do not say.
    std::string image_processor_type = {}, processor_class = {};
    /// The model's own image_grid_pinpoints (VisionParts::tile_grids). The processor's must be the same.
    nlohmann::json tile_grids = {};
  };

  /// Reads processor_config.json (whose "image_processor" counts before preprocessor_config.json, as in
  /// transformers 5), preprocessor_config.json and tokenizer_config.json. Throws InputError when there is
  /// neither of the first two, and for what the parts do not know.
  static VisionProcessor from_files(const FileSet& files, const Options& options);

  /// One of a prompt's `count` pictures. `name` begins the message of the InputError for a picture that the
  /// model cannot take.
  ProcessedImage process(const Image& picture, const std::string& name, std::size_t count = 1) const {
    return images_->process(picture, name, count);
  }
  const ImagePrompt& prompt() const { return *prompt_; }

 private:
  VisionProcessor(std::shared_ptr<const ImageProcessor> images, std::shared_ptr<const ImagePrompt> prompt)
      : images_(std::move(images)), prompt_(std::move(prompt)) {}

  std::shared_ptr<const ImageProcessor> images_;
  std::shared_ptr<const ImagePrompt> prompt_;
};

/// The image processor of such files alone, for models that take no prompt with pictures in it (CLIP).
std::unique_ptr<ImageProcessor> image_processor_from_files(const FileSet& files,
                                                           const VisionProcessor::Options& options);

/// What such files call the processor's class and the image processor's type; empty where they do not say.
struct ProcessorNames {
  std::string processor, image_processor;
};
ProcessorNames processor_names(const FileSet& files);

}  // namespace mhub
