// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/cpu_linear.hpp"

#include <algorithm>
#include <chrono>

#include "mhub/runtime/cpu/weight_blocks.hpp"

namespace mhub::runtime {
namespace {

/// Weights that a thread takes at a time: an n-th of its share, so that none waits long for the last, but
/// enough not to spend its time taking.
constexpr std::int64_t kChunksPerThread = 64, kLeastChunkBytes = 32 << 10;
/// A product of fewer bytes comes from the caches, and its time says nothing.
constexpr std::int64_t kLeastTimedBytes = 1 << 20;
/// Fewer tokens gain little: they are bound by memory, and a chat's questions keep the very tokens of
/// float32.
constexpr std::int64_t kFewestFastTokens = 96;

bool all_bf16(const WeightView& view) {
  return std::all_of(view.blocks.begin(), view.blocks.end(),
                     [](const WeightBlock& block) { return block.dtype == DType::bf16; });
}

}  // namespace

CpuLinear::CpuLinear(ThreadPool& pool, const Kernels* forced)
    : pool_(pool),
      exact_(forced != nullptr ? forced : &best_kernels()),
      fast_(forced == nullptr ? best_bf16_kernels() : nullptr),
      packed_(pool) {
  if (forced != nullptr && forced->bf16_words) {
    exact_ = &best_kernels();
    fast_ = forced;
  }
}

void CpuLinear::run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                    bool accumulate, Precision precision) {
  if (in.rows <= Kernels::kFew) return few_tokens(weight, bias, in, out, accumulate);
  const bool fast =
      fast_ != nullptr && precision == Precision::fast && in.rows >= kFewestFastTokens && all_bf16(weight);
  packed_.run(fast ? *fast_ : *exact_, weight, bias, in, out, accumulate);
}

void CpuLinear::few_tokens(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                           bool accumulate) {
  const auto size = static_cast<std::int64_t>(size_of(weight.blocks.front().dtype));
  const std::int64_t bytes = weight.rows * weight.columns * size;
  if (bytes < kLeastTimedBytes) return few_tokens(weight, bias, in, out, accumulate, Kernels::Walk::in_order);
  const WalkChoice::Product product{weight.columns, in.rows};
  const Kernels::Walk walk = walks_.next(product);
  const auto start = std::chrono::steady_clock::now();
  few_tokens(weight, bias, in, out, accumulate, walk);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  walks_.took(product, walk, seconds.count(), bytes);
}

void CpuLinear::few_tokens(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                           bool accumulate, Kernels::Walk walk) {
  const auto size = static_cast<std::int64_t>(size_of(weight.blocks.front().dtype));
  const std::int64_t row_bytes = weight.columns * size;
  const std::int64_t chunk_bytes =
      std::max(kLeastChunkBytes, weight.rows * row_bytes / (kChunksPerThread * pool_.threads()));
  const std::int64_t chunk = std::max<std::int64_t>(1, chunk_bytes / row_bytes);
  pool_.run((weight.rows + chunk - 1) / chunk, [&](std::int64_t item, int) {
    const std::int64_t begin = item * chunk, end = std::min(weight.rows, begin + chunk);
    for (std::int64_t t = 0; t < in.rows; ++t) {
      float* row = out.data + t * out.stride;
      if (!accumulate) std::fill(row + begin, row + end, 0.0F);
      for (std::int64_t r = begin; r < end && !bias.empty(); ++r) row[r] += bias[static_cast<std::size_t>(r)];
    }
    for (std::int64_t row = begin; row < end;) {
      const Band band = band_at(weight, row);
      const WeightBlock& one = weight.blocks[band.first];
      const std::int64_t rows = std::min(end, one.row + one.rows) - row;
      for (std::size_t k = band.first; k < band.last; ++k) {
        const WeightBlock& block = weight.blocks[k];
        exact_->multiply_few(part(block, row, rows, block.column, block.columns), in.data + block.column,
                             in.stride, in.rows, out.data + row, out.stride, walk);
      }
      row += rows;
    }
  });
}

}  // namespace mhub::runtime
