// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>

#include "mhub/store/quantized/quantized.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

constexpr std::string_view kBlocks = "_blocks", kScales = "_scales";
constexpr std::int64_t kPacked = 16;           // bytes of a block
constexpr std::int64_t kValues = 2 * kPacked;  // values of a block

/// bf16 values of the 16 nibbles, for each scale. For transformers (torch.ldexp) a scale of 255 is 2^128 and
/// not the NaN of the OCP format.
using ScaledValues = std::array<std::array<std::uint16_t, 16>, 256>;

const ScaledValues& scaled_values() {
  static const ScaledValues values = [] {
    constexpr std::array<float, 8> kE2m1{0.0F, 0.5F, 1.0F, 1.5F, 2.0F, 3.0F, 4.0F, 6.0F};
    ScaledValues table{};
    for (std::size_t scale = 0; scale < table.size(); ++scale) {
      for (std::size_t nibble = 0; nibble < 16; ++nibble) {
        const float magnitude = kE2m1[nibble % 8];
        const float value = std::ldexp(nibble < 8 ? magnitude : -magnitude, static_cast<int>(scale) - 127);
        table[scale][nibble] = float_to_bf16(value);
      }
    }
    return table;
  }();
  return values;
}

class Mxfp4Source final : public DecodedSource {
 public:
  Mxfp4Source(const StoredTensor& blocks, const StoredTensor& scales)
      : DecodedSource(packed(blocks), packed(scales), numel(blocks.shape) * 2) {}

 private:
  void decode(std::int64_t first, std::span<std::uint16_t> out) const override {
    const auto count = static_cast<std::int64_t>(out.size());
    const std::int64_t first_byte = first / 2, bytes = (first + count + 1) / 2 - first_byte;
    const std::int64_t first_block = first / kValues,
                       block_count = (first + count + kValues - 1) / kValues - first_block;
    const std::vector<std::byte> packed_values = values().read(first_byte, bytes);
    const std::vector<std::byte> exponents = scales().read(first_block, block_count);
    for (std::int64_t at = 0; at < count;) {
      const std::int64_t element = first + at;
      const auto scale =
          std::to_integer<std::size_t>(exponents[static_cast<std::size_t>(element / kValues - first_block)]);
      const std::array<std::uint16_t, 16>& of_scale = scaled_values()[scale];
      const std::int64_t end = std::min(count, at + kValues - element % kValues);
      for (; at < end; ++at) {
        const auto byte =
            std::to_integer<unsigned>(packed_values[static_cast<std::size_t>((first + at) / 2 - first_byte)]);
        out[static_cast<std::size_t>(at)] = of_scale[(first + at) % 2 == 0 ? byte & 15U : byte >> 4];
      }
    }
  }
};

StoredTensor decoded(const std::string& name, const StoredTensor& blocks, const StoredTensor& scales) {
  const Shape& shape = blocks.shape;
  if (blocks.dtype != DType::u8 || shape.size() != 4 || shape[3] != kPacked)
    refuse(blocks, "expected MXFP4 blocks, uint8 [experts, rows, groups, 16]");
  if (scales.dtype != DType::u8 || scales.shape != Shape(shape.begin(), shape.end() - 1))
    refuse(scales, "expected the scales of " + blocks.name + ", uint8 " +
                       to_string(Shape(shape.begin(), shape.end() - 1)));
  const std::int64_t rows = shape[1], columns = shape[2] * kValues;
  StoredTensor tensor{name, DType::bf16, {shape[0], columns, rows}, {}};
  tensor.chunks.push_back({Index(3, 0),
                           tensor.shape,
                           {rows * columns, 1, columns},
                           std::make_shared<Mxfp4Source>(blocks, scales),
                           0});
  return tensor;
}

}  // namespace

TensorSource decode_mxfp4(const TensorSource& tensors) {
  std::vector<StoredTensor> result;
  for (const StoredTensor& tensor : tensors.tensors()) {
    const bool blocks = tensor.name.ends_with(kBlocks), scales = tensor.name.ends_with(kScales);
    if (!blocks && !scales) {
      result.push_back(tensor);
      continue;
    }
    const std::string name = tensor.name.substr(0, tensor.name.size() - kBlocks.size());
    const std::string other = name + std::string(blocks ? kScales : kBlocks);
    const StoredTensor* partner = tensors.find(other);
    if (partner == nullptr) refuse(tensor, "without its " + other);
    if (blocks) result.push_back(decoded(name, tensor, *partner));
  }
  return TensorSource(std::move(result));
}

}  // namespace mhub
