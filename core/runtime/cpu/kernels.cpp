// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/kernels.hpp"

#include <vector>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "mhub/runtime/cpu/kernel_tables.hpp"

namespace mhub::runtime {
namespace {

#if defined(__x86_64__)
/// clang 14's __builtin_cpu_supports does not know it.
bool supports_f16c() {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

std::vector<const Kernels*> find_kernels() {
  std::vector<const Kernels*> found{&portable_kernels()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && supports_f16c())
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
