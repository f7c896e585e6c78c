// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "converters/recipe/recipe.hpp"

namespace mhub::converters {

/// What an entry takes while it runs, at most.
struct Demand {
  std::string place;         ///< a path on the file system that it writes to
  std::uint64_t disk = 0;    ///< bytes of its output
  std::uint64_t memory = 0;  ///< bytes, without pages of files, which the system can take back
};

/// Of an entry whose output has so many bytes, with so many threads. Windows and scratch are bounded per
/// thread; what may wait for its turn of a streamed source and weights that generation cannot use in place
/// are counted whole.
Demand demand_of(const RecipeEntry& entry, std::uint64_t bytes, int threads);

/// Memory that can still be taken (MemAvailable).
std::uint64_t available_memory();

/// Disk and memory that entries running at once share. One alone is always let in: it finds out for itself.
class Budget {
 public:
  /// How much there is; tests have functions of their own.
  explicit Budget(std::function<std::uint64_t(const std::string&)> free_disk = {},
                  std::function<std::uint64_t()> free_memory = {});

  /// Waits until the demand fits beside those that were let in; `on_wait` is told once what for. Throws
  /// Interrupted. Give it back with `release`.
  void take(const Demand& demand, const std::function<void(const std::string&)>& on_wait,
            const std::function<bool()>& cancelled);
  void release(const Demand& demand);

 private:
  std::string lacks(const Demand& demand) const;

  std::function<std::uint64_t(const std::string&)> free_disk_;
  std::function<std::uint64_t()> free_memory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, std::uint64_t> disk_;  ///< taken, by the device
  std::uint64_t memory_ = 0;
  std::size_t running_ = 0;
};

}  // namespace mhub::converters
