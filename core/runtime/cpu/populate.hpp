// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mhub/runtime/cpu/thread_pool.hpp"
#include "mhub/runtime/weight_view.hpp"

namespace mhub::runtime {

/// Maps the pages that an in-place view points into, on all threads. Only a hint: what the system does not do
/// now happens at the first access.
void populate(const WeightView& view, ThreadPool& pool);

}  // namespace mhub::runtime
