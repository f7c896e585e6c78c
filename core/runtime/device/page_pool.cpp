// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/device/page_pool.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

constexpr std::size_t kGrowth = 32 << 20;  // bytes: how much more memory is taken at a time, at least

}  // namespace

struct PagePool::State {
  Device& device;
  std::size_t page_bytes;
  std::int64_t capacity;
  std::unique_ptr<GrowingMemory> memory;
  std::vector<std::int64_t> free;  ///< numbers of pages that were given back
  std::int64_t used = 0;           ///< pages from the base that have been out
};

PagePool::PagePool(Device& device, std::size_t page_bytes) {
  // Tables hold 32-bit numbers.
  const std::size_t pages =
      std::min<std::size_t>(device.memory() / page_bytes, std::numeric_limits<std::int32_t>::max());
  state_ = std::make_shared<State>(
      State{device, page_bytes, static_cast<std::int64_t>(pages), device.reserve(pages * page_bytes), {}, 0});
}

std::shared_ptr<float> PagePool::take() {
  State& state = *state_;
  std::int64_t page = state.used;
  if (!state.free.empty()) {
    page = state.free.back();
    state.free.pop_back();
    state.device.clear(state.memory->base() + static_cast<std::size_t>(page) * state.page_bytes,
                       state.page_bytes);
  } else {
    if (page == state.capacity)
      throw IoError("the device has no memory for more keys and values; run fewer or shorter sequences");
    const std::size_t needed = static_cast<std::size_t>(page + 1) * state.page_bytes;
    const std::size_t most = static_cast<std::size_t>(state.capacity) * state.page_bytes;
    if (needed > state.memory->size())
      state.memory->grow(std::min(most, std::max(needed, state.memory->size() + kGrowth)));
    ++state.used;
  }
  auto* address =
      reinterpret_cast<float*>(state.memory->base() + static_cast<std::size_t>(page) * state.page_bytes);
  return {address, [owner = state_, page](float*) { owner->free.push_back(page); }};
}

std::int32_t PagePool::number(const void* page) const {
  const auto offset = static_cast<std::size_t>(static_cast<const std::byte*>(page) - state_->memory->base());
  return static_cast<std::int32_t>(offset / state_->page_bytes);
}

std::byte* PagePool::base() const { return state_->memory->base(); }
std::int64_t PagePool::capacity() const { return state_->capacity; }
std::int64_t PagePool::taken() const { return state_->used - static_cast<std::int64_t>(state_->free.size()); }

}  // namespace mhub::runtime
