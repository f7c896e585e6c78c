// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of AVX2, FMA and F16C: see simd_kernels.hpp for what that asks of this file.
#include <cstdint>
#include <immintrin.h>

#include "mhub/runtime/cpu/kernel_tables.hpp"
#include "mhub/runtime/cpu/simd_kernels.hpp"

namespace mhub::runtime {
namespace {

struct Avx2 {
  using Vector = __m256;
  static constexpr std::int64_t kLanes = 8;
  static constexpr std::int64_t kTileTokens = 6;  // 12 sums, 2 panel vectors: 14 of 16 registers
  static constexpr std::int64_t kDepth = 256;     // a panel is 16 KiB, a tile 6 KiB: both stay in L1
  static constexpr bool kBf16Words = false;

  static Vector zero() { return _mm256_setzero_ps(); }
  static Vector load(const float* at) { return _mm256_loadu_ps(at); }
  static void store(float* at, Vector v) { _mm256_storeu_ps(at, v); }
  static Vector broadcast(float value) { return _mm256_set1_ps(value); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector multiply_words(Vector panel, Vector word, Vector sum) { return fma(panel, word, sum); }
  static Vector multiply(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector divide(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector round(Vector v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  /// n is whole and keeps the exponent in range.
  static Vector times_power_of_two(Vector v, Vector n) {
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(v), exponent));
  }
  static float sum(Vector v) {
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
  static Vector load_bf16(const std::uint16_t* at) {
    const __m128i half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16));
  }
  static Vector load_f16(const std::uint16_t* at) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at)));
  }

  /// Transposes 8 x 8 words: within 128-bit lanes by 32 and 64 bits, then the lanes themselves.
  static void transpose(Vector (&rows)[8]) {
    Vector t[8];
    for (int k = 0; k < 8; k += 2) {
      t[k] = _mm256_unpacklo_ps(rows[k], rows[k + 1]);
      t[k + 1] = _mm256_unpackhi_ps(rows[k], rows[k + 1]);
    }
    for (int k = 0; k < 8; k += 4) {
      rows[k] = _mm256_shuffle_ps(t[k], t[k + 2], 0x44);
      rows[k + 1] = _mm256_shuffle_ps(t[k], t[k + 2], 0xee);
      rows[k + 2] = _mm256_shuffle_ps(t[k + 1], t[k + 3], 0x44);
      rows[k + 3] = _mm256_shuffle_ps(t[k + 1], t[k + 3], 0xee);
    }
    for (int k = 0; k < 4; ++k) {
      t[k] = _mm256_permute2f128_ps(rows[k], rows[k + 4], 0x20);
      t[k + 4] = _mm256_permute2f128_ps(rows[k], rows[k + 4], 0x31);
    }
    for (int k = 0; k < 8; ++k) rows[k] = t[k];
  }
};

}  // namespace

constinit const Kernels kAvx2Kernels = table<Avx2>("avx2");

}  // namespace mhub::runtime
