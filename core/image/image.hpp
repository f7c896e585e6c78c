// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace mhub {

/// A picture as models take it: one byte each of red, green and blue per pixel, row by row from the top left,
/// nothing between rows.
struct Image {
  std::int64_t width = 0, height = 0;
  std::vector<std::uint8_t> rgb;

  static constexpr std::int64_t kChannels = 3;

  bool operator==(const Image&) const = default;
};

/// More pixels are refused unread: where Pillow raises DecompressionBombError (Image.py, twice
/// MAX_IMAGE_PIXELS).
constexpr std::int64_t kMostPixels = 178'956'970;
/// Larger files are refused unread.
constexpr std::uint64_t kLargestImageFile = std::uint64_t{256} << 20;

/// Decodes a JPEG, PNG, WebP, BMP or GIF (its first frame), told apart by their first bytes, as transformers'
/// load_image does with Pillow: turned upright as EXIF or XMP say (exif_transpose), then convert("RGB"),
/// which drops transparency. `name` begins the message of the InputError for what is none of these, damaged,
/// cut off or too large.
Image decode_image(std::span<const std::byte> bytes, const std::string& name);

/// The same of a file. Throws IoError when it cannot be read.
Image read_image(const std::string& path);

}  // namespace mhub
