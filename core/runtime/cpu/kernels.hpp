// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "mhub/tensor/dtype.hpp"

namespace mhub::runtime {

/// Inner loops of the CPU backend for one instruction set. Every table computes the same functions as
/// `portable_kernels()`, which is their specification, up to the order in which float32 sums are taken.
/// All pointers but those to weights are to float32 values.
struct Kernels {
  const char* name;  ///< portable, avx2, avx512, avx512_bf16

  /// A row range of a weight block: row r begins at data + r * row_stride elements.
  struct Rows {
    const void* data;
    std::int64_t row_stride;
    DType dtype;  ///< f32, f16, bf16
    std::int64_t rows, columns;
  };

  /// Most tokens that `multiply_few` takes.
  static constexpr std::int64_t kFew = 8;
  /// How `multiply_few` reads weights, which it does once: row by row as the hardware fetches them
  /// (`in_order`), with lines fetched a page ahead past the second cache (`past_caches`), or several rows
  /// side by side, which reads the activations less often (`side_by_side`, of one token; more go row by row).
  /// The results are the same to the bit.
  enum class Walk { in_order, past_caches, side_by_side };
  static constexpr std::size_t kWalks = 3;
  /// out[t * out_stride + r] += sum_c weight(r, c) * in[t * in_stride + c] for every row r and token t <
  /// tokens <= kFew. The operator is bound by memory.
  void (*multiply_few)(const Rows& weight, const float* in, std::int64_t in_stride, std::int64_t tokens,
                       float* out, std::int64_t out_stride, Walk walk);

  // For many tokens, the weights go through packed panels and the activations through packed tiles. A panel
  // holds `panel_rows` weight rows, a tile at most `tile_tokens` tokens, both over at most `depth` columns,
  // in 32-bit words: one float32 (words_per_column 1), or two bfloat16 of neighbouring columns.
  std::int64_t panel_rows, tile_tokens, depth;
  bool bf16_words;

  /// Packs rows [0, rows <= panel_rows) x columns [0, columns <= depth) of a weight; missing rows and an odd
  /// last column become zeros. `panel` has panel_rows * depth words.
  void (*pack_panel)(const Rows& weight, void* panel);
  /// Packs tokens [0, tokens <= tile_tokens) x columns [0, columns <= depth). `tile` has tile_tokens * depth
  /// words. bf16 words round to nearest even.
  void (*pack_tile)(const float* in, std::int64_t in_stride, std::int64_t tokens, std::int64_t columns,
                    void* tile);
  /// Rows of weights that pack_panel will read soon, as a hint: `rows` rows from `data` on, which need not
  /// be readable. While one word of a tile's columns is multiplied, `word_bytes` of each row are fetched.
  struct Ahead {
    const std::byte* data;
    std::int64_t row_bytes;  ///< from one row to the next
    std::int64_t rows;       ///< 0: nothing to fetch
    std::int64_t word_bytes;
  };
  /// out[t * out_stride + r] += sum over the packed columns, for r < panel_rows and t < tokens. Fetches
  /// `ahead` meanwhile: a thread that waited for memory while it packs and for its multipliers afterwards
  /// would use neither well.
  void (*multiply_tile)(const void* panel, const void* tile, std::int64_t tokens, std::int64_t columns,
                        float* out, std::int64_t out_stride, const Ahead& ahead);

  /// out[i * out_stride + j] += sum_k a[i * a_stride + k] * b[k * b_stride + j] for i < rows, j < columns and
  /// k < depth: attention scores against transposed keys, and sums of values.
  void (*multiply_small)(const float* a, std::int64_t a_stride, std::int64_t rows, const float* b,
                         std::int64_t b_stride, std::int64_t depth, std::int64_t columns, float* out,
                         std::int64_t out_stride);

  /// out[k] = in[k] * sigmoid(linear * in[k] + cubic * in[k]^3): SiLU, and GELU's two approximations
  /// (linear >= 1, cubic >= 0). `in` may be `out`.
  void (*sigmoid_gate)(const float* in, std::int64_t count, float linear, float cubic, float* out);
  /// values[k] = exp(values[k] - largest), none of which is above 1; returns their sum.
  float (*exponentials)(float* values, std::int64_t count, float largest);
  /// out[k] = (in[k] - mean) / sqrt(variance + epsilon) * weight[k] + bias[k], where mean is 0 unless
  /// `centred`, variance is the mean square of (in - mean), and nullptr stands for ones or zeros. `in` may be
  /// `out`.
  void (*normalize)(const float* in, std::int64_t count, bool centred, float epsilon, const float* weight,
                    const float* bias, float* out);

  /// A state-space recurrence at one token: the state [rows, columns] it changes, and what it is asked with.
  struct Scan {
    float* state;
    std::int64_t rows, columns;
    float decay, step, skip;
    const float *b, *c;  ///< one number a row
  };
  /// Row i of the state becomes decay * row + step * b[i] * x; out = skip * x + sum over i of c[i] * row.
  void (*scan)(const Scan& scan, const float* x, float* out);
};

const Kernels& portable_kernels();

/// Every table that this processor can run, the portable one first, the best last. `fast` tables (bf16_words)
/// round activations to bfloat16 and are not the best for exact work.
std::span<const Kernels* const> available_kernels();
/// The best table whose words are float32.
const Kernels& best_kernels();
/// The best table that computes on bfloat16 weights directly; nullptr when the processor has none.
const Kernels* best_bf16_kernels();

}  // namespace mhub::runtime
