// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace mhub {

void for_all(std::size_t count, std::size_t threads, const std::function<void(std::size_t)>& job) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    try {
      for (std::size_t k = next++; k < count; k = next++) job(k);
    } catch (...) {
      next = count;
      const std::lock_guard guard(mutex);
      if (!failure) failure = std::current_exception();
    }
  };
  std::vector<std::thread> running;
  for (std::size_t k = 0; k < std::min(count, threads); ++k) running.emplace_back(work);
  for (std::thread& thread : running) thread.join();
  if (failure) std::rethrow_exception(failure);
}

}  // namespace mhub
