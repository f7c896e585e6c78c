// SPDX-License-Identifier: Apache-2.0
#include "mhub/image/processor/steps.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "mhub/base/error.hpp"
#include "mhub/image/codec.hpp"

namespace mhub::image {
namespace {

/// More tiles of one picture are no model's, but could take memory without limit.
constexpr std::int64_t kMostTiles = 4096;

/// Bytes of all steps of a picture together. Qwen3-VL's 16,777,216 pixels in two frames make 500 MB of them,
/// Idefics 3 with its longest side (4096) 450 MB.
constexpr std::int64_t kMostBytesMade = std::int64_t{768} << 20;

/// a * b / c as Python's integers divide, cut to a whole number.
std::int64_t scaled(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<double>(a) * static_cast<double>(b) / static_cast<double>(c));
}

/// get_size_with_aspect_ratio of image_transforms.py.
Extent with_aspect_ratio(Extent picture, std::int64_t shortest, std::int64_t longest) {
  const auto height = static_cast<double>(picture.height), width = static_cast<double>(picture.width);
  const double small = std::min(height, width), large = std::max(height, width);
  std::optional<double> raw;
  if (large / small * static_cast<double>(shortest) > static_cast<double>(longest)) {
    raw = static_cast<double>(longest) * small / large;
    shortest = std::llrint(*raw);
  }
  if ((picture.height <= picture.width && picture.height == shortest) ||
      (picture.width <= picture.height && picture.width == shortest))
    return picture;
  const double side = raw.value_or(static_cast<double>(shortest));
  if (width < height) return {static_cast<std::int64_t>(side * height / width), shortest};
  return {shortest, static_cast<std::int64_t>(side * width / height)};
}

/// Copies what the picture has of rows and columns from (top, left) on to (to_top, to_left) of `out`.
void copy_part(const Image& from, std::int64_t top, std::int64_t left, Image& out, std::int64_t to_top,
               std::int64_t to_left, Extent part) {
  for (std::int64_t row = 0; row < part.height; ++row) {
    const auto* source = from.rgb.data() + ((top + row) * from.width + left) * Image::kChannels;
    auto* target = out.rgb.data() + ((to_top + row) * out.width + to_left) * Image::kChannels;
    std::memcpy(target, source, static_cast<std::size_t>(part.width * Image::kChannels));
  }
}

/// To the nearest bfloat16, ties to even.
float as_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return std::bit_cast<float>((bits + 0x7fffU + (bits >> 16 & 1U)) & 0xffff0000U);
}

}  // namespace

void Making::add(Extent size, std::int64_t tiles, std::int64_t pixel_bytes) {
  const std::int64_t left = kMostBytesMade - bytes_;
  if (size.height > 0 && size.width > left / pixel_bytes / tiles / size.height)
    throw InputError(name_ + ": becomes " + std::to_string(tiles) + " times " + std::to_string(size.height) +
                     " x " + std::to_string(size.width) + " pixels, with the steps before more than " +
                     std::to_string(kMostBytesMade >> 20) +
                     " MB; are the sizes in preprocessor_config.json right?");
  bytes_ += size.height * size.width * tiles * pixel_bytes;
}

Extent resized_extent(const Size& size, Extent picture, const ProcessorFields& fields) {
  if (size.shortest_edge && size.longest_edge)
    return with_aspect_ratio(picture, *size.shortest_edge, *size.longest_edge);
  if (size.shortest_edge) {
    // get_resize_output_image_size of image_transforms.py.
    const std::int64_t edge = *size.shortest_edge;
    if (picture.width <= picture.height) return {scaled(edge, picture.height, picture.width), edge};
    return {edge, scaled(edge, picture.width, picture.height)};
  }
  if (size.max_height && size.max_width) {
    // get_image_size_for_max_height_width.
    const double scale = std::min(static_cast<double>(*size.max_height) / static_cast<double>(picture.height),
                                  static_cast<double>(*size.max_width) / static_cast<double>(picture.width));
    return {static_cast<std::int64_t>(static_cast<double>(picture.height) * scale),
            static_cast<std::int64_t>(static_cast<double>(picture.width) * scale)};
  }
  if (size.height && size.width) return {*size.height, *size.width};
  fields.config().fail("size", "expected height and width, max_height and max_width, or shortest_edge");
}

Image resized_to(const Image& picture, Extent size, Resample filter, ImageBackend backend, Making& making) {
  making.add_image(size);
  // In between one side is the old one; which of the two depends on the backend.
  const Extent wide{picture.height, size.width}, high{size.height, picture.width};
  making.add_image(wide.height * wide.width > high.height * high.width ? wide : high);
  return resized(picture, size.width, size.height, filter, backend, making.name());
}

Image cropped(const Image& picture, std::int64_t top, std::int64_t left, Extent size, Making& making) {
  making.add_image(size);
  Image out = blank(size.width, size.height, making.name());
  const std::int64_t first_row = std::max<std::int64_t>(0, top),
                     first_column = std::max<std::int64_t>(0, left);
  const std::int64_t end_row = std::min(picture.height, top + size.height);
  const std::int64_t end_column = std::min(picture.width, left + size.width);
  if (end_row > first_row && end_column > first_column)
    copy_part(picture, first_row, first_column, out, first_row - top, first_column - left,
              {end_row - first_row, end_column - first_column});
  return out;
}

