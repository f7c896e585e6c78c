// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <vector>

#include "mhub/runtime/cpu/kernels.hpp"

namespace mhub::runtime {

/// Finds out while weights are read which Kernels::Walk is the fastest for rows of their length on this
/// machine. There is no rule for it: on AMD's Zen 4, fetching past the caches costs up to half of the
/// bandwidth, on other processors it gains some percent; where activations fill the first cache, rows side by
/// side are up to three quarters faster.
///
/// Walks are tried in turn, a few times each, and the one whose typical rate was best is taken from then on.
/// Trials come again after 1024, 8192, 65536 ... uses: the first ones may have read weights from a disk.
class WalkChoice {
 public:
  /// What the time depends on.
  struct Product {
    std::int64_t columns, tokens;
    auto operator<=>(const Product&) const = default;
  };
  /// The walk to use now. What it took is to be told to `took`.
  Kernels::Walk next(const Product& product);
  void took(const Product& product, Kernels::Walk walk, double seconds, std::int64_t bytes);

 private:
  static constexpr std::size_t kTrials = 6;
  struct Trials {
    Kernels::Walk best = Kernels::Walk::in_order;
    std::array<std::vector<double>, Kernels::kWalks> times;  ///< seconds a byte
    std::int64_t uses = 0, next_trials = 1024;

    std::size_t tried() const;
    bool trying() const { return tried() < kTrials * Kernels::kWalks; }
    void choose();
  };
  std::map<Product, Trials> products_;
};

}  // namespace mhub::runtime
