// SPDX-License-Identifier: Apache-2.0
// The kernels of kernels.hpp written once over a vector type. Included by one source file per instruction
// set, which is compiled with that set's flags and defines `Isa`. Everything here is in an anonymous
// namespace and calls nothing but intrinsics, so that no function compiled with those flags can be linked
// into code that runs on lesser processors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "mhub/runtime/cpu/kernels.hpp"

namespace mhub::runtime {
namespace {

/// Fetches a line that a walk through weights will come to: a page ahead, where the hardware's prefetchers
/// stop, or of rows side by side sixteen lines ahead.
template <Kernels::Walk walk>
void fetch_line(const void* at) {
  if constexpr (walk == Kernels::Walk::past_caches)
    _mm_prefetch(static_cast<const char*>(at) + 4096, _MM_HINT_NTA);
  if constexpr (walk == Kernels::Walk::side_by_side)
    _mm_prefetch(static_cast<const char*>(at) + 1024, _MM_HINT_T1);
}

template <DType dtype>
struct Element {
  using Type = std::uint16_t;
};
template <>
struct Element<DType::f32> {
  using Type = float;
};

template <typename Isa, DType dtype>
typename Isa::Vector load(const typename Element<dtype>::Type* at) {
  if constexpr (dtype == DType::bf16) {
    return Isa::load_bf16(at);
  } else if constexpr (dtype == DType::f16) {
    return Isa::load_f16(at);
  } else {
    return Isa::load(at);
  }
}

/// The first `count` < kLanes elements, zeros behind them.
template <typename Isa, DType dtype>
typename Isa::Vector load_part(const typename Element<dtype>::Type* at, std::int64_t count) {
  typename Element<dtype>::Type buffer[Isa::kLanes] = {};
  for (std::int64_t k = 0; k < count; ++k) buffer[k] = at[k];
  return load<Isa, dtype>(buffer);
}

/// Dot products of `kRows` weight rows, side by side, with `kTokens` activations; `kUnroll` vectors a step.
/// The order of a product's sums depends on kUnroll alone.
template <typename Isa, DType dtype, Kernels::Walk walk, int kRows, int kTokens, int kUnroll>
void multiply_beside(const typename Element<dtype>::Type* row, std::int64_t row_stride, std::int64_t columns,
                     const float* in, std::int64_t in_stride, float* out, std::int64_t out_stride) {
  using Vector = typename Isa::Vector;
  constexpr std::int64_t kStep = kUnroll * Isa::kLanes;
  constexpr std::int64_t kLine = 64 / sizeof(*row);
  Vector sums[kRows][kTokens][kUnroll];
#pragma GCC unroll 8
  for (int q = 0; q < kRows; ++q) {
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
#pragma GCC unroll 4
      for (int u = 0; u < kUnroll; ++u) sums[q][t][u] = Isa::zero();
    }
  }
  std::int64_t c = 0;
  for (; c + kStep <= columns; c += kStep) {
#pragma GCC unroll 8
    for (int q = 0; q < kRows; ++q) {
#pragma GCC unroll 4
      for (std::int64_t line = 0; line < kStep; line += kLine)
        fetch_line<walk>(row + q * row_stride + c + line);
    }
#pragma GCC unroll 4
    for (int u = 0; u < kUnroll; ++u) {
      Vector x[kTokens];
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) x[t] = Isa::load(in + t * in_stride + c + u * Isa::kLanes);
#pragma GCC unroll 8
      for (int q = 0; q < kRows; ++q) {
        const Vector weight = load<Isa, dtype>(row + q * row_stride + c + u * Isa::kLanes);
#pragma GCC unroll 8
        for (int t = 0; t < kTokens; ++t) sums[q][t][u] = Isa::fma(weight, x[t], sums[q][t][u]);
      }
    }
  }
  for (; c < columns; c += Isa::kLanes) {
    const std::int64_t left = columns - c;
    const bool whole = left >= Isa::kLanes;
#pragma GCC unroll 8
    for (int q = 0; q < kRows; ++q) {
      const auto* at = row + q * row_stride + c;
      const Vector weight = whole ? load<Isa, dtype>(at) : load_part<Isa, dtype>(at, left);
#pragma GCC unroll 8
      for (int t = 0; t < kTokens; ++t) {
        const float* x = in + t * in_stride + c;
        sums[q][t][0] =
            Isa::fma(weight, whole ? Isa::load(x) : load_part<Isa, DType::f32>(x, left), sums[q][t][0]);
      }
    }
  }
#pragma GCC unroll 8
  for (int q = 0; q < kRows; ++q) {
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      Vector sum = sums[q][t][0];
#pragma GCC unroll 4
      for (int u = 1; u < kUnroll; ++u) sum = Isa::add(sum, sums[q][t][u]);
      out[t * out_stride + q] += Isa::sum(sum);
    }
  }
}

