// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/model/merger.hpp"

#include <algorithm>
#include <functional>

namespace mhub::text {

void Merger::merge(std::vector<TokenId>& symbols, const MergeTable& table) {
  // Below this length looking at all pairs for each merge is faster than keeping a heap (measured on English
  // and Chinese words).
  constexpr std::size_t kShort = 40;
  if (symbols.size() < 2) return;
  if (symbols.size() <= kShort) {
    merge_short(symbols, table);
  } else {
    merge_long(symbols, table);
  }
}

void Merger::merge_short(std::vector<TokenId>& symbols, const MergeTable& table) {
  pairs_.clear();
  for (std::size_t i = 0; i + 1 < symbols.size(); ++i)
    pairs_.push_back(table.find(symbols[i], symbols[i + 1]));
  while (!pairs_.empty()) {
    const auto best = std::min_element(pairs_.begin(), pairs_.end(),
                                       [](const auto& a, const auto& b) { return a.rank < b.rank; });
    if (best->rank == MergeTable::kNone) return;
    const auto at = best - pairs_.begin();
    const auto i = static_cast<std::size_t>(at);
    symbols[i] = best->result;
    symbols.erase(symbols.begin() + at + 1);
    pairs_.erase(best);
    if (i > 0) pairs_[i - 1] = table.find(symbols[i - 1], symbols[i]);
    if (i < pairs_.size()) pairs_[i] = table.find(symbols[i], symbols[i + 1]);
  }
}

void Merger::merge_long(std::vector<TokenId>& symbols, const MergeTable& table) {
  // Symbols form a linked list. An entry of the heap is stale when the pair at its position has another rank
  // by now.
  constexpr std::uint32_t kEnd = 0xFFFFFFFF;
  const auto count = static_cast<std::uint32_t>(symbols.size());
  pairs_.assign(count, {MergeTable::kNone, -1});
  previous_.resize(count);
  next_.resize(count);
  heap_.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    previous_[i] = i == 0 ? kEnd : i - 1;
    next_[i] = i + 1 == count ? kEnd : i + 1;
    if (i + 1 == count) break;
    pairs_[i] = table.find(symbols[i], symbols[i + 1]);
    if (pairs_[i].rank != MergeTable::kNone)
      heap_.push_back(static_cast<std::uint64_t>(pairs_[i].rank) << 32 | i);
  }
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  const auto update = [&](std::uint32_t at) {
    pairs_[at] = next_[at] == kEnd ? MergeTable::Merge{MergeTable::kNone, -1}
                                   : table.find(symbols[at], symbols[next_[at]]);
    if (pairs_[at].rank == MergeTable::kNone) return;
    heap_.push_back(static_cast<std::uint64_t>(pairs_[at].rank) << 32 | at);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  };
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const auto rank = static_cast<std::uint32_t>(heap_.back() >> 32);
    const auto at = static_cast<std::uint32_t>(heap_.back());
    heap_.pop_back();
    if (pairs_[at].rank != rank) continue;
    const std::uint32_t gone = next_[at];
    symbols[at] = pairs_[at].result;
    symbols[gone] = -1;
    pairs_[gone].rank = MergeTable::kNone;
    next_[at] = next_[gone];
    if (next_[at] != kEnd) previous_[next_[at]] = at;
    update(at);
    if (previous_[at] != kEnd) update(previous_[at]);
  }
  std::erase(symbols, -1);
}

}  // namespace mhub::text
