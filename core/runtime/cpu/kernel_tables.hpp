// SPDX-License-Identifier: Apache-2.0
// Tables of x86-64 instruction sets; only a processor check may hand them out (kernels.cpp).
#pragma once

#include "mhub/runtime/cpu/kernels.hpp"

namespace mhub::runtime {

extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512Bf16Kernels;

}  // namespace mhub::runtime