template <typename Isa, DType dtype, Kernels::Walk walk, int kTokens>
void multiply_rows(const Kernels::Rows& weight, const float* in, std::int64_t in_stride, float* out,
                   std::int64_t out_stride) {
  // A line of 16-bit weights a step: with two, measured, fewer lines are under way.
  constexpr int kUnroll = Isa::kLanes == 16 ? (kTokens <= 4 ? 2 : 1) : (kTokens <= 2 ? 4 : 1);
  const auto* row = static_cast<const typename Element<dtype>::Type*>(weight.data);
  std::int64_t r = 0;
  if constexpr (walk == Kernels::Walk::side_by_side && kTokens == 1) {
    constexpr int kRows = Isa::kLanes == 16 ? 8 : 2;  // of 32 and of 16 registers, half hold sums
    for (; r + kRows <= weight.rows; r += kRows) {
      multiply_beside<Isa, dtype, walk, kRows, 1, kUnroll>(
          row + r * weight.row_stride, weight.row_stride, weight.columns, in, in_stride, out + r, out_stride);
    }
  }
  for (; r < weight.rows; ++r) {
    multiply_beside<Isa, dtype, walk, 1, kTokens, kUnroll>(
        row + r * weight.row_stride, weight.row_stride, weight.columns, in, in_stride, out + r, out_stride);
  }
}

/// Calls multiply_rows for the number of tokens at hand.
template <typename Isa, DType dtype, int kTokens = Kernels::kFew>
void multiply_few_of(const Kernels::Rows& weight, const float* in, std::int64_t in_stride,
                     std::int64_t tokens, float* out, std::int64_t out_stride, Kernels::Walk walk) {
  using Walk = Kernels::Walk;
  if constexpr (kTokens > 1) {
    if (tokens < kTokens)
      return multiply_few_of<Isa, dtype, kTokens - 1>(weight, in, in_stride, tokens, out, out_stride, walk);
  }
  if (walk == Walk::past_caches)
    return multiply_rows<Isa, dtype, Walk::past_caches, kTokens>(weight, in, in_stride, out, out_stride);
  if (walk == Walk::side_by_side && kTokens == 1)
    return multiply_rows<Isa, dtype, Walk::side_by_side, 1>(weight, in, in_stride, out, out_stride);
  return multiply_rows<Isa, dtype, Walk::in_order, kTokens>(weight, in, in_stride, out, out_stride);
}

template <typename Isa>
void multiply_few(const Kernels::Rows& weight, const float* in, std::int64_t in_stride, std::int64_t tokens,
                  float* out, std::int64_t out_stride, Kernels::Walk walk) {
  switch (weight.dtype) {
    case DType::bf16:
      return multiply_few_of<Isa, DType::bf16>(weight, in, in_stride, tokens, out, out_stride, walk);
    case DType::f16:
      return multiply_few_of<Isa, DType::f16>(weight, in, in_stride, tokens, out, out_stride, walk);
    default: return multiply_few_of<Isa, DType::f32>(weight, in, in_stride, tokens, out, out_stride, walk);
  }
}

