// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/kv_cache.hpp"

#include <algorithm>

namespace mhub::runtime {

void LayerCache::grow(std::int64_t length) {
  while (static_cast<std::int64_t>(pages_.size()) * kTokens < length) {
    pages_.push_back({allocate_(groups_ * key_dim_ * kTokens), allocate_(groups_ * value_dim_ * kTokens)});
  }
}

void LayerCache::forget(std::int64_t position) {
  const auto last = static_cast<std::size_t>(std::max<std::int64_t>(0, position / kTokens));
  for (; forgotten_ < std::min(last, pages_.size()); ++forgotten_) pages_[forgotten_] = {};
}

std::int64_t LayerCache::pages_held() const { return static_cast<std::int64_t>(pages_.size() - forgotten_); }

}  // namespace mhub::runtime
