// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/thread_pool.hpp"

#include <algorithm>

#include "mhub/base/processors.hpp"

namespace mhub::runtime {
namespace {

constexpr int kSpins = 4000;  // some tens of microseconds

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const int wanted = threads > 0 ? threads : usable_processors();
  stretches_ = std::vector<Stretch>(static_cast<std::size_t>(wanted));
  for (int k = 1; k < wanted; ++k) workers_.emplace_back([this, k] { work(k); });
}

ThreadPool::~ThreadPool() {
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

bool ThreadPool::take(int owner, bool from_front, std::int64_t& item) {
  std::atomic<std::uint64_t>& items = stretches_[static_cast<std::size_t>(owner)].items;
  std::uint64_t left = items.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t begin = left >> 32U, end = left & 0xffffffffU;
    if (begin >= end) return false;
    const std::uint64_t rest = from_front ? (begin + 1) << 32U | end : begin << 32U | (end - 1);
    if (items.compare_exchange_weak(left, rest, std::memory_order_relaxed)) {
      item = static_cast<std::int64_t>(from_front ? begin : end - 1);
      return true;
    }
  }
}

void ThreadPool::take_items(int thread) {
  const int count = threads();
  std::int64_t item = 0;
  for (int k = 0; k < count; ++k) {
    while (take((thread + k) % count, k == 0, item)) call_(context_, item, thread);
  }
}

void ThreadPool::work(int thread) {
  for (std::uint32_t seen = 0;;) {
    std::uint32_t now = epoch_.load(std::memory_order_acquire);
    for (int spin = 0; now == seen && spin < kSpins; ++spin) {
      pause();
      now = epoch_.load(std::memory_order_acquire);
    }
    while (now == seen) {
      epoch_.wait(seen, std::memory_order_acquire);
      now = epoch_.load(std::memory_order_acquire);
    }
    if ((now & 1U) != 0) return;
    seen = now;
    take_items(thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadPool::run_erased(std::int64_t count, Call call, const void* context) {
  call_ = call;
  context_ = context;
  const bool alone = workers_.empty() || count <= 1;
  const int sharers = alone ? 1 : threads();
  for (int k = 0; k < sharers; ++k) {
    const auto begin = static_cast<std::uint64_t>(count * k / sharers);
    const auto end = static_cast<std::uint64_t>(count * (k + 1) / sharers);
    stretches_[static_cast<std::size_t>(k)].items.store(begin << 32U | end, std::memory_order_relaxed);
  }
  if (!alone) {
    busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    epoch_.fetch_add(2, std::memory_order_release);
    epoch_.notify_all();
  }
  take_items(0);
  for (int spin = 0; !alone && busy_.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < kSpins) {
      pause();
    } else {
      std::this_thread::yield();
    }
  }
}

}  // namespace mhub::runtime
