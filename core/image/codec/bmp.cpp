// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

// [MS-WMF] 2.1.1.7, Compression Enumeration.
constexpr std::uint32_t kRaw = 0, kRle8 = 1, kRle4 = 2, kBitfields = 3;

using Colour = std::array<std::uint8_t, 3>;

/// A Windows bitmap. No library of Debian's reads these and nothing else; what is accepted is what Pillow's
/// BmpImagePlugin.py accepts.
class Bmp {
 public:
  Bmp(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Image read() {
    read_header();
    Image picture = blank(width_, height_, name_);
    if (bits_ <= 8) read_palette();
    if (compression_ == kRle8 || compression_ == kRle4) {
      read_runs(picture);
    } else {
      read_rows(picture);
    }
    return picture;
  }

 private:
  static constexpr std::size_t kFileHeader = 14;

  InputError error(const std::string& what) const { return InputError(name_ + ": " + what); }

  std::uint32_t number(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || size > bytes_.size() - at) throw error("a BMP that is cut off");
    std::uint32_t value = 0;
    for (std::size_t k = size; k-- > 0;) value = value << 8 | std::to_integer<std::uint32_t>(bytes_[at + k]);
    return value;
  }

  void read_header() {
    header_ = number(kFileHeader, 4);
    data_ = number(10, 4);
    const bool core = header_ == 12;
    constexpr std::array<std::uint32_t, 7> kHeaders{12, 40, 52, 56, 64, 108, 124};
    if (std::find(kHeaders.begin(), kHeaders.end(), header_) == kHeaders.end())
      throw error("a BMP with a header of " + std::to_string(header_) + " bytes, which is not known");
    const std::size_t at = kFileHeader + 4;
    width_ = number(at, core ? 2 : 4);
    height_ =
        core ? static_cast<std::int32_t>(number(at + 2, 2)) : static_cast<std::int32_t>(number(at + 4, 4));
    top_down_ = height_ < 0;
    height_ = std::abs(height_);
    bits_ = number(at + (core ? 6 : 10), 2);
    if (!core) {
      compression_ = number(at + 12, 4);
      colours_ = number(at + 28, 4);
    }
    constexpr std::array<std::uint32_t, 6> kDepths{1, 4, 8, 16, 24, 32};
    if (std::find(kDepths.begin(), kDepths.end(), bits_) == kDepths.end())
      throw error("a BMP of " + std::to_string(bits_) + " bits per pixel, which is not supported");
    choose_masks();
  }

  void choose_masks() {
    masks_ = bits_ == 16 ? std::array<std::uint32_t, 3>{0x7c00, 0x3e0, 0x1f}
                         : std::array<std::uint32_t, 3>{0xff0000, 0xff00, 0xff};
    const bool runs = (compression_ == kRle8 && bits_ == 8) || (compression_ == kRle4 && bits_ == 4);
    if (compression_ == kRaw || runs) return;
    if (compression_ != kBitfields || bits_ < 16)
      throw error("a BMP with compression " + std::to_string(compression_) + ", which is not supported");
    for (std::size_t k = 0; k < masks_.size(); ++k) masks_[k] = number(kFileHeader + 40 + 4 * k, 4);
    if (masks_ == std::array<std::uint32_t, 3>{}) masks_ = {0xff0000, 0xff00, 0xff};
    for (const std::uint32_t mask : masks_) {
      if (mask == 0 || std::popcount(mask) > 8 || !std::has_single_bit((mask >> std::countr_zero(mask)) + 1))
        throw error("a BMP whose bit fields are not supported");
    }
  }

  void read_palette() {
    const std::size_t size = header_ == 12 ? 3 : 4;
    const std::size_t begin = kFileHeader + header_;
    const std::size_t count = std::min<std::size_t>(colours_ == 0 ? std::size_t{1} << bits_ : colours_, 256);
    for (std::size_t k = 0; k < count; ++k) {
      for (std::size_t c = 0; c < 3; ++c)
        palette_[k][c] = static_cast<std::uint8_t>(number(begin + k * size + 2 - c, 1));
    }
  }

