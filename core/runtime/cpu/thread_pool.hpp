// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace mhub::runtime {

/// Threads that share the work of one operator after another. Between operators they spin for some
/// microseconds, because the next one usually follows at once, and sleep after that. One caller at a time.
class ThreadPool {
 public:
  /// `threads` counts the caller; 0 means one per processor that this process may use.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls `work(k, thread)` for k in [0, count), each once, on all threads; `thread` < threads() tells
  /// concurrent calls apart. Every thread starts with a stretch of its own, in order, because neighbouring
  /// items are neighbours in memory; one that is done takes items from the end of another's stretch, so that
  /// a thread which loses its processor holds up little. Returns when all are done. `work` must not throw.
  template <typename Work>
  void run(std::int64_t count, const Work& work) {
    run_erased(
        count,
        [](const void* context, std::int64_t item, int thread) {
          (*static_cast<const Work*>(context))(item, thread);
        },
        &work);
  }

 private:
  using Call = void (*)(const void* context, std::int64_t item, int thread);
  void run_erased(std::int64_t count, Call call, const void* context);
  void work(int thread);
  void take_items(int thread);
  bool take(int owner, bool from_front, std::int64_t& item);

  /// The items [begin, end) that are left of a thread's stretch, as begin << 32 | end.
  struct alignas(64) Stretch {
    std::atomic<std::uint64_t> items{0};
  };

  std::vector<std::thread> workers_;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  std::vector<Stretch> stretches_;                   ///< one per thread
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  ///< odd while the pool shuts down
  alignas(64) std::atomic<int> busy_{0};
};

}  // namespace mhub::runtime
