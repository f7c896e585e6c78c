// SPDX-License-Identifier: Apache-2.0
// Compiled with AVX-512's flags: see simd_kernels.hpp for what that asks of this file.
#include "mhub/runtime/cpu/isa_avx512.hpp"
#include "mhub/runtime/cpu/kernel_tables.hpp"
#include "mhub/runtime/cpu/simd_kernels.hpp"

namespace mhub::runtime {

constinit const Kernels kAvx512Kernels = table<Avx512>("avx512");

}  // namespace mhub::runtime
