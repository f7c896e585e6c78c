// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace mhub {

/// Runs `job(k)` for all k below `count`, on so many threads. Once one of them has thrown, none is begun any
/// more, and what the first threw is thrown.
void for_all(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& job);

}  // namespace mhub