  std::uint8_t* row(Image& picture, std::int64_t y) const {
    const std::int64_t line = top_down_ ? y : height_ - 1 - y;
    return &picture.rgb[static_cast<std::size_t>(line * width_ * Image::kChannels)];
  }

  Colour unpacked(std::uint32_t pixel) const {
    Colour colour{};
    for (std::size_t c = 0; c < 3; ++c) {
      const std::uint32_t most = masks_[c] >> std::countr_zero(masks_[c]);
      const std::uint32_t value = (pixel & masks_[c]) >> std::countr_zero(masks_[c]);
      colour[c] = static_cast<std::uint8_t>(value * 255 / most);  // as Unpack.c does for 5 and 6 bits
    }
    return colour;
  }

  void read_rows(Image& picture) const {
    const std::size_t stride = (static_cast<std::size_t>(width_) * bits_ + 31) / 32 * 4;
    for (std::int64_t y = 0; y < height_; ++y) {
      std::uint8_t* to = row(picture, y);
      const std::size_t begin = data_ + static_cast<std::size_t>(y) * stride;
      for (std::size_t x = 0; x < static_cast<std::size_t>(width_); ++x) {
        const std::size_t bit = x * bits_;
        const Colour colour =
            bits_ <= 8 ? palette_[number(begin + bit / 8, 1) >> (8 - bits_ - bit % 8) & ((1U << bits_) - 1)]
                       : unpacked(number(begin + bit / 8, bits_ / 8));
        to = std::copy(colour.begin(), colour.end(), to);
      }
    }
  }

  /// Runs of one index, of pairs for four bits, and escapes: end of line, end, jump, indices as they are.
  void read_runs(Image& picture) const {
    std::size_t at = data_;
    std::int64_t x = 0, y = 0;
    // What no run covers has the first colour.
    for (std::size_t k = 0; k < picture.rgb.size(); ++k) picture.rgb[k] = palette_[0][k % 3];
    const auto put = [&](std::uint32_t index) {
      if (x < width_ && y < height_) std::copy_n(palette_[index].begin(), 3, row(picture, y) + 3 * x);
      ++x;
    };
    const auto put_pixels = [&](std::uint32_t count, auto&& byte_of) {
      for (std::uint32_t k = 0; k < count; ++k) {
        const std::uint32_t byte = byte_of(bits_ == 8 ? k : k / 2);
        put(bits_ == 8 ? byte : k % 2 == 0 ? byte >> 4 : byte & 15);
      }
    };
    while (y < height_) {
      const std::uint32_t count = number(at, 1), value = number(at + 1, 1);
      at += 2;
      if (count > 0) {
        put_pixels(count, [&](std::uint32_t) { return value; });
      } else if (value == 0) {
        x = 0;
        ++y;
      } else if (value == 1) {
        return;
      } else if (value == 2) {
        x += number(at, 1);
        y += number(at + 1, 1);
        at += 2;
      } else {
        put_pixels(value, [&](std::uint32_t k) { return number(at + k, 1); });
        const std::size_t size = bits_ == 8 ? value : (value + 1) / 2;
        at += size + size % 2;
      }
    }
  }

  Bytes bytes_;
  const std::string& name_;
  std::uint32_t header_ = 0, data_ = 0, bits_ = 0, compression_ = kRaw, colours_ = 0;
  std::int64_t width_ = 0, height_ = 0;
  bool top_down_ = false;
  std::array<std::uint32_t, 3> masks_{};
  std::array<Colour, 256> palette_{};
};

}  // namespace

Decoded decode_bmp(Bytes bytes, const std::string& name) { return {Bmp(bytes, name).read(), {}, {}}; }

}  // namespace mhub::image
