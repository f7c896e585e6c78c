// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/image_processor.hpp"
#include "mhub/image/processor/fields.hpp"

namespace mhub::image {

/// OPENAI_CLIP_MEAN, OPENAI_CLIP_STD and IMAGENET_STANDARD_MEAN (= _STD) of transformers' image_utils.py.
constexpr std::array<double, 3> kClipMean{0.48145466, 0.4578275, 0.40821073},
    kClipStd{0.26862954, 0.26130258, 0.27577711}, kHalf{0.5, 0.5, 0.5};

/// What is made of one picture, step by step: its name, and the bytes of all steps together, which a small
/// file must not make many.
class Making {
 public:
  explicit Making(const std::string& name) : name_(name) {}
  const std::string& name() const { return name_; }
  /// A step makes an image. Throws InputError where all steps together make more than those of any model.
  void add_image(Extent size) { add(size, 1, Image::kChannels); }
  /// The last one makes numbers of so many tiles.
  void add_numbers(Extent size, std::int64_t tiles) {
    add(size, tiles, Image::kChannels * static_cast<std::int64_t>(sizeof(float)));
  }

 private:
  void add(Extent size, std::int64_t tiles, std::int64_t pixel_bytes);

  const std::string& name_;
  std::int64_t bytes_ = 0;
};

/// What a picture is resized to: resize() of transformers' image_processing_backends.py.
Extent resized_extent(const Size& size, Extent picture, const ProcessorFields& fields);

/// resized() to a size that a file asks for.
Image resized_to(const Image& picture, Extent size, Resample filter, ImageBackend backend, Making& making);

/// The part of that size in the middle; where the picture is smaller, black around it. The backends put an
/// odd row or column of black on different sides.
Image center_cropped(const Image& picture, Extent size, ImageBackend backend, Making& making);

/// Rows [top, top + height) and columns [left, left + width); black where the picture has none.
Image cropped(const Image& picture, std::int64_t top, std::int64_t left, Extent size, Making& making);

/// The picture at (top, left) of a ground of one colour.
Image padded(const Image& picture, std::int64_t top, std::int64_t left, Extent size,
             const std::array<std::uint8_t, 3>& colour, Making& making);

/// Tiles of one size, row by row; those at the right and bottom edges are smaller where it does not divide
/// the picture (divide_to_patches of image_transforms.py).
std::vector<Image> divided(const Image& picture, Extent tile, Making& making);

/// Which canvas is used best by a picture that is fitted into it, and among those which wastes least
/// (select_best_resolution of image_processing_utils.py).
Extent best_canvas(const std::vector<Extent>& canvases, Extent picture);

/// Numbers for bytes: rescaled by "rescale_factor", less "image_mean", by "image_std", in the order and with
/// the rounding of a backend.
class Pixels {
 public:
  enum class Arithmetic {
    numpy,    ///< PilBackend: rescaled in float64, then float32
    torch,    ///< TorchvisionBackend: one step in float32, the factor in mean and std
    bfloat16  ///< Llama 4's own: every step rounded to bfloat16
  };
  /// Reads do_rescale, rescale_factor, do_normalize, image_mean and image_std.
  Pixels(const ProcessorFields& fields, const std::array<double, 3>& mean, const std::array<double, 3>& std,
         Arithmetic arithmetic);
  static Arithmetic of(ImageBackend backend) {
    return backend == ImageBackend::pillow ? Arithmetic::numpy : Arithmetic::torch;
  }

  float at(std::int64_t channel, std::uint8_t byte) const {
    return table_[static_cast<std::size_t>(channel)][byte];
  }
  /// Appends [3, height, width].
  void append(const Image& picture, std::vector<float>& values) const;
  const std::array<double, 3>& mean() const { return mean_; }

 private:
  std::array<double, 3> mean_;
  std::array<std::array<float, 256>, 3> table_;
};

/// Tiles of one size as a processed image. Throws InputError when they differ: a batch could not hold them.
ProcessedImage processed(const std::vector<Image>& tiles, const Pixels& pixels, Making& making);

// One a file; the table in image_processor.cpp names them.
using MakeProcessor = std::unique_ptr<ImageProcessor>(const ProcessorFields&, ImageBackend);
MakeProcessor make_clip, make_siglip, make_llava, make_llava_next, make_pixtral, make_gemma3, make_qwen2_vl,
    make_llama4, make_glm4v, make_got_ocr2, make_idefics3, make_llava_onevision;

}  // namespace mhub::image
