// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>
#include <gif_lib.h>
#include <memory>
#include <optional>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

int give(GifFileType* file, GifByteType* out, int size) {
  Bytes& rest = *static_cast<Bytes*>(file->UserData);
  const std::size_t count = std::min(static_cast<std::size_t>(size), rest.size());
  std::memcpy(out, rest.data(), count);
  rest = rest.subspan(count);
  return static_cast<int>(count);
}

struct Close {
  void operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }
};

/// The first frame of a file, on its canvas.
class FirstFrame {
 public:
  FirstFrame(Bytes bytes, const std::string& name) : rest_(bytes), name_(name) {
    int error = 0;
    file_.reset(DGifOpen(&rest_, give, &error));
    if (file_ == nullptr) throw damaged(error);
  }

  Image read() {
    for (;;) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      check(DGifGetRecordType(file_.get(), &type));
      if (type == EXTENSION_RECORD_TYPE) read_extension();
      if (type == IMAGE_DESC_RECORD_TYPE) return read_frame();
      if (type == TERMINATE_RECORD_TYPE) throw InputError(name_ + ": a GIF without a picture");
    }
  }

 private:
  InputError damaged(int error) const {
    const char* reason = GifErrorString(error);
    return InputError(name_ + ": damaged GIF: " + (reason != nullptr ? reason : "cut off"));
  }
  void check(int result) const {
    if (result == GIF_ERROR) throw damaged(file_->Error);
  }

  void read_extension() {
    int code = 0;
    GifByteType* block = nullptr;
    check(DGifGetExtension(file_.get(), &code, &block));
    while (block != nullptr) {
      GraphicsControlBlock control{};
      if (code == GRAPHICS_EXT_FUNC_CODE && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK &&
          control.TransparentColor != NO_TRANSPARENT_COLOR)
        transparent_ = static_cast<std::uint8_t>(control.TransparentColor);
      check(DGifGetExtensionNext(file_.get(), &block));
    }
  }

  Image read_frame() {
    check(DGifGetImageDesc(file_.get()));
    const GifImageDesc& frame = file_->Image;
    // Pillow lets a frame that goes beyond the canvas enlarge it (GifImagePlugin.py, _seek).
    const std::int64_t width = std::max<std::int64_t>(file_->SWidth, frame.Left + frame.Width);
    Image picture = blank(width, std::max<std::int64_t>(file_->SHeight, frame.Top + frame.Height), name_);
    const Colours colours = colours_of(frame.ColorMap != nullptr ? frame.ColorMap : file_->SColorMap);
    // What the frame does not cover has the transparent colour, or the first (load_prepare).
    for (std::size_t k = 0; k < picture.rgb.size(); ++k)
      picture.rgb[k] = colours[transparent_.value_or(0)][k % 3];
    std::vector<GifPixelType> line(static_cast<std::size_t>(frame.Width));
    for (int step = 0; step < frame.Height; ++step) {
      check(DGifGetLine(file_.get(), line.data(), frame.Width));
      const std::int64_t row = frame.Top + (frame.Interlace ? interlaced(step, frame.Height) : step);
      std::uint8_t* to = &picture.rgb[static_cast<std::size_t>((row * width + frame.Left) * 3)];
      for (const GifPixelType index : line) to = std::copy_n(colours[index].begin(), 3, to);
    }
    return picture;
  }

  using Colours = std::array<std::array<std::uint8_t, 3>, 256>;

  /// Without a palette, and beyond its end, colours are shades of grey, as in Pillow.
  static Colours colours_of(const ColorMapObject* map) {
    Colours colours;
    for (std::size_t k = 0; k < colours.size(); ++k) {
      colours[k].fill(static_cast<std::uint8_t>(k));
      if (map == nullptr || k >= static_cast<std::size_t>(map->ColorCount)) continue;
      colours[k] = {map->Colors[k].Red, map->Colors[k].Green, map->Colors[k].Blue};
    }
    return colours;
  }

  /// The row that comes as `step` (GIF89a specification, appendix E): every eighth from 0, every eighth from
  /// 4, every fourth from 2, every second from 1.
  static std::int64_t interlaced(int step, int height) {
    constexpr std::array<std::array<int, 2>, 4> kPasses{{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    for (const auto& [first, distance] : kPasses) {
      const int rows = height > first ? (height - first + distance - 1) / distance : 0;
      if (step < rows) return first + std::int64_t{step} * distance;
      step -= rows;
    }
    return 0;
  }

  Bytes rest_;
  const std::string& name_;
  std::unique_ptr<GifFileType, Close> file_;
  std::optional<std::uint8_t> transparent_;
};

}  // namespace

Decoded decode_gif(Bytes bytes, const std::string& name) { return {FirstFrame(bytes, name).read(), {}, {}}; }

}  // namespace mhub::image