/// Packs kLanes weight rows of float32 words, kLanes columns at a time through a transposition.
template <typename Isa, DType dtype>
void pack_rows(const Kernels::Rows& weight, std::int64_t first_row, float* panel) {
  using Vector = typename Isa::Vector;
  const auto* data = static_cast<const typename Element<dtype>::Type*>(weight.data);
  const std::int64_t rows = weight.rows - first_row;
  for (std::int64_t c = 0; c < weight.columns; c += Isa::kLanes) {
    const std::int64_t left = weight.columns - c;
    Vector block[Isa::kLanes];
    for (std::int64_t r = 0; r < Isa::kLanes; ++r) {
      const auto* at = data + (first_row + r) * weight.row_stride + c;
      if (r >= rows) {
        block[r] = Isa::zero();
      } else {
        block[r] = left >= Isa::kLanes ? load<Isa, dtype>(at) : load_part<Isa, dtype>(at, left);
      }
    }
    Isa::transpose(block);
    const std::int64_t count = left < Isa::kLanes ? left : Isa::kLanes;
    for (std::int64_t k = 0; k < count; ++k) Isa::store(panel + (c + k) * 2 * Isa::kLanes, block[k]);
  }
}

template <typename Isa>
void pack_panel(const Kernels::Rows& weight, void* panel) {
  auto* words = static_cast<float*>(panel);
  for (std::int64_t half = 0; half < 2; ++half) {
    const std::int64_t first = half * Isa::kLanes;
    switch (weight.dtype) {
      case DType::bf16: pack_rows<Isa, DType::bf16>(weight, first, words + first); break;
      case DType::f16: pack_rows<Isa, DType::f16>(weight, first, words + first); break;
      default: pack_rows<Isa, DType::f32>(weight, first, words + first); break;
    }
  }
}

template <typename Isa>
void pack_tile(const float* in, std::int64_t in_stride, std::int64_t tokens, std::int64_t columns,
               void* tile) {
  auto* words = static_cast<float*>(tile);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t c = 0; c < columns; ++c) words[c * Isa::kTileTokens + t] = in[t * in_stride + c];
  }
}

/// How many tiles ahead tiles are fetched, into the second cache: a long prompt's come from the last one or
/// from memory. One ahead is too late there: measured, a tile from memory then costs up to half as much
/// again.
constexpr std::int64_t kTilesAhead = 4;

template <typename Isa, int kTokens>
void multiply_tile_of(const float* panel, const float* tile, std::int64_t words, float* out,
                      std::int64_t out_stride, const Kernels::Ahead& ahead) {
  using Vector = typename Isa::Vector;
  constexpr std::int64_t kStep = 16;  // words between fetches: a cache line of float32, or of bf16 pairs
  Vector sums[kTokens][2];
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) sums[t][0] = sums[t][1] = Isa::zero();
  for (std::int64_t first = 0; first < words; first += kStep) {
    const std::int64_t last = first + kStep < words ? first + kStep : words;
    for (std::int64_t r = 0; r < ahead.rows; ++r) {
      const std::byte* at = ahead.data + r * ahead.row_bytes + first * ahead.word_bytes;
      _mm_prefetch(reinterpret_cast<const char*>(at), _MM_HINT_T0);
    }
    for (std::int64_t k = first; k < last; ++k) {
      _mm_prefetch(reinterpret_cast<const char*>(tile + kTilesAhead * Isa::kTileTokens * Isa::kDepth),
                   _MM_HINT_T1);
      const Vector low = Isa::load(panel), high = Isa::load(panel + Isa::kLanes);
#pragma GCC unroll 12
      for (int t = 0; t < kTokens; ++t) {
        const Vector word = Isa::broadcast(tile[t]);
        sums[t][0] = Isa::multiply_words(low, word, sums[t][0]);
        sums[t][1] = Isa::multiply_words(high, word, sums[t][1]);
      }
      panel += 2 * Isa::kLanes;
      tile += Isa::kTileTokens;
    }
  }
