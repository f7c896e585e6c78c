// SPDX-License-Identifier: Apache-2.0
// Products of matrices over a vector type; a part of simd_kernels.hpp, which says what that asks of this
// file.
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

/// Adds the sums up to the products that they are parts of. Inlined, so that they stay in registers.
template <typename Isa, int kRows, int kTokens, int kUnroll>
[[gnu::always_inline]] inline void add_sums(const typename Isa::Vector (&sums)[kRows][kTokens][kUnroll],
                                            float* out, std::int64_t out_stride) {
#pragma GCC unroll 8
  for (int q = 0; q < kRows; ++q) {
#pragma GCC unroll 8
    for (int t = 0; t < kTokens; ++t) {
      typename Isa::Vector sum = sums[q][t][0];
#pragma GCC unroll 4
      for (int u = 1; u < kUnroll; ++u) sum = Isa::add(sum, sums[q][t][u]);
      out[t * out_stride + q] += Isa::sum(sum);
    }
  }
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
  add_sums<Isa>(sums, out, out_stride);
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

}  // namespace
}  // namespace mhub::runtime
