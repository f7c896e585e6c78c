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
      : DecodedSource(packed(weight).chunks[0].bytes, packed(scale).chunks[0].bytes, numel(weight.shape)),
        weight_(weight),
        scale_(packed(scale)),
        block_(block),
        rows_(weight_.shape[weight_.shape.size() - 2]),
        columns_(weight_.shape.back()) {}

 private:
  void decode(std::int64_t first, std::span<std::uint16_t> out) const override {
    const auto count = static_cast<std::int64_t>(out.size());
    const std::vector<std::byte> quantised = read_elements(weight_, first, count);
    std::vector<float> scales;
    std::int64_t loaded = -1;
    for (std::int64_t at = 0; at < count;) {
      const std::int64_t row = (first + at) / columns_, column = (first + at) % columns_;
      const std::int64_t length = std::min(columns_ - column, count - at);
      if (const std::int64_t scale_row = scale_row_of(row); scale_row != loaded) {
        scales = read_scales(scale_row);
        loaded = scale_row;
      }
      decode_row(quantised.data() + at, column, scales,
                 out.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(length)));
      at += length;
    }
  }

  void decode_row(const std::byte* quantised, std::int64_t column, const std::vector<float>& scales,
                  std::span<std::uint16_t> out) const {
    const std::array<float, 256>& values = fp8_values();
    for (std::size_t at = 0; at < out.size();) {
      const std::int64_t here = column + static_cast<std::int64_t>(at);
      const float scale = scales[static_cast<std::size_t>(here / block_.columns)];
      const auto end =
          std::min(out.size(), at + static_cast<std::size_t>(block_.columns - here % block_.columns));
      for (; at < end; ++at)
        out[at] = float_to_bf16(values[std::to_integer<std::size_t>(quantised[at])] * scale);
    }
  }

  /// Rows of all leading axes counted through, as in the scale tensor.
  std::int64_t scale_row_of(std::int64_t row) const {
    return row / rows_ * blocks(rows_, block_.rows) + row % rows_ / block_.rows;
  }

  std::vector<float> read_scales(std::int64_t scale_row) const {
    const std::int64_t width = blocks(columns_, block_.columns);
    const std::vector<std::byte> stored = read_elements(scale_, scale_row * width, width);
    std::vector<float> scales(static_cast<std::size_t>(width));
    convert_elements(scale_.dtype, stored.data(), DType::f32,
                     std::as_writable_bytes(std::span(scales)).data(), scales.size());
    return scales;
  }

  StoredTensor weight_, scale_;
  ScaleBlock block_;
  std::int64_t rows_, columns_;
};

void require_scale_type(const StoredTensor& scale) {
  if (scale.dtype != DType::f32 && scale.dtype != DType::bf16 && scale.dtype != DType::f8_e8m0)
    refuse(scale, "scales of type " + std::string(torch_name(scale.dtype)) + " are not supported");
}

StoredTensor decoded(const StoredTensor& weight, const StoredTensor& scale, const ScaleBlock& block) {
  const std::size_t rank = weight.shape.size();
  require_scale_type(scale);
  StoredTensor tensor{weight.name, DType::bf16, weight.shape, {}};
  tensor.chunks.push_back({Index(rank, 0), weight.shape, row_major_strides(weight.shape),
                           std::make_shared<Fp8Source>(weight, scale, block), 0});
  return tensor;
}

StoredTensor decoded_blocks(const StoredTensor& weight, const StoredTensor& scale, const ScaleBlock& block) {
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
StoredTensor decoded_whole(const StoredTensor& weight, const StoredTensor& scale) {
  if (weight.shape.size() != 2) refuse(weight, "FP8 with one scale is supported for weights of two axes");
  if (numel(scale.shape) != 1) refuse(scale, "expected one scale for " + weight.name);
  return decoded(weight, scale,
                 {std::max<std::int64_t>(weight.shape[0], 1), std::max<std::int64_t>(weight.shape[1], 1)});
}

bool is_fp8(const StoredTensor* tensor) { return tensor != nullptr && tensor->dtype == DType::f8_e4m3; }

/// The weight that a tensor named like `suffix` belongs to.
const StoredTensor* weight_of(const TensorSource& tensors, const std::string& name, std::string_view suffix,
                              const std::string& weight) {
  return tensors.find(name.substr(0, name.size() - suffix.size()) + weight);
}

}  // namespace

TensorSource decode_fp8(const TensorSource& tensors, const std::optional<ScaleBlock>& block) {
  std::vector<StoredTensor> result;
  for (const StoredTensor& tensor : tensors.tensors()) {
    const std::string scale_name = tensor.name + std::string(kScale);
    const StoredTensor* scale = tensors.find(scale_name);
    if (tensor.name.ends_with(kScale)) {
      if (!is_fp8(weight_of(tensors, tensor.name, kScale, "")))
        refuse(tensor, "a scale without an FP8 weight");
    } else if (tensor.name.ends_with(kActivationScale)) {
      if (!is_fp8(weight_of(tensors, tensor.name, kActivationScale, ".weight")))
        refuse(tensor, "a scale of inputs without an FP8 weight");
    } else if (tensor.dtype != DType::f8_e4m3) {
      result.push_back(tensor);
    } else if (scale == nullptr) {
      refuse(tensor, "an FP8 weight without its scale " + scale_name);
    } else {
      result.push_back(block ? decoded_blocks(tensor, *scale, *block) : decoded_whole(tensor, *scale));
    }
  }
  return TensorSource(std::move(result));
}

}  // namespace mhub
