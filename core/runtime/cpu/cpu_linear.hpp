// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "mhub/runtime/backend.hpp"
#include "mhub/runtime/cpu/kernels.hpp"
#include "mhub/runtime/cpu/packed_linear.hpp"
#include "mhub/runtime/cpu/thread_pool.hpp"
#include "mhub/runtime/cpu/walk_choice.hpp"

namespace mhub::runtime {

/// The linear operator on a CPU: weights straight from their blocks for few tokens, a PackedLinear for many.
class CpuLinear {
 public:
  /// `forced`: use this table whatever the precision; nullptr: the best one for it.
  CpuLinear(ThreadPool& pool, const Kernels* forced);
  const Kernels& exact_kernels() const { return *exact_; }

  void run(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out, bool accumulate,
           Precision precision);

 private:
  void few_tokens(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                  bool accumulate);
  void few_tokens(const WeightView& weight, std::span<const float> bias, Matrix in, Matrix out,
                  bool accumulate, Kernels::Walk walk);

  ThreadPool& pool_;
  const Kernels* exact_;
  const Kernels* fast_;  ///< nullptr: none
  PackedLinear packed_;
  WalkChoice walks_;
};

}  // namespace mhub::runtime
