// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "mhub/image/image.hpp"

namespace mhub::image {

using Bytes = std::span<const std::byte>;

/// What a file gives: the picture as it is stored, and what may say how it is to be turned; both may be
/// empty.
struct Decoded {
  Image picture;
  std::vector<std::byte> exif;  ///< a TIFF structure
  std::string xmp;
};

/// A format of files. `decode` throws InputError; its messages begin with `name`.
struct Codec {
  std::string_view format;
  bool (*recognises)(Bytes bytes);
  Decoded (*decode)(Bytes bytes, const std::string& name);
};

Decoded decode_jpeg(Bytes bytes, const std::string& name);
Decoded decode_png(Bytes bytes, const std::string& name);
Decoded decode_webp(Bytes bytes, const std::string& name);
Decoded decode_gif(Bytes bytes, const std::string& name);
Decoded decode_bmp(Bytes bytes, const std::string& name);

/// A black picture of this size. Throws InputError for one without pixels, or with more than kMostPixels.
Image blank(std::int64_t width, std::int64_t height, const std::string& name);

/// Whether the bytes at `at` are these characters.
bool has_at(Bytes bytes, std::size_t at, std::string_view text);

}  // namespace mhub::image
