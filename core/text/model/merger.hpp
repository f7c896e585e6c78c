// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "mhub/text/model/merge_table.hpp"

namespace mhub::text {

/// Carries out the merges of a BPE model on one word: again and again the pair of lowest rank, of several the
/// leftmost, until no pair merges. Keeps its memory between words.
class Merger {
 public:
  /// Replaces `symbols` by what remains of them.
  void merge(std::vector<TokenId>& symbols, const MergeTable& table);

 private:
  void merge_short(std::vector<TokenId>& symbols, const MergeTable& table);
  void merge_long(std::vector<TokenId>& symbols, const MergeTable& table);

  std::vector<MergeTable::Merge> pairs_;  ///< of each symbol with the next one
  std::vector<std::uint32_t> previous_, next_;
  std::vector<std::uint64_t> heap_;  ///< rank << 32 | position
};

}  // namespace mhub::text
