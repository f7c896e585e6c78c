// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/scratch.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"

namespace mhub::runtime {

/// The linear operator for many tokens: a matrix product through packed panels of weights and packed tiles of
/// activations (kernels.hpp). All activations are packed first. A thread then takes a few panels' rows at a
/// time; it packs one panel, which stays in the first cache while the tiles stream past it, and adds to sums
/// that stay in the second. No weight is packed twice but for prompts of more than a block of tokens. Keeps
/// its scratch memory between calls.
class PackedLinear {
 public:
  explicit PackedLinear(ThreadPool& pool) : pool_(pool), scratch_(static_cast<std::size_t>(pool.threads())) {}

  /// out = in * weight^T + bias, or out += that. Arguments as Backend::linear.
  void run(const Kernels& kernels, const WeightView& weight, std::span<const float> bias, Matrix in,
           Matrix out, bool accumulate);

 private:
  ThreadPool& pool_;
  Scratch tiles_;
  std::vector<Scratch> scratch_;  ///< per thread: a panel and the sums of its panels
};

}  // namespace mhub::runtime
