// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/base/file.hpp"
#include "mhub/image/codec.hpp"
#include "mhub/image/orientation.hpp"

namespace mhub {
namespace image {
namespace {

constexpr std::array<Codec, 5> kCodecs{{
    {"JPEG", [](Bytes bytes) { return has_at(bytes, 0, "\xff\xd8\xff"); }, decode_jpeg},
    {"PNG", [](Bytes bytes) { return has_at(bytes, 0, "\x89PNG\r\n\x1a\n"); }, decode_png},
    {"WebP", [](Bytes bytes) { return has_at(bytes, 0, "RIFF") && has_at(bytes, 8, "WEBP"); }, decode_webp},
    {"GIF", [](Bytes bytes) { return has_at(bytes, 0, "GIF87a") || has_at(bytes, 0, "GIF89a"); }, decode_gif},
    {"BMP", [](Bytes bytes) { return has_at(bytes, 0, "BM"); }, decode_bmp},
}};

std::string formats() {
  std::string list;
  for (const Codec& codec : kCodecs) list += (list.empty() ? "" : ", ") + std::string(codec.format);
  return list;
}

}  // namespace

Image blank(std::int64_t width, std::int64_t height, const std::string& name) {
  if (width < 1 || height < 1)
    throw InputError(name + ": a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels");
  if (width > kMostPixels / height)
    throw InputError(name + ": " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels, more than " + std::to_string(kMostPixels) + "; make it smaller");
  return {width, height,
          std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * Image::kChannels))};
}

bool has_at(Bytes bytes, std::size_t at, std::string_view text) {
  return at <= bytes.size() && text.size() <= bytes.size() - at &&
         std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
}

}  // namespace image

Image decode_image(std::span<const std::byte> bytes, const std::string& name) {
  if (bytes.empty()) throw InputError(name + ": an empty file, not a picture");
  for (const image::Codec& codec : image::kCodecs) {
    if (!codec.recognises(bytes)) continue;
    image::Decoded decoded = codec.decode(bytes, name);
    const int orientation = image::orientation_of(decoded);
    return image::upright(std::move(decoded.picture), orientation);
  }
  throw InputError(name + ": not a picture that can be read; these formats can: " + image::formats());
}

Image read_image(const std::string& path) {
  const std::string content = read_file(path, kLargestImageFile);
  return decode_image(std::as_bytes(std::span(content)), path);
}

}  // namespace mhub
