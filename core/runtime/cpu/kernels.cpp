// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/kernels.hpp"

#include <vector>

#include "mhub/runtime/cpu/kernel_tables.hpp"

namespace mhub::runtime {
namespace {

std::vector<const Kernels*> find_kernels() {
  std::vector<const Kernels*> found{&portable_kernels()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    found.push_back(&kAvx2Kernels);
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (avx512) found.push_back(&kAvx512Kernels);
  if (avx512 && __builtin_cpu_supports("avx512bf16")) found.push_back(&kAvx512Bf16Kernels);
#endif
  return found;
}

}  // namespace

std::span<const Kernels* const> available_kernels() {
  static const std::vector<const Kernels*> kFound = find_kernels();
  return kFound;
}

const Kernels& best_kernels() {
  const Kernels* best = &portable_kernels();
  for (const Kernels* one : available_kernels()) {
    if (!one->bf16_words) best = one;
  }
  return *best;
}

const Kernels* best_bf16_kernels() {
  const Kernels* last = available_kernels().back();
  return last->bf16_words ? last : nullptr;
}

}  // namespace mhub::runtime
