// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/populate.hpp"

#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

namespace mhub::runtime {
namespace {

#ifdef MADV_POPULATE_READ
constexpr int kPopulate = MADV_POPULATE_READ;
#else
constexpr int kPopulate = 22;  // Linux 5.14; older kernels answer EINVAL
#endif

constexpr std::uintptr_t kPiece = 4 << 20;  // bytes that a thread maps at a time

struct Pages {
  std::uintptr_t begin, end;
};

/// The bytes of all blocks as ranges of pages, those that touch joined.
std::vector<Pages> page_ranges(const WeightView& view) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  std::vector<Pages> ranges;
  for (const WeightBlock& block : view.blocks) {
    const auto elements = static_cast<std::size_t>((block.rows - 1) * block.row_stride + block.columns);
    const auto begin = reinterpret_cast<std::uintptr_t>(block.data);
    ranges.push_back({begin / page * page, begin + elements * size_of(block.dtype)});
  }
  std::sort(ranges.begin(), ranges.end(), [](const Pages& a, const Pages& b) { return a.begin < b.begin; });
  std::vector<Pages> joined;
  for (const Pages& range : ranges) {
    if (!joined.empty() && range.begin <= joined.back().end) {
      joined.back().end = std::max(joined.back().end, range.end);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

}  // namespace

void populate(const WeightView& view, ThreadPool& pool) {
  std::vector<Pages> pieces;
  for (const Pages& range : page_ranges(view)) {
    for (std::uintptr_t at = range.begin; at < range.end; at += kPiece)
      pieces.push_back({at, std::min(range.end, at + kPiece)});
  }
  pool.run(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t k, int) {
    const Pages& piece = pieces[static_cast<std::size_t>(k)];
    auto* const begin = reinterpret_cast<void*>(piece.begin);  // NOLINT(performance-no-int-to-ptr)
    ::madvise(begin, piece.end - piece.begin, kPopulate);
  });
}

}  // namespace mhub::runtime
