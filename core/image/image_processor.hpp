// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "mhub/base/json_object.hpp"
#include "mhub/image/image.hpp"
#include "mhub/image/resize.hpp"

namespace mhub {

/// One picture as a model takes it: the slice of transformers' `pixel_values` that belongs to it, and what
/// the model and the prompt must know of its shape.
struct ProcessedImage {
  /// Of `values`, row-major: [tiles, 3, height, width]; or, for a model that takes patches (Qwen-VL),
  /// [patches, 3 * frames * patch height * patch width].
  std::vector<std::int64_t> shape;
  std::vector<float> values;
  /// Of the tiles (Llama 4's aspect_ratios) or patches (Qwen-VL's image_grid_thw) that the picture was cut
  /// into; 1 and 1 where it was not.
  std::int64_t rows = 1, columns = 1;
  /// image_sizes: of the picture itself (LLaVA-NeXT), or of what it was resized to.
  std::int64_t height = 0, width = 0;
};

namespace image {
class Making;
}

/// Makes a model's numbers of pictures, as transformers' image processor of the same name does.
class ImageProcessor {
 public:
  virtual ~ImageProcessor() = default;
  /// One of a prompt's `count` pictures. `name` begins the message of the InputError for a picture that the
  /// model cannot take, and for one of which the processor's file makes more pixels than any model has.
  ProcessedImage process(const Image& picture, const std::string& name, std::size_t count = 1) const;

 private:
  virtual ProcessedImage made(const Image& picture, image::Making& making) const = 0;
  /// The same where the prompt has more than one picture, which few processors ask.
  virtual ProcessedImage made_of_several(const Image& picture, image::Making& making) const {
    return made(picture, making);
  }
};

/// The processor that a preprocessor_config.json describes, by its "image_processor_type" (or older
/// "feature_extractor_type"; "Fast" and "Pil" at its end say which backend saved it and nothing else), or
/// `usual_type` where it does not say. Throws InputError for a type or a field that mhub does not know: its
/// pictures would come out wrong.
std::unique_ptr<ImageProcessor> make_image_processor(const JsonObject& config, const std::string& usual_type,
                                                     ImageBackend backend);

}  // namespace mhub
