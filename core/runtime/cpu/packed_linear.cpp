// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/packed_linear.hpp"

#include <algorithm>

#include "mhub/runtime/cpu/weight_blocks.hpp"

namespace mhub::runtime {
namespace {

/// Panels that a thread takes at a time, and tokens whose sums it keeps meanwhile: 256 KiB of sums with 32
/// rows a panel. Tiles come from the last cache or from memory once for all of the panels.
constexpr std::int64_t kMostPanels = 4;
constexpr std::int64_t kBlockTokens = 512;
constexpr std::int64_t kItemsPerThread = 4;  // at least, where there are as many panels

/// Some rows or columns.
struct Range {
  std::int64_t begin, count;
};

/// Row ranges of at most `most` rows, none across the border of a band of blocks.
std::vector<Range> row_ranges(const WeightView& view, std::int64_t most) {
  std::vector<Range> ranges;
  for (std::size_t k = 0; k < view.blocks.size(); ++k) {
    const WeightBlock& block = view.blocks[k];
    if (k > 0 && view.blocks[k - 1].row == block.row) continue;
    for (std::int64_t r = 0; r < block.rows; r += most)
      ranges.push_back({block.row + r, std::min(most, block.rows - r)});
  }
  return ranges;
}

/// Column ranges of at most `depth` columns, none across the border of a block.
std::vector<Range> column_cuts(const WeightView& view, std::int64_t depth) {
  std::vector<std::int64_t> borders{0, view.columns};
  for (const WeightBlock& block : view.blocks) borders.push_back(block.column);
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::vector<Range> cuts;
  for (std::size_t k = 0; k + 1 < borders.size(); ++k) {
    for (std::int64_t c = borders[k]; c < borders[k + 1]; c += depth)
      cuts.push_back({c, std::min(depth, borders[k + 1] - c)});
  }
  return cuts;
}

const WeightBlock& block_at(const WeightView& view, std::int64_t row, std::int64_t column) {
  const Band band = band_at(view, row);
  std::size_t k = band.first;
  while (k + 1 < band.last && view.blocks[k + 1].column <= column) ++k;
  return view.blocks[k];
}

/// The `share`-th of `shares` almost equal parts of [0, count).
Range share_of(std::int64_t count, std::int64_t share, std::int64_t shares) {
  const std::int64_t begin = count * share / shares;
  return {begin, count * (share + 1) / shares - begin};
}

/// One product, cut into panels (a row range and a column cut) and tiles (some tokens and a column cut).
class Product {
 public:
  Product(const Kernels& kernels, const WeightView& weight, Matrix in)
      : kernels_(kernels),
        weight_(weight),
        in_(in),
        ranges_(row_ranges(weight, kernels.panel_rows)),
        cuts_(column_cuts(weight, kernels.depth)) {}

  std::int64_t ranges() const { return static_cast<std::int64_t>(ranges_.size()); }
  std::int64_t cuts() const { return static_cast<std::int64_t>(cuts_.size()); }
  std::int64_t tiles() const { return (in_.rows + kernels_.tile_tokens - 1) / kernels_.tile_tokens; }
  std::int64_t tile_words() const { return kernels_.tile_tokens * kernels_.depth; }
  std::int64_t panel_words() const { return kernels_.panel_rows * kernels_.depth; }
  /// Sums of one panel's rows and one tile's tokens.
  std::int64_t sums_words() const { return kernels_.panel_rows * kernels_.tile_tokens; }

  /// Tiles of a cut lie one behind the other in `all`.
  void pack_tile(std::int64_t cut, std::int64_t tile, float* all) const {
    const Range columns = cut_at(cut);
    const std::int64_t token = tile * kernels_.tile_tokens;
    kernels_.pack_tile(in_.data + token * in_.stride + columns.begin, in_.stride, tokens_of(tile),
                       columns.count, all + (cut * tiles() + tile) * tile_words());
  }

  /// Adds the products of the rows of `panels` with the tokens of `block` (of tiles) to `sums`: for each
  /// panel a row of panel_rows sums for every token. `panel` is room for one.
  void multiply(Range panels, Range block, const float* all, float* panel, float* sums) const {
    for (std::int64_t cut = 0; cut < cuts(); ++cut) {
      for (std::int64_t k = 0; k < panels.count; ++k) {
        kernels_.pack_panel(rows_at(panels.begin + k, cut), panel);
        const Kernels::Rows next = behind(panels, k, cut);
        for (std::int64_t t = 0; t < block.count; ++t) {
          const std::int64_t tile = block.begin + t;
          kernels_.multiply_tile(panel, all + (cut * tiles() + tile) * tile_words(), tokens_of(tile),
                                 cut_at(cut).count, sums + (k * block.count + t) * sums_words(),
                                 kernels_.panel_rows, part_ahead(next, share_of(next.rows, t, block.count)));
        }
      }
    }
  }