Image center_cropped(const Image& picture, Extent size, ImageBackend backend, Making& making) {
  // Where a side is too short, center_crop of image_transforms.py has the larger half of black in front, and
  // TorchvisionBackend's the smaller one.
  const std::int64_t odd = backend == ImageBackend::pillow ? 1 : 0;
  const auto begin = [odd](std::int64_t has, std::int64_t wants) {
    return has >= wants ? (has - wants) / 2 : -((wants - has + odd) / 2);
  };
  return cropped(picture, begin(picture.height, size.height), begin(picture.width, size.width), size, making);
}

Image padded(const Image& picture, std::int64_t top, std::int64_t left, Extent size,
             const std::array<std::uint8_t, 3>& colour, Making& making) {
  making.add_image(size);
  Image out = blank(size.width, size.height, making.name());
  if (colour != std::array<std::uint8_t, 3>{}) {
    for (std::size_t k = 0; k < out.rgb.size(); ++k) out.rgb[k] = colour[k % 3];
  }
  copy_part(picture, 0, 0, out, top, left, {picture.height, picture.width});
  return out;
}

std::vector<Image> divided(const Image& picture, Extent tile, Making& making) {
  const std::int64_t rows = (picture.height + tile.height - 1) / tile.height;
  const std::int64_t columns = (picture.width + tile.width - 1) / tile.width;
  if (rows > kMostTiles / columns)
    throw InputError(making.name() + ": cut into " + std::to_string(rows) + " x " + std::to_string(columns) +
                     " tiles, more than " + std::to_string(kMostTiles) +
                     "; is the tile's size in preprocessor_config.json right?");
  std::vector<Image> tiles;
  for (std::int64_t top = 0; top < picture.height; top += tile.height) {
    for (std::int64_t left = 0; left < picture.width; left += tile.width) {
      const Extent part{std::min(tile.height, picture.height - top),
                        std::min(tile.width, picture.width - left)};
      tiles.push_back(cropped(picture, top, left, part, making));
    }
  }
  return tiles;
}

Pixels::Pixels(const ProcessorFields& fields, const std::array<double, 3>& mean,
               const std::array<double, 3>& std, Arithmetic arithmetic)
    : mean_(fields.channels("image_mean", mean)) {
  const std::array<double, 3> deviation = fields.channels("image_std", std);
  const bool rescale = fields.boolean("do_rescale", true), normalize = fields.boolean("do_normalize", true);
  const double factor = fields.number("rescale_factor", 1.0 / 255);
  for (const double one : deviation) {
    if (normalize && static_cast<float>(one) == 0) fields.config().fail("image_std", "a channel has 0");
  }
  if (rescale && factor == 0) fields.config().fail("rescale_factor", "is 0");
  if (arithmetic == Arithmetic::bfloat16 && !(rescale && normalize)) arithmetic = Arithmetic::torch;
  const bool fused = arithmetic == Arithmetic::torch && rescale && normalize;
  const auto unit = static_cast<float>(1.0 / factor);
  const auto rounded = [&](float value) {
    return arithmetic == Arithmetic::bfloat16 ? as_bfloat16(value) : value;
  };
  for (std::size_t channel = 0; channel < 3; ++channel) {
    float less = rounded(static_cast<float>(mean_[channel]));
    float by = rounded(static_cast<float>(deviation[channel]));
    if (fused) less *= unit, by *= unit;
    for (std::size_t byte = 0; byte < 256; ++byte) {
      auto value = static_cast<float>(byte);
      if (rescale && !fused) {
        value = arithmetic == Arithmetic::numpy
                    ? static_cast<float>(static_cast<double>(byte) * factor)
                    : rounded(static_cast<float>(byte) * static_cast<float>(factor));
      }
      if (normalize) value = rounded(rounded(value - less) / by);
      table_[channel][byte] = value;
    }
  }
}

void Pixels::append(const Image& picture, std::vector<float>& values) const {
  const std::size_t count = picture.rgb.size() / 3, begin = values.size();
  values.resize(begin + picture.rgb.size());
  for (std::size_t channel = 0; channel < 3; ++channel) {
    float* out = values.data() + begin + channel * count;
    const std::array<float, 256>& table = table_[channel];
    for (std::size_t k = 0; k < count; ++k) out[k] = table[picture.rgb[3 * k + channel]];
  }
}

ProcessedImage processed(const std::vector<Image>& tiles, const Pixels& pixels, Making& making) {
  const Image& first = tiles.front();
  making.add_numbers({first.height, first.width}, static_cast<std::int64_t>(tiles.size()));
  ProcessedImage out;
  out.shape = {static_cast<std::int64_t>(tiles.size()), Image::kChannels, first.height, first.width};
  out.height = first.height;
  out.width = first.width;
  out.values.reserve(tiles.size() * first.rgb.size());
  for (const Image& tile : tiles) {
    if (tile.height != first.height || tile.width != first.width)
      throw InputError(
          making.name() + ": cut into tiles of " + std::to_string(first.height) + " x " +
          std::to_string(first.width) + " and of " + std::to_string(tile.height) + " x " +
          std::to_string(tile.width) +
          " pixels, which no batch holds; do the sizes in preprocessor_config.json fit together?");
    pixels.append(tile, out.values);
  }
  return out;
}

}  // namespace mhub::image
