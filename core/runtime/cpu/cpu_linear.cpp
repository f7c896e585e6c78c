#include "mhub/runtime/cpu/cpu_linear.hpp"

#include <algorithm>

namespace mhub::runtime {
namespace {

constexpr std::int64_t kChunkBytes = 32 << 10;  // of weights that a thread takes at a time
/// Fewer tokens gain little: they are bound by memory, and a chat's questions keep the very tokens of
/// float32.
constexpr std::int64_t kFewestFastTokens = 96;

/// Blocks [first, last) of a view that share their rows.
struct Band {
  std::size_t first, last;
};

/// The band that holds a row.
Band band_at(const WeightView& view, std::int64_t row) {
  const auto after = std::upper_bound(view.blocks.begin(), view.blocks.end(), row,
                                      [](std::int64_t r, const WeightBlock& block) { return r < block.row; });
  const auto last = static_cast<std::size_t>(after - view.blocks.begin());
  std::size_t first = last - 1;
  while (first > 0 && view.blocks[first - 1].row == view.blocks[last - 1].row) --first;
  return {first, last};
}

/// Rows [row, row + rows) and columns [column, column + columns) of a block, all in the matrix's numbering.
Kernels::Rows part(const WeightBlock& block, std::int64_t row, std::int64_t rows, std::int64_t column,
                   std::int64_t columns) {
  const std::int64_t skipped = (row - block.row) * block.row_stride + (column - block.column);
  return {block.data + skipped * static_cast<std::int64_t>(size_of(block.dtype)), block.row_stride,
          block.dtype, rows, columns};
}

bool all_bf16(const WeightView& view) {
  return std::all_of(view.blocks.begin(), view.blocks.end(),
                     [](const WeightBlock& block) { return block.dtype == DType::bf16; });
}

/// Row ranges of at most `most` rows, none across the border of a band.
std::vector<std::pair<std::int64_t, std::int64_t>> row_ranges(const WeightView& view, std::int64_t most) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (std::size_t k = 0; k < view.blocks.size(); ++k) {
    const WeightBlock& block = view.blocks[k];
    if (k > 0 && view.blocks[k - 1].row == block.row) continue;
    for (std::int64_t r = 0; r < block.rows; r += most)
      ranges.emplace_back(block.row + r, std::min(most, block.rows - r));
  }
  return ranges;
}

/// Column ranges of at most `depth` columns, none across the border of a block.
std::vector<std::pair<std::int64_t, std::int64_t>> column_cuts(const WeightView& view, std::int64_t depth) {
  std::vector<std::int64_t> borders{0, view.columns};
  for (const WeightBlock& block : view.blocks) borders.push_back(block.column);
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::vector<std::pair<std::int64_t, std::int64_t>> cuts;
  for (std::size_t k = 0; k + 1 < borders.size(); ++k) {
    for (std::int64_t c = borders[k]; c < borders[k + 1]; c += depth)
      cuts.emplace_back(c, std::min(depth, borders[k + 1] - c));
  }
  return cuts;
}

const WeightBlock& block_at(const WeightView& view, std::int64_t row, std::int64_t column) {
  const Band band = band_at(view, row);
  std::size_t k = band.first;
  while (k + 1 < band.last && view.blocks[k + 1].column <= column) ++k;
  return view.blocks[k];
}

}  // namespace

CpuLinear::CpuLinear(ThreadPool& pool, const Kernels* forced)
    : pool_(pool),
      exact_(forced != nullptr ? forced : &best_kernels()),
      fast_(forced == nullptr ? best_bf16_kernels() : nullptr),
      scratch_(static_cast<std::size_t>(pool.threads())) {
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
  many_tokens(fast ? *fast_ : *exact_, weight, bias, in, out, accumulate);
}

void CpuLinear::few_tokens(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                           bool accumulate) {
  const auto size = static_cast<std::int64_t>(size_of(weight.blocks.front().dtype));
  const std::int64_t chunk = std::max<std::int64_t>(1, kChunkBytes / (weight.columns * size));
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
                             in.stride, in.rows, out.data + row, out.stride);
      }
      row += rows;
    }
  });
}

void CpuLinear::many_tokens(const Kernels& kernels, const WeightView& weight, std::span<const float> bias,
                            Matrix in, Matrix out, bool accumulate) {
  const auto ranges = row_ranges(weight, kernels.panel_rows);
  const auto cuts = column_cuts(weight, kernels.depth);
  const std::int64_t tile_count = (in.rows + kernels.tile_tokens - 1) / kernels.tile_tokens;
  const std::int64_t tile_words = kernels.tile_tokens * kernels.depth;
  tiles_.resize(static_cast<std::size_t>(tile_words * tile_count) * cuts.size());
  auto tile_at = [&](std::size_t cut, std::int64_t tile) {
    return tiles_.data() + (static_cast<std::int64_t>(cut) * tile_count + tile) * tile_words;
  };
  auto tokens_of = [&](std::int64_t tile) {
    return std::min(kernels.tile_tokens, in.rows - tile * kernels.tile_tokens);
  };
  pool_.run(static_cast<std::int64_t>(cuts.size()), [&](std::int64_t cut, int) {
    const auto [column, columns] = cuts[static_cast<std::size_t>(cut)];
    for (std::int64_t tile = 0; tile < tile_count; ++tile) {
      kernels.pack_tile(in.data + tile * kernels.tile_tokens * in.stride + column, in.stride, tokens_of(tile),
                        columns, tile_at(static_cast<std::size_t>(cut), tile));
    }
  });
  const std::int64_t panel_words = kernels.panel_rows * kernels.depth;
  for (std::vector<float>& scratch : scratch_)
    scratch.resize(static_cast<std::size_t>(panel_words + in.rows * kernels.panel_rows));
  pool_.run(static_cast<std::int64_t>(ranges.size()), [&](std::int64_t item, int thread) {
    const auto [row, rows] = ranges[static_cast<std::size_t>(item)];
    float* panel = scratch_[static_cast<std::size_t>(thread)].data();
    float* sums = panel + panel_words;
    std::fill_n(sums, in.rows * kernels.panel_rows, 0.0F);
    for (std::size_t cut = 0; cut < cuts.size(); ++cut) {
      const auto [column, columns] = cuts[cut];
      kernels.pack_panel(part(block_at(weight, row, column), row, rows, column, columns), panel);
      for (std::int64_t tile = 0; tile < tile_count; ++tile) {
        kernels.multiply_tile(panel, tile_at(cut, tile), tokens_of(tile), columns,
                              sums + tile * kernels.tile_tokens * kernels.panel_rows, kernels.panel_rows);
      }
    }
    for (std::int64_t t = 0; t < in.rows; ++t) {
      float* to = out.data + t * out.stride + row;
      const float* from = sums + t * kernels.panel_rows;
      for (std::int64_t r = 0; r < rows; ++r) {
        const float offset = bias.empty() ? 0.0F : bias[static_cast<std::size_t>(row + r)];
        to[r] = (accumulate ? to[r] : 0.0F) + (from[r] + offset);
      }
    }
  });
}

}  // namespace mhub::runtime