  /// Writes the sums that multiply() made, or adds them to what is there.
  void write(Range panels, Range block, const float* sums, std::span<const float> bias, bool accumulate,
             Matrix out) const {
    const std::int64_t first = block.begin * kernels_.tile_tokens;
    const std::int64_t last = std::min(in_.rows, (block.begin + block.count) * kernels_.tile_tokens);
    for (std::int64_t token = first; token < last; ++token) {
      for (std::int64_t k = 0; k < panels.count; ++k) {
        const Range rows = ranges_[static_cast<std::size_t>(panels.begin + k)];
        const float* from = sums + k * block.count * sums_words() + (token - first) * kernels_.panel_rows;
        float* to = out.data + token * out.stride + rows.begin;
        const float* offsets = bias.empty() ? nullptr : bias.data() + rows.begin;
        for (std::int64_t r = 0; r < rows.count; ++r) {
          const float sum = offsets == nullptr ? from[r] : from[r] + offsets[r];
          to[r] = accumulate ? to[r] + sum : sum;
        }
      }
    }
  }

 private:
  Range cut_at(std::int64_t cut) const { return cuts_[static_cast<std::size_t>(cut)]; }
  std::int64_t tokens_of(std::int64_t tile) const {
    return std::min(kernels_.tile_tokens, in_.rows - tile * kernels_.tile_tokens);
  }
  Kernels::Rows rows_at(std::int64_t range, std::int64_t cut) const {
    const Range rows = ranges_[static_cast<std::size_t>(range)], columns = cut_at(cut);
    return part(block_at(weight_, rows.begin, columns.begin), rows.begin, rows.count, columns.begin,
                columns.count);
  }
  /// What is packed after panel k of `panels`: the next panel, the next cut of the first one, or what the
  /// thread most likely takes next. No rows at the end.
  Kernels::Rows behind(Range panels, std::int64_t k, std::int64_t cut) const {
    if (k + 1 < panels.count) return rows_at(panels.begin + k + 1, cut);
    if (cut + 1 < cuts()) return rows_at(panels.begin, cut + 1);
    const std::int64_t next = panels.begin + panels.count;
    return next < ranges() ? rows_at(next, 0) : Kernels::Rows{nullptr, 0, DType::f32, 0, 0};
  }
  Kernels::Ahead part_ahead(const Kernels::Rows& next, Range rows) const {
    if (rows.count == 0) return {nullptr, 0, 0, 0};
    const auto size = static_cast<std::int64_t>(size_of(next.dtype));
    const std::int64_t row_bytes = next.row_stride * size;
    return {static_cast<const std::byte*>(next.data) + rows.begin * row_bytes, row_bytes, rows.count,
            kernels_.bf16_words ? 2 * size : size};
  }

  const Kernels& kernels_;
  const WeightView& weight_;
  Matrix in_;
  std::vector<Range> ranges_, cuts_;
};

}  // namespace

void PackedLinear::run(const Kernels& kernels, const WeightView& weight, std::span<const float> bias,
                       Matrix in, Matrix out, bool accumulate) {
  const Product product(kernels, weight, in);
  float* tiles = tiles_.reserve(product.cuts() * product.tiles() * product.tile_words());
  pool_.run(product.tiles() * product.cuts(), [&](std::int64_t item, int) {
    product.pack_tile(item % product.cuts(), item / product.cuts(), tiles);
  });

  const std::int64_t blocks = (in.rows + kBlockTokens - 1) / kBlockTokens;
  const std::int64_t most_tiles = (product.tiles() + blocks - 1) / blocks;
  const std::int64_t most_panels =
      std::clamp<std::int64_t>(product.ranges() / (kItemsPerThread * pool_.threads()), 1, kMostPanels);
  const std::int64_t most_sums = most_panels * most_tiles * product.sums_words();
  for (Scratch& scratch : scratch_) scratch.reserve(product.panel_words() + most_sums);
  const std::int64_t items = (product.ranges() + most_panels - 1) / most_panels;
  pool_.run(items, [&](std::int64_t item, int thread) {
    float* panel = scratch_[static_cast<std::size_t>(thread)].data();
    float* sums = panel + product.panel_words();
    const Range panels{item * most_panels, std::min(most_panels, product.ranges() - item * most_panels)};
    for (std::int64_t b = 0; b < blocks; ++b) {
      const Range block = share_of(product.tiles(), b, blocks);
      std::fill_n(sums, panels.count * block.count * product.sums_words(), 0.0F);
      product.multiply(panels, block, tiles, panel, sums);
      product.write(panels, block, sums, bias, accumulate, out);
    }
  });
}

}  // namespace mhub::runtime
