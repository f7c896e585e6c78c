// SPDX-License-Identifier: Apache-2.0
// The specification of every kernel, for any processor; Eigen uses what vectors the compiler's target has.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <Eigen/Core>

#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/tensor/convert.hpp"

namespace mhub::runtime {
namespace {

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Strided = Eigen::Map<RowMajor, 0, Eigen::OuterStride<>>;
using ConstStrided = Eigen::Map<const RowMajor, 0, Eigen::OuterStride<>>;

constexpr std::int64_t kPanelRows = 16, kTileTokens = 8, kDepth = 256;

/// `count` weights from column `first` of row `r` as float32.
void to_float(const Kernels::Rows& weight, std::int64_t r, std::int64_t first, std::int64_t count,
              float* out) {
  const std::size_t size = size_of(weight.dtype);
  const auto* at = static_cast<const std::byte*>(weight.data) +
                   static_cast<std::size_t>(r * weight.row_stride + first) * size;
  convert_elements(weight.dtype, at, DType::f32, reinterpret_cast<std::byte*>(out),
                   static_cast<std::size_t>(count));
}

void multiply_few(const Kernels::Rows& weight, const float* in, std::int64_t in_stride, std::int64_t tokens,
                  float* out, std::int64_t out_stride, Kernels::Walk) {
  Eigen::Matrix<float, kDepth, 1> row;
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    for (std::int64_t c = 0; c < weight.columns; c += kDepth) {
      const std::int64_t count = std::min(kDepth, weight.columns - c);
      to_float(weight, r, c, count, row.data());
      const ConstStrided x(in + c, tokens, count, Eigen::OuterStride<>(in_stride));
      Eigen::Map<Eigen::VectorXf, 0, Eigen::InnerStride<>> y(out + r, tokens,
                                                             Eigen::InnerStride<>(out_stride));
      y.noalias() += x * row.head(count);
    }
  }
}

void pack_panel(const Kernels::Rows& weight, void* panel) {
  auto* words = static_cast<float*>(panel);
  std::fill_n(words, kPanelRows * weight.columns, 0.0F);
  float row[kDepth];
  for (std::int64_t r = 0; r < weight.rows; ++r) {
    to_float(weight, r, 0, weight.columns, row);
    for (std::int64_t c = 0; c < weight.columns; ++c) words[c * kPanelRows + r] = row[c];
  }
}

void pack_tile(const float* in, std::int64_t in_stride, std::int64_t tokens, std::int64_t columns,
               void* tile) {
  auto* words = static_cast<float*>(tile);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t c = 0; c < columns; ++c) words[c * kTileTokens + t] = in[t * in_stride + c];
  }
}

void multiply_tile(const void* panel, const void* tile, std::int64_t tokens, std::int64_t columns, float* out,
                   std::int64_t out_stride, const Kernels::Ahead&) {
  const ConstStrided weights(static_cast<const float*>(panel), columns, kPanelRows,
                             Eigen::OuterStride<>(kPanelRows));
  const ConstStrided x(static_cast<const float*>(tile), columns, tokens, Eigen::OuterStride<>(kTileTokens));
  Strided y(out, tokens, kPanelRows, Eigen::OuterStride<>(out_stride));
  y.noalias() += x.transpose() * weights;
}

void multiply_small(const float* a, std::int64_t a_stride, std::int64_t rows, const float* b,
                    std::int64_t b_stride, std::int64_t depth, std::int64_t columns, float* out,
                    std::int64_t out_stride) {
  const ConstStrided left(a, rows, depth, Eigen::OuterStride<>(a_stride));
  const ConstStrided right(b, depth, columns, Eigen::OuterStride<>(b_stride));
  Strided y(out, rows, columns, Eigen::OuterStride<>(out_stride));
  y.noalias() += left * right;
}

void sigmoid_gate(const float* in, std::int64_t count, float linear, float cubic, float* out) {
  const Eigen::Map<const Eigen::ArrayXf> x(in, count);
  // Beyond 100 the sigmoid is 0 or 1; without the limit the cube could overflow.
  const auto limited = x.min(100.0F).max(-100.0F);
  Eigen::Map<Eigen::ArrayXf>(out, count) = x / (1.0F + (-linear * limited - cubic * limited.cube()).exp());
}

float exponentials(float* values, std::int64_t count, float largest) {
  Eigen::Map<Eigen::ArrayXf> x(values, count);
  x = (x - largest).exp();
  return x.sum();
}

void normalize(const float* in, std::int64_t count, bool centred, float epsilon, const float* weight,
               const float* bias, float* out) {
  const Eigen::Map<const Eigen::ArrayXf> x(in, count);
  Eigen::Map<Eigen::ArrayXf> y(out, count);
  const float mean = centred ? x.mean() : 0.0F;
  const float scale = 1.0F / std::sqrt((x - mean).square().mean() + epsilon);
  y = (x - mean) * scale;
  if (weight != nullptr) y *= Eigen::Map<const Eigen::ArrayXf>(weight, count);
  if (bias != nullptr) y += Eigen::Map<const Eigen::ArrayXf>(bias, count);
}

void scan(const Kernels::Scan& scan, const float* x, float* out) {
  const Eigen::Map<const Eigen::ArrayXf> in(x, scan.columns);
  Eigen::Map<Eigen::ArrayXf> y(out, scan.columns);
  y = scan.skip * in;
  for (std::int64_t i = 0; i < scan.rows; ++i) {
    Eigen::Map<Eigen::ArrayXf> row(scan.state + i * scan.columns, scan.columns);
    row = scan.decay * row + scan.step * scan.b[i] * in;
    y += scan.c[i] * row;
  }
}

constexpr Kernels kPortable{"portable",   multiply_few, kPanelRows, kTileTokens,   kDepth,
                            false,        pack_panel,   pack_tile,  multiply_tile, multiply_small,
                            sigmoid_gate, exponentials, normalize,  scan};

}  // namespace

const Kernels& portable_kernels() { return kPortable; }

}  // namespace mhub::runtime
