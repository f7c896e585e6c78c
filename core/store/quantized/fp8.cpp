// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "mhub/store/quantized/quantized.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub {
namespace {

constexpr std::string_view kScale = "_scale_inv", kActivationScale = ".activation_scale";

const std::array<float, 256>& fp8_values() {
  static const std::array<float, 256> values = [] {
    std::array<float, 256> table{};
    for (std::size_t k = 0; k < table.size(); ++k) table[k] = f8_e4m3_to_float(static_cast<std::uint8_t>(k));
    return table;
  }();
  return values;
}

std::int64_t blocks(std::int64_t length, std::int64_t block) { return (length + block - 1) / block; }

class Fp8Source final : public DecodedSource {
 public:
  Fp8Source(const StoredTensor& weight, const StoredTensor& scale, const ScaleBlock& block)
      : DecodedSource(packed(weight), packed(scale), numel(weight.shape)),
        block_(block),
        rows_(weight.shape[weight.shape.size() - 2]),
        columns_(weight.shape.back()) {}

 private:
  void decode(std::int64_t first, std::span<std::uint16_t> out) const override {
    const auto count = static_cast<std::int64_t>(out.size());
    const std::vector<std::byte> quantised = values().read(first, count);
    std::vector<float> of_row;
    std::int64_t loaded = -1;
    for (std::int64_t at = 0; at < count;) {
      const std::int64_t row = (first + at) / columns_, column = (first + at) % columns_;
      const std::int64_t length = std::min(columns_ - column, count - at);
      if (const std::int64_t scale_row = scale_row_of(row); scale_row != loaded) {
        of_row = read_scales(scale_row);
        loaded = scale_row;
      }
      decode_row(quantised.data() + at, column, of_row,
                 out.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(length)));
      at += length;
    }
  }

  void decode_row(const std::byte* quantised, std::int64_t column, const std::vector<float>& of_row,
                  std::span<std::uint16_t> out) const {
    const std::array<float, 256>& of_byte = fp8_values();
    for (std::size_t at = 0; at < out.size();) {
      const std::int64_t here = column + static_cast<std::int64_t>(at);
      const float scale = of_row[static_cast<std::size_t>(here / block_.columns)];
      const auto end =
          std::min(out.size(), at + static_cast<std::size_t>(block_.columns - here % block_.columns));
      for (; at < end; ++at)
        out[at] = float_to_bf16(of_byte[std::to_integer<std::size_t>(quantised[at])] * scale);
    }
  }

  /// Rows of all leading axes counted through, as in the scale tensor.
  std::int64_t scale_row_of(std::int64_t row) const {
    return row / rows_ * blocks(rows_, block_.rows) + row % rows_ / block_.rows;
  }

  std::vector<float> read_scales(std::int64_t scale_row) const {
    const std::int64_t width = blocks(columns_, block_.columns);
    const std::vector<std::byte> stored = scales().read(scale_row * width, width);
    std::vector<float> of_row(static_cast<std::size_t>(width));
    convert_elements(scales().dtype, stored.data(), DType::f32,
                     std::as_writable_bytes(std::span(of_row)).data(), of_row.size());
    return of_row;
  }

  ScaleBlock block_;
  std::int64_t rows_, columns_;
};

void require_scale_type(const StoredTensor& scale) {
  if (scale.dtype != DType::f32 && scale.dtype != DType::bf16 && scale.dtype != DType::f8_e8m0)
    refuse(scale, "scales of type " + std::string(torch_name(scale.dtype)) + " are not supported");
}

/// Where the decoded elements of a weight are.
std::shared_ptr<const ByteSource> decoded(const StoredTensor& weight, const StoredTensor& scale,
                                          const ScaleBlock& block) {
  require_scale_type(scale);
  return std::make_shared<Fp8Source>(weight, scale, block);
}

