// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/work_limit.hpp"

#include <ctime>
#include <utility>

#include "mhub/base/error.hpp"

namespace mhub::text {
namespace {

thread_local WorkLimit* innermost = nullptr;

/// Time that other processes take does not count.
std::chrono::nanoseconds thread_time() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

WorkLimit::WorkLimit(std::size_t bytes, std::string_view origin)
    : outer_(std::exchange(innermost, this)),
      origin_(origin),
      bytes_(bytes),
      room_((std::size_t{8} << 20) + 200 * bytes),
      end_(thread_time() + std::chrono::seconds(4) + std::chrono::microseconds(4 * bytes)) {}

WorkLimit::~WorkLimit() { innermost = outer_; }

void WorkLimit::fail(const std::string& what) const {
  throw InputError(std::string(origin_) + ": a text of " + std::to_string(bytes_) + " bytes " + what +
                   "; no real tokenizer does that, so the file is damaged or hostile");
}

void WorkLimit::made(std::size_t bytes) {
  if (innermost == nullptr) return;
  if (bytes > innermost->room_) innermost->fail("grows without end");
  innermost->room_ -= bytes;
}

void WorkLimit::gone(std::size_t steps) {
  if (is_over(steps)) innermost->fail("takes too long");
}

bool WorkLimit::is_over(std::size_t steps) {
  constexpr std::size_t kSteps = 1 << 14;
  if (innermost == nullptr || (innermost->steps_ += steps) < kSteps) return false;
  innermost->steps_ = 0;
  return thread_time() > innermost->end_;
}

}  // namespace mhub::text