#pragma GCC unroll 12
  for (int t = 0; t < kTokens; ++t) {
    float* at = out + t * out_stride;
    Isa::store(at, Isa::add(Isa::load(at), sums[t][0]));
    Isa::store(at + Isa::kLanes, Isa::add(Isa::load(at + Isa::kLanes), sums[t][1]));
  }
}

/// Calls multiply_tile_of for the number of tokens at hand.
template <typename Isa, int kTokens = Isa::kTileTokens>
void multiply_tile(const void* panel, const void* tile, std::int64_t tokens, std::int64_t columns, float* out,
                   std::int64_t out_stride, const Kernels::Ahead& ahead) {
  if constexpr (kTokens > 1) {
    if (tokens < kTokens)
      return multiply_tile<Isa, kTokens - 1>(panel, tile, tokens, columns, out, out_stride, ahead);
  }
  const std::int64_t words = Isa::kBf16Words ? (columns + 1) / 2 : columns;
  multiply_tile_of<Isa, kTokens>(static_cast<const float*>(panel), static_cast<const float*>(tile), words,
                                 out, out_stride, ahead);
}

/// kRows rows of a times kVectors vectors of b's columns.
template <typename Isa, int kRows, int kVectors>
void multiply_small_of(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride,
                       std::int64_t depth, float* out, std::int64_t out_stride) {
  using Vector = typename Isa::Vector;
  Vector sums[kRows][kVectors];
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[i][v] = Isa::load(out + i * out_stride + v * Isa::kLanes);
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    Vector right[kVectors];
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) right[v] = Isa::load(b + k * b_stride + v * Isa::kLanes);
#pragma GCC unroll 4
    for (int i = 0; i < kRows; ++i) {
      const Vector left = Isa::broadcast(a[i * a_stride + k]);
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[i][v] = Isa::fma(left, right[v], sums[i][v]);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) Isa::store(out + i * out_stride + v * Isa::kLanes, sums[i][v]);
  }
}

template <typename Isa, int kRows>
void multiply_small_rows(const float* a, std::int64_t a_stride, const float* b, std::int64_t b_stride,
                         std::int64_t depth, std::int64_t columns, float* out, std::int64_t out_stride) {
  constexpr int kVectors = Isa::kLanes == 16 ? 4 : 2;
  std::int64_t j = 0;
  for (; j + kVectors * Isa::kLanes <= columns; j += kVectors * Isa::kLanes)
    multiply_small_of<Isa, kRows, kVectors>(a, a_stride, b + j, b_stride, depth, out + j, out_stride);
  for (; j + Isa::kLanes <= columns; j += Isa::kLanes)
    multiply_small_of<Isa, kRows, 1>(a, a_stride, b + j, b_stride, depth, out + j, out_stride);
  for (; j < columns; ++j) {
    for (int i = 0; i < kRows; ++i) {
      float sum = out[i * out_stride + j];
      for (std::int64_t k = 0; k < depth; ++k) sum += a[i * a_stride + k] * b[k * b_stride + j];
      out[i * out_stride + j] = sum;
    }
  }
}

template <typename Isa>
void multiply_small(const float* a, std::int64_t a_stride, std::int64_t rows, const float* b,
                    std::int64_t b_stride, std::int64_t depth, std::int64_t columns, float* out,
                    std::int64_t out_stride) {
  std::int64_t i = 0;
  for (; i + 4 <= rows; i += 4) {
    multiply_small_rows<Isa, 4>(a + i * a_stride, a_stride, b, b_stride, depth, columns, out + i * out_stride,
                                out_stride);
  }
  for (; i < rows; ++i) {
    multiply_small_rows<Isa, 1>(a + i * a_stride, a_stride, b, b_stride, depth, columns, out + i * out_stride,
                                out_stride);
  }
}