std::shared_ptr<const ByteSource> decoded_blocks(const StoredTensor& weight, const StoredTensor& scale,
                                                 const ScaleBlock& block) {
  const std::size_t rank = weight.shape.size();
  if (rank < 2) refuse(weight, "FP8 with a scale per block needs two axes");
  Shape expected = weight.shape;
  expected[rank - 2] = blocks(expected[rank - 2], block.rows);
  expected[rank - 1] = blocks(expected[rank - 1], block.columns);
  if (scale.shape != expected)
    refuse(scale, "expected shape " + to_string(expected) + " for " + weight.name + " " +
                      to_string(weight.shape) + " in blocks of " + std::to_string(block.rows) + " x " +
                      std::to_string(block.columns));
  return decoded(weight, scale, block);
}

/// One scale: a block that is the whole weight.
std::shared_ptr<const ByteSource> decoded_whole(const StoredTensor& weight, const StoredTensor& scale) {
  if (weight.shape.size() != 2) refuse(weight, "FP8 with one scale is supported for weights of two axes");
  if (numel(scale.shape) != 1) refuse(scale, "expected one scale for " + weight.name);
  return decoded(weight, scale,
                 {std::max<std::int64_t>(weight.shape[0], 1), std::max<std::int64_t>(weight.shape[1], 1)});
}

bool is_fp8(const StoredTensor* tensor) { return tensor != nullptr && tensor->dtype == DType::f8_e4m3; }

/// The weight that a tensor named like `suffix` belongs to.
const StoredTensor* weight_of(const TensorSource& tensors, std::string_view name, std::string_view suffix,
                              std::string_view weight) {
  return tensors.find(std::string(name.substr(0, name.size() - suffix.size())).append(weight));
}

/// What a tensor becomes: itself (no bytes of its own), a decoded one, or nothing.
struct Fate {
  bool stays = true;
  std::shared_ptr<const ByteSource> decoded = {};
};

Fate fate_of(const StoredTensor& tensor, const TensorSource& tensors,
             const std::optional<ScaleBlock>& block) {
  if (tensor.name.ends_with(kScale)) {
    if (!is_fp8(weight_of(tensors, tensor.name, kScale, ""))) refuse(tensor, "a scale without an FP8 weight");
    return {.stays = false};
  }
  if (tensor.name.ends_with(kActivationScale)) {
    if (!is_fp8(weight_of(tensors, tensor.name, kActivationScale, ".weight")))
      refuse(tensor, "a scale of inputs without an FP8 weight");
    return {.stays = false};
  }
  if (!is_fp8(&tensor)) return {};
  const StoredTensor* scale = weight_of(tensors, tensor.name, "", kScale);
  if (scale == nullptr)
    refuse(tensor, "an FP8 weight without its scale " + tensor.name + std::string(kScale));
  return {.decoded = block ? decoded_blocks(tensor, *scale, *block) : decoded_whole(tensor, *scale)};
}

}  // namespace

TensorSource decode_fp8(TensorSource tensors, const std::optional<ScaleBlock>& block) {
  std::vector<Fate> fates;
  fates.reserve(tensors.tensors().size());
  for (const StoredTensor& tensor : tensors.tensors()) fates.push_back(fate_of(tensor, tensors, block));
  const auto stay = std::count_if(fates.begin(), fates.end(), [](const Fate& fate) { return fate.stays; });
  std::vector<StoredTensor> all = std::move(tensors).take(), result;
  result.reserve(static_cast<std::size_t>(stay));
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (!fates[k].stays) continue;
    StoredTensor& tensor = result.emplace_back(std::move(all[k]));
    if (fates[k].decoded == nullptr) continue;
    tensor.dtype = DType::bf16;
    tensor.chunks = {{Index(tensor.shape.size(), 0), tensor.shape, row_major_strides(tensor.shape),
                      std::move(fates[k].decoded), 0}};
  }
  return TensorSource(std::move(result));
}

}  // namespace mhub
