// SPDX-License-Identifier: Apache-2.0
// Compiled with AVX512-BF16's flags: see simd_kernels.hpp for what that asks of this file.
#include "mhub/runtime/cpu/isa_avx512.hpp"
#include "mhub/runtime/cpu/kernel_tables.hpp"
#include "mhub/runtime/cpu/simd_kernels.hpp"

namespace mhub::runtime {
namespace {

/// Words of two bfloat16, multiplied pairwise into float32 sums.
struct Avx512Bf16 : Avx512 {
  static constexpr bool kBf16Words = true;
  static Vector multiply_words(Vector panel, Vector word, Vector sum) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(panel), reinterpret_cast<__m512bh>(word));
  }
};

/// kLanes rows of bfloat16 weights, as they are: a word is two neighbouring columns.
void pack_bf16_rows(const Kernels::Rows& weight, std::int64_t first_row, float* panel) {
  const auto* data = static_cast<const std::uint16_t*>(weight.data);
  for (std::int64_t c = 0; c < weight.columns; c += 32) {
    const std::int64_t left = weight.columns - c;
    const __mmask32 mask = left >= 32 ? 0xffffffffU : (1U << left) - 1U;
    Avx512::Vector block[16];
    for (std::int64_t r = 0; r < 16; ++r) {
      const std::uint16_t* at = data + (first_row + r) * weight.row_stride + c;
      block[r] = first_row + r < weight.rows ? _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(mask, at))
                                             : Avx512::zero();
    }
    Avx512::transpose(block);
    const std::int64_t count = left < 32 ? (left + 1) / 2 : 16;
    for (std::int64_t k = 0; k < count; ++k) Avx512::store(panel + (c / 2 + k) * 32, block[k]);
  }
}

/// Only bfloat16 weights have these words; the backend asks nothing else of this table.
void pack_bf16_panel(const Kernels::Rows& weight, void* panel) {
  pack_bf16_rows(weight, 0, static_cast<float*>(panel));
  pack_bf16_rows(weight, 16, static_cast<float*>(panel) + 16);
}

/// 16 words of one token, rounded to bfloat16; zeros behind the first `count` columns.
Avx512::Vector load_words(const float* in, std::int64_t count) {
  const __mmask16 low = count >= 16 ? __mmask16(0xffff) : __mmask16((1U << count) - 1U);
  const __mmask16 high =
      count >= 32 ? __mmask16(0xffff) : __mmask16(count > 16 ? (1U << (count - 16)) - 1U : 0U);
  const __m512bh words =
      _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, in + 16), _mm512_maskz_loadu_ps(low, in));
  return reinterpret_cast<Avx512::Vector>(words);
}

void pack_bf16_tile(const float* in, std::int64_t in_stride, std::int64_t tokens, std::int64_t columns,
                    void* tile) {
  constexpr __mmask16 kTokens = (1U << Avx512::kTileTokens) - 1U;
  auto* words = static_cast<float*>(tile);
  for (std::int64_t c = 0; c < columns; c += 32) {
    const std::int64_t left = columns - c;
    Avx512::Vector block[16];
    for (std::int64_t t = 0; t < 16; ++t)
      block[t] = t < tokens ? load_words(in + t * in_stride + c, left) : Avx512::zero();
    Avx512::transpose(block);
    const std::int64_t count = left < 32 ? (left + 1) / 2 : 16;
    for (std::int64_t k = 0; k < count; ++k)
      _mm512_mask_storeu_ps(words + (c / 2 + k) * Avx512::kTileTokens, kTokens, block[k]);
  }
}

constexpr Kernels bf16_table() {
  Kernels kernels = table<Avx512Bf16>("avx512_bf16");
  kernels.depth = 2 * Avx512::kDepth;
  kernels.pack_panel = pack_bf16_panel;
  kernels.pack_tile = pack_bf16_tile;
  return kernels;
}

}  // namespace

constinit const Kernels kAvx512Bf16Kernels = bf16_table();

}  // namespace mhub::runtime
