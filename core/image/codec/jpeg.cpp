// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <optional>
#include <turbojpeg.h>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

/// What the segments in front of the first scan say (ITU-T T.81, annex B).
struct Header {
  std::int64_t width = 0, height = 0;
  int components = 0;
  std::vector<std::byte> exif;
  std::string xmp;
};

class Segments {
 public:
  Segments(Bytes bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Header read() {
    std::size_t at = 2;  // behind the start of the image
    while (header_.components == 0) {
      const unsigned marker = next_marker(at);
      if (marker == kStartOfScan || marker == kEndOfImage)
        throw InputError(name_ + ": a JPEG without a frame");
      const std::size_t size = number(at);
      if (size < 2 || size > bytes_.size() - at) throw cut_off();
      take(marker, bytes_.subspan(at + 2, size - 2));
      at += size;
    }
    return std::move(header_);
  }

 private:
  static constexpr unsigned kStartOfScan = 0xda, kEndOfImage = 0xd9, kApp1 = 0xe1;

  InputError cut_off() const { return InputError(name_ + ": a JPEG that is cut off"); }
  unsigned byte(std::size_t at) const {
    if (at >= bytes_.size()) throw cut_off();
    return std::to_integer<unsigned>(bytes_[at]);
  }
  std::size_t number(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }

  /// The marker at or behind `at`, which goes behind it. Fill bytes and strays are skipped, as libjpeg does.
  unsigned next_marker(std::size_t& at) const {
    for (;;) {
      while (byte(at) != 0xff) ++at;
      while (byte(at) == 0xff) ++at;
      const unsigned marker = byte(at++);
      const bool stands_alone = marker == 0 || marker == 1 || (marker >= 0xd0 && marker <= 0xd8);
      if (!stands_alone) return marker;
    }
  }

  void take(unsigned marker, Bytes content) {
    constexpr std::string_view kExif{"Exif\0\0", 6}, kXmp{"http://ns.adobe.com/xap/1.0/\0", 29};
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame && content.size() >= 6) {
      const auto at = [&](std::size_t k) { return std::to_integer<std::int64_t>(content[k]); };
      header_.height = at(1) << 8 | at(2);
      header_.width = at(3) << 8 | at(4);
      header_.components = static_cast<int>(at(5));
    } else if (frame) {
      throw cut_off();
    } else if (marker == kApp1 && has_at(content, 0, kExif)) {
      const Bytes rest = content.subspan(kExif.size());
      header_.exif.insert(header_.exif.end(), rest.begin(), rest.end());
    } else if (marker == kApp1 && has_at(content, 0, kXmp)) {
      const Bytes rest = content.subspan(kXmp.size());
      header_.xmp.assign(reinterpret_cast<const char*>(rest.data()), rest.size());
    }
  }

  Bytes bytes_;
  const std::string& name_;
  Header header_;
};

struct Destroy {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Decompressor = std::unique_ptr<void, Destroy>;

/// Bytes between segments that belong to none do not touch the picture; cameras write such files.
bool harmless(std::string_view warning) { return warning.find("extraneous bytes") != warning.npos; }

/// Decodes with libjpeg's own defaults, which Pillow uses too: the accurate DCT and smooth upsampling.
void decompress(Bytes bytes, const Header& header, int format, std::uint8_t* out, const std::string& name) {
  const Decompressor handle(tjInitDecompress());
  if (handle == nullptr) throw std::bad_alloc();
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  // A progressive file may claim a thousand scans of one picture.
  constexpr int kFlags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS;
  if (tjDecompress2(handle.get(), data, bytes.size(), out, static_cast<int>(header.width), 0,
                    static_cast<int>(header.height), format, kFlags) == 0)
    return;
  const std::string reason = tjGetErrorStr2(handle.get());
  if (tjGetErrorCode(handle.get()) == TJERR_WARNING && harmless(reason)) return;
  throw InputError(name + ": damaged JPEG: " + reason);
}

/// Pillow's cmyk2rgb (Convert.c) of what Adobe's programs store: all four inverted.
void to_rgb(std::span<const std::uint8_t> cmyk, std::vector<std::uint8_t>& rgb) {
  const auto product = [](unsigned a, unsigned b) {  // a * b / 255, rounded (MULDIV255)
    const unsigned sum = a * b + 128;
    return ((sum >> 8) + sum) >> 8;
  };
  for (std::size_t k = 0; k < cmyk.size() / 4; ++k) {
    const unsigned light = cmyk[4 * k + 3];  // 255 - black
    for (std::size_t c = 0; c < 3; ++c) {
      const unsigned ink = 255U - cmyk[4 * k + c];
      rgb[3 * k + c] = static_cast<std::uint8_t>(light - std::min(light, product(ink, light)));
    }
  }
}

}  // namespace

Decoded decode_jpeg(Bytes bytes, const std::string& name) {
  Header header = Segments(bytes, name).read();
  Decoded decoded{blank(header.width, header.height, name), std::move(header.exif), std::move(header.xmp)};
  if (header.components == 4) {
    std::vector<std::uint8_t> cmyk(decoded.picture.rgb.size() / 3 * 4);
    decompress(bytes, header, TJPF_CMYK, cmyk.data(), name);
    to_rgb(cmyk, decoded.picture.rgb);
  } else {
    decompress(bytes, header, TJPF_RGB, decoded.picture.rgb.data(), name);
  }
  return decoded;
}

}  // namespace mhub::image
