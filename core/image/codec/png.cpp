// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <png.h>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

/// A picture being read with libpng, which leaves errors by longjmp: what may fail stands in functions that
/// `guarded` calls, without objects that would have to be destroyed.
class Png {
 public:
  Png(Bytes bytes, const std::string& name) : rest_(bytes), name_(name) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_ != nullptr) info_ = png_create_info_struct(png_);
    if (info_ == nullptr) throw std::bad_alloc();
  }
  ~Png() { png_destroy_read_struct(&png_, &info_, nullptr); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;

  Decoded read() {
    guarded(&Png::read_header);
    decoded_.picture = blank(png_get_image_width(png_, info_), png_get_image_height(png_, info_), name_);
    guarded(&Png::choose_form);
    pixels_.resize(png_get_rowbytes(png_, info_) * static_cast<std::size_t>(decoded_.picture.height));
    for (std::size_t at = 0; at < pixels_.size(); at += png_get_rowbytes(png_, info_))
      rows_.push_back(&pixels_[at]);
    guarded(&Png::read_rows);
    png_get_bit_depth(png_, info_) == 16 ? take_wide_grey() : take_colours();
    take_metadata();
    return std::move(decoded_);
  }

 private:
  using Step = void (Png::*)();

  void guarded(Step step) {
    if (setjmp(png_jmpbuf(png_)) != 0) throw InputError(name_ + ": damaged PNG: " + reason_);
    (this->*step)();
  }

  static void on_error(png_structp png, png_const_charp reason) {
    auto* self = static_cast<Png*>(png_get_error_ptr(png));
    std::snprintf(self->reason_, sizeof(self->reason_), "%s", reason);
    png_longjmp(png, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  static void give(png_structp png, png_bytep out, std::size_t size) {
    auto* self = static_cast<Png*>(png_get_io_ptr(png));
    if (size > self->rest_.size()) png_error(png, "cut off");
    std::memcpy(out, self->rest_.data(), size);
    self->rest_ = self->rest_.subspan(size);
  }

  void read_header() {
    png_set_read_fn(png_, this, give);
    png_set_user_limits(png_, 0x7fffffff, 0x7fffffff);  // blank() bounds the product
    png_set_chunk_malloc_max(png_, 16 << 20);
    png_read_info(png_, info_);
  }

  /// What Pillow makes of each kind (PngImagePlugin.py, _MODES) on its way to RGB: the high byte of 16, but
  /// for plain grey, whose values beyond 255 are cut off there.
  void choose_form() {
    const png_byte type = png_get_color_type(png_, info_);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (type == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png_, info_) < 8)
      png_set_expand_gray_1_2_4_to_8(png_);
    if (type != PNG_COLOR_TYPE_GRAY) png_set_strip_16(png_);
    png_set_strip_alpha(png_);
    if (type != PNG_COLOR_TYPE_GRAY || png_get_bit_depth(png_, info_) < 16) png_set_gray_to_rgb(png_);
    png_set_interlace_handling(png_);
    png_read_update_info(png_, info_);
  }

  void read_rows() {
    png_read_image(png_, rows_.data());
    png_read_end(png_, info_);
  }

  void take_colours() { decoded_.picture.rgb = std::move(pixels_); }

  void take_wide_grey() {
    for (std::size_t k = 0; k < pixels_.size() / 2; ++k) {
      const std::uint8_t value = pixels_[2 * k] != 0 ? 255 : pixels_[2 * k + 1];
      std::fill_n(&decoded_.picture.rgb[3 * k], 3, value);
    }
  }

  void take_metadata() {
    png_bytep exif = nullptr;
    png_uint_32 size = 0;
    if (png_get_eXIf_1(png_, info_, &size, &exif) != 0) {
      const auto* begin = reinterpret_cast<const std::byte*>(exif);
      decoded_.exif.assign(begin, begin + size);
    }
    png_textp texts = nullptr;
    int count = 0;
    png_get_text(png_, info_, &texts, &count);
    for (int k = 0; k < count; ++k) {
      if (std::string_view(texts[k].key) != "XML:com.adobe.xmp") continue;
      decoded_.xmp.assign(texts[k].text, std::max(texts[k].text_length, texts[k].itxt_length));
    }
  }

  Bytes rest_;
  const std::string& name_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char reason_[128] = "";
  Decoded decoded_;
  std::vector<png_byte> pixels_;
  std::vector<png_bytep> rows_;
};

}  // namespace

Decoded decode_png(Bytes bytes, const std::string& name) { return Png(bytes, name).read(); }

}  // namespace mhub::image