/// exp(x) within 2 units in the last place for x in [-87, 88], which it is clamped to: 2^n times a polynomial
/// on [-ln 2 / 2, ln 2 / 2] (the coefficients of Cephes' expf).
template <typename Isa>
typename Isa::Vector exponential(typename Isa::Vector x) {
  using Vector = typename Isa::Vector;
  x = Isa::max(Isa::min(x, Isa::broadcast(88.0F)), Isa::broadcast(-87.0F));
  const Vector n = Isa::round(Isa::multiply(x, Isa::broadcast(1.44269504F)));
  Vector r = Isa::fma(n, Isa::broadcast(-0.693359375F), x);
  r = Isa::fma(n, Isa::broadcast(2.12194440e-4F), r);
  Vector p = Isa::broadcast(1.9875691500e-4F);
  p = Isa::fma(p, r, Isa::broadcast(1.3981999507e-3F));
  p = Isa::fma(p, r, Isa::broadcast(8.3334519073e-3F));
  p = Isa::fma(p, r, Isa::broadcast(4.1665795894e-2F));
  p = Isa::fma(p, r, Isa::broadcast(1.6666665459e-1F));
  p = Isa::fma(p, r, Isa::broadcast(5.0000001201e-1F));
  p = Isa::fma(p, Isa::multiply(r, r), Isa::add(r, Isa::broadcast(1.0F)));
  return Isa::times_power_of_two(p, n);
}

template <typename Isa>
typename Isa::Vector gated(typename Isa::Vector x, float linear, float cubic) {
  using Vector = typename Isa::Vector;
  // Beyond 100 the sigmoid is 0 or 1; without the limit the square could overflow.
  const Vector limited = Isa::max(Isa::min(x, Isa::broadcast(100.0F)), Isa::broadcast(-100.0F));
  const Vector square = Isa::multiply(limited, limited);
  const Vector slope = Isa::fma(square, Isa::broadcast(-cubic), Isa::broadcast(-linear));
  return Isa::divide(x, Isa::add(Isa::broadcast(1.0F), exponential<Isa>(Isa::multiply(slope, limited))));
}

template <typename Isa>
void sigmoid_gate(const float* in, std::int64_t count, float linear, float cubic, float* out) {
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes)
    Isa::store(out + k, gated<Isa>(Isa::load(in + k), linear, cubic));
  if (k == count) return;
  float rest[Isa::kLanes];
  Isa::store(rest, gated<Isa>(load_part<Isa, DType::f32>(in + k, count - k), linear, cubic));
  for (std::int64_t j = k; j < count; ++j) out[j] = rest[j - k];
}

template <typename Isa>
float exponentials(float* values, std::int64_t count, float largest) {
  using Vector = typename Isa::Vector;
  const Vector shift = Isa::broadcast(-largest);
  Vector sums = Isa::zero();
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes) {
    const Vector e = exponential<Isa>(Isa::add(Isa::load(values + k), shift));
    Isa::store(values + k, e);
    sums = Isa::add(sums, e);
  }
  float sum = Isa::sum(sums);
  if (k == count) return sum;
  float rest[Isa::kLanes];
  Isa::store(rest, exponential<Isa>(Isa::add(load_part<Isa, DType::f32>(values + k, count - k), shift)));
  for (std::int64_t j = k; j < count; ++j) sum += values[j] = rest[j - k];
  return sum;
}

/// sum over k of (in[k] - mean)^power for power 1 or 2.
template <typename Isa, int kPower>
float moment(const float* in, std::int64_t count, float mean) {
  using Vector = typename Isa::Vector;
  Vector sums[2] = {Isa::zero(), Isa::zero()};
  const Vector shift = Isa::broadcast(-mean);
  std::int64_t k = 0;
  for (; k + 2 * Isa::kLanes <= count; k += 2 * Isa::kLanes) {
    for (int u = 0; u < 2; ++u) {
      const Vector x = Isa::add(Isa::load(in + k + u * Isa::kLanes), shift);
      sums[u] = kPower == 2 ? Isa::fma(x, x, sums[u]) : Isa::add(sums[u], x);
    }
  }
  float sum = Isa::sum(Isa::add(sums[0], sums[1]));
  for (; k < count; ++k) sum += kPower == 2 ? (in[k] - mean) * (in[k] - mean) : in[k] - mean;
  return sum;
}

