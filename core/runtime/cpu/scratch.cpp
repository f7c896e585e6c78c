// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/scratch.hpp"

#include <cstdlib>
#include <new>
#include <sys/mman.h>

namespace mhub::runtime {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kHugePage = std::size_t{2} << 20;  // of x86-64 and, with 4 KiB pages, AArch64

}  // namespace

void FreeFloats::operator()(float* floats) const noexcept { std::free(floats); }

std::unique_ptr<float, FreeFloats> allocate_floats(std::int64_t count) {
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
  const std::size_t alignment = bytes < kHugePage ? kLine : kHugePage;
  const std::size_t whole = (bytes + kLine - 1) / kLine * kLine;
  void* memory = nullptr;
  if (::posix_memalign(&memory, alignment, whole) != 0) throw std::bad_alloc();
  // Only whole huge pages, so that nobody else's memory changes; a kernel that refuses gives small ones.
  if (const std::size_t huge = whole / kHugePage * kHugePage; huge > 0)
    (void)::madvise(memory, huge, MADV_HUGEPAGE);
  return std::unique_ptr<float, FreeFloats>(static_cast<float*>(memory));
}

}  // namespace mhub::runtime
