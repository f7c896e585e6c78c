// SPDX-License-Identifier: Apache-2.0
// Vectors of AVX-512; included by the source files that are compiled with its flags (see simd_kernels.hpp).
#pragma once

#include <cstdint>
#include <immintrin.h>

namespace mhub::runtime {
namespace {

struct Avx512 {
  using Vector = __m512;
  static constexpr std::int64_t kLanes = 16;
  static constexpr std::int64_t kTileTokens = 12;  // 24 sums, 2 panel vectors: 26 of 32 registers
  static constexpr std::int64_t kDepth = 256;      // a panel is 32 KiB, a tile 12 KiB: both stay in L1
  static constexpr bool kBf16Words = false;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector load(const float* at) { return _mm512_loadu_ps(at); }
  static void store(float* at, Vector v) { _mm512_storeu_ps(at, v); }
  static Vector broadcast(float value) { return _mm512_set1_ps(value); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector multiply_words(Vector panel, Vector word, Vector sum) { return fma(panel, word, sum); }
  static Vector multiply(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector divide(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  static Vector min(Vector a, Vector b) { return _mm512_min_ps(a, b); }
  static Vector max(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static Vector round(Vector v) { return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT); }
  static Vector times_power_of_two(Vector v, Vector n) { return _mm512_scalef_ps(v, n); }
  static float sum(Vector v) { return _mm512_reduce_add_ps(v); }
  static Vector load_bf16(const std::uint16_t* at) {
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }
  static Vector load_f16(const std::uint16_t* at) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  }

  /// Transposes 16 x 16 words: within 128-bit lanes by 32 and 64 bits, then the lanes themselves.
  static void transpose(Vector (&rows)[16]) {
    Vector t[16];
    for (int k = 0; k < 16; k += 2) {
      t[k] = _mm512_unpacklo_ps(rows[k], rows[k + 1]);
      t[k + 1] = _mm512_unpackhi_ps(rows[k], rows[k + 1]);
    }
    for (int k = 0; k < 16; k += 4) {
      rows[k] = _mm512_shuffle_ps(t[k], t[k + 2], 0x44);
      rows[k + 1] = _mm512_shuffle_ps(t[k], t[k + 2], 0xee);
      rows[k + 2] = _mm512_shuffle_ps(t[k + 1], t[k + 3], 0x44);
      rows[k + 3] = _mm512_shuffle_ps(t[k + 1], t[k + 3], 0xee);
    }
    for (int k = 0; k < 4; ++k) {
      t[k] = _mm512_shuffle_f32x4(rows[k], rows[k + 4], 0x88);
      t[k + 4] = _mm512_shuffle_f32x4(rows[k], rows[k + 4], 0xdd);
      t[k + 8] = _mm512_shuffle_f32x4(rows[k + 8], rows[k + 12], 0x88);
      t[k + 12] = _mm512_shuffle_f32x4(rows[k + 8], rows[k + 12], 0xdd);
    }
    for (int k = 0; k < 4; ++k) {
      rows[k] = _mm512_shuffle_f32x4(t[k], t[k + 8], 0x88);
      rows[k + 8] = _mm512_shuffle_f32x4(t[k], t[k + 8], 0xdd);
      rows[k + 4] = _mm512_shuffle_f32x4(t[k + 4], t[k + 12], 0x88);
      rows[k + 12] = _mm512_shuffle_f32x4(t[k + 4], t[k + 12], 0xdd);
    }
  }
};

}  // namespace
}  // namespace mhub::runtime
