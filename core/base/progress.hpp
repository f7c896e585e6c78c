// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

#include "mhub/base/error.hpp"

namespace mhub {

/// How far long work is.
struct Progress {
  std::string_view stage;             ///< "converting", "verifying", "checking"
  std::uint64_t done = 0, total = 0;  ///< bytes
};

/// How a caller watches long work and ends it. Both functions are called from any thread.
struct Callbacks {
  /// Called once when a stage begins and then every few megabytes.
  std::function<void(const Progress&)> on_progress = {};
  /// Asked as often; once it is true, the work ends with Interrupted.
  std::function<bool()> cancelled = {};
};

/// Throws Interrupted when the function is there and says so.
inline void throw_if(const std::function<bool()>& cancelled) {
  if (cancelled && cancelled()) throw Interrupted("interrupted; nothing was left under the final name");
}

/// One stage of long work. Borrows the callbacks. Thread-safe.
class Stage {
 public:
  Stage(const Callbacks& callbacks, std::string_view name, std::uint64_t total)
      : callbacks_(callbacks), name_(name), total_(total) {
    add(0);
  }
  /// Counts and reports. Throws Interrupted.
  void add(std::uint64_t bytes) {
    const std::uint64_t done = done_ += bytes;
    if (callbacks_.on_progress) callbacks_.on_progress({name_, done, total_});
    throw_if(callbacks_.cancelled);
  }

 private:
  const Callbacks& callbacks_;
  std::string_view name_;
  std::uint64_t total_;
  std::atomic<std::uint64_t> done_{0};
};

}  // namespace mhub
