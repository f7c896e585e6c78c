// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/orientation.hpp"

#include <cstring>
#include <optional>
#include <utility>

namespace mhub::image {
namespace {

/// Numbers of a TIFF structure in its byte order (TIFF 6.0, section 2).
class Tiff {
 public:
  explicit Tiff(Bytes bytes) : bytes_(bytes), little_(has_at(bytes, 0, "II")) {}

  bool valid() const { return (little_ || has_at(bytes_, 0, "MM")) && number(2, 2) == 42; }
  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t k = 0; k < size; ++k) {
      const std::size_t from = little_ ? at + size - 1 - k : at + k;
      value = value << 8 | std::to_integer<std::uint32_t>(bytes_[from]);
    }
    return value;
  }

 private:
  Bytes bytes_;
  bool little_;
};

std::optional<std::uint32_t> exif_orientation(Bytes exif) {
  constexpr std::uint32_t kTag = 0x0112, kShort = 3, kLong = 4;
  constexpr std::size_t kEntry = 12;
  const Tiff tiff(exif);
  if (!tiff.valid()) return std::nullopt;
  const std::uint32_t folder = tiff.number(4, 4).value_or(0);
  const std::uint32_t entries = tiff.number(folder, 2).value_or(0);
  for (std::uint32_t k = 0; k < entries; ++k) {
    const std::size_t at = std::size_t{folder} + 2 + k * kEntry;
    if (tiff.number(at, 2) != kTag) continue;
    const std::uint32_t type = tiff.number(at + 2, 2).value_or(0);
    if (type == kShort) return tiff.number(at + 8, 2);
    if (type == kLong) return tiff.number(at + 8, 4);
  }
  return std::nullopt;
}

/// Pillow's pattern: tiff:Orientation(="|>)([0-9]).
std::optional<std::uint32_t> xmp_orientation(std::string_view xmp) {
  constexpr std::string_view kName = "tiff:Orientation";
  for (std::size_t at = xmp.find(kName); at != xmp.npos; at = xmp.find(kName, at + 1)) {
    std::string_view rest = xmp.substr(at + kName.size());
    if (rest.starts_with("=\"")) {
      rest.remove_prefix(2);
    } else if (rest.starts_with(">")) {
      rest.remove_prefix(1);
    } else {
      continue;
    }
    if (!rest.empty() && rest[0] >= '0' && rest[0] <= '9') return static_cast<std::uint32_t>(rest[0] - '0');
  }
  return std::nullopt;
}

}  // namespace

int orientation_of(const Decoded& decoded) {
  std::optional<std::uint32_t> value = exif_orientation(decoded.exif);
  if (!value) value = xmp_orientation(decoded.xmp);
  return value && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
}

Image upright(Image picture, int orientation) {
  if (orientation == 1) return picture;
  // EXIF 2.3, tag 0x0112: which side of the scene the stored first row and first column are.
  const bool swapped = orientation >= 5;
  const bool right_to_left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool bottom_up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  Image out{picture.width, picture.height, std::vector<std::uint8_t>(picture.rgb.size())};
  if (swapped) std::swap(out.width, out.height);
  std::uint8_t* to = out.rgb.data();
  for (std::int64_t y = 0; y < out.height; ++y) {
    for (std::int64_t x = 0; x < out.width; ++x, to += Image::kChannels) {
      const std::int64_t across = swapped ? y : x, down = swapped ? x : y;
      const std::int64_t column = right_to_left ? picture.width - 1 - across : across;
      const std::int64_t row = bottom_up ? picture.height - 1 - down : down;
      std::memcpy(to,
                  &picture.rgb[static_cast<std::size_t>((row * picture.width + column) * Image::kChannels)],
                  Image::kChannels);
    }
  }
  return out;
}

}  // namespace mhub::image