template <typename Isa>
void normalize(const float* in, std::int64_t count, bool centred, float epsilon, const float* weight,
               const float* bias, float* out) {
  using Vector = typename Isa::Vector;
  const auto size = static_cast<float>(count);
  const float mean = centred ? moment<Isa, 1>(in, count, 0.0F) / size : 0.0F;
  const float scale = 1.0F / __builtin_sqrtf(moment<Isa, 2>(in, count, mean) / size + epsilon);
  const Vector shift = Isa::broadcast(-mean), factor = Isa::broadcast(scale);
  std::int64_t k = 0;
  for (; k + Isa::kLanes <= count; k += Isa::kLanes) {
    Vector x = Isa::multiply(Isa::add(Isa::load(in + k), shift), factor);
    if (weight != nullptr) x = Isa::multiply(x, Isa::load(weight + k));
    if (bias != nullptr) x = Isa::add(x, Isa::load(bias + k));
    Isa::store(out + k, x);
  }
  for (; k < count; ++k) {
    const float x = (in[k] - mean) * scale * (weight != nullptr ? weight[k] : 1.0F);
    out[k] = x + (bias != nullptr ? bias[k] : 0.0F);
  }
}

/// kVectors vectors of the state's columns.
template <typename Isa, int kVectors>
void scan_columns(const Kernels::Scan& scan, std::int64_t first, const float* x, float* out) {
  using Vector = typename Isa::Vector;
  const Vector decay = Isa::broadcast(scan.decay);
  Vector in[kVectors], sums[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vector values = Isa::load(x + first + v * Isa::kLanes);
    in[v] = Isa::multiply(values, Isa::broadcast(scan.step));
    sums[v] = Isa::multiply(values, Isa::broadcast(scan.skip));
  }
  float* row = scan.state + first;
  for (std::int64_t i = 0; i < scan.rows; ++i, row += scan.columns) {
    const Vector b = Isa::broadcast(scan.b[i]), c = Isa::broadcast(scan.c[i]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* at = row + v * Isa::kLanes;
      const Vector state = Isa::fma(b, in[v], Isa::multiply(decay, Isa::load(at)));
      Isa::store(at, state);
      sums[v] = Isa::fma(c, state, sums[v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) Isa::store(out + first + v * Isa::kLanes, sums[v]);
}

template <typename Isa>
void scan(const Kernels::Scan& scan, const float* x, float* out) {
  std::int64_t j = 0;
  for (; j + 4 * Isa::kLanes <= scan.columns; j += 4 * Isa::kLanes) scan_columns<Isa, 4>(scan, j, x, out);
  for (; j + Isa::kLanes <= scan.columns; j += Isa::kLanes) scan_columns<Isa, 1>(scan, j, x, out);
  for (; j < scan.columns; ++j) {
    float sum = scan.skip * x[j];
    for (std::int64_t i = 0; i < scan.rows; ++i) {
      float& cell = scan.state[i * scan.columns + j];
      cell = scan.decay * cell + scan.step * scan.b[i] * x[j];
      sum += scan.c[i] * cell;
    }
    out[j] = sum;
  }
}

/// The table for an instruction set whose words are float32.
template <typename Isa>
constexpr Kernels table(const char* name) {
  return {name,
          multiply_few<Isa>,
          2 * Isa::kLanes,
          Isa::kTileTokens,
          Isa::kDepth,
          Isa::kBf16Words,
          pack_panel<Isa>,
          pack_tile<Isa>,
          multiply_tile<Isa>,
          multiply_small<Isa>,
          sigmoid_gate<Isa>,
          exponentials<Isa>,
          normalize<Isa>,
          scan<Isa>};
}

}  // namespace
}  // namespace mhub::runtime
