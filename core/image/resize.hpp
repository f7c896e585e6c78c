// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/image/image.hpp"

namespace mhub {

/// Ways to make a pixel of its neighbours, with Pillow's numbers, which preprocessor_config.json uses
/// ("resample").
enum class Resample { nearest = 0, lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };

/// Whose arithmetic: the two differ in single steps of 255. transformers 5 takes torchvision's where it is
/// installed.
enum class ImageBackend { pillow, torchvision };

/// The picture in another size, with the filter widened where it gets smaller.
/// Pillow: bit for bit Image.resize (Resample.c: weights of 22 bits, one direction after the other, rounded
/// to bytes between). torchvision: resize of a uint8 tensor with antialias=True, bilinear, bicubic and
/// lanczos (UpSampleKernel.cpp of ATen: weights of 16 bits) and "nearest-exact", which transformers takes for
/// nearest; the others, which it has not, are Pillow's. Throws InputError for a size that blank() refuses;
/// `name` begins the message.
Image resized(const Image& picture, std::int64_t width, std::int64_t height, Resample filter,
              ImageBackend backend, const std::string& name);

}  // namespace mhub
