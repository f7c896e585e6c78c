// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>

#include "job.hpp"

namespace mhub::converters {

/// Where entries run. The schedule (schedule.hpp) says which and when; an executor says how many at a time
/// and how. A new one is a folder beside this file with a class of this kind; an entry on another machine is
/// `mhub run RECIPE --only NAME`, which puts its state and report beside the output.
class Executor {
 public:
  virtual ~Executor() = default;
  /// How many entries it takes at a time.
  virtual std::size_t capacity() const = 0;
  /// Begins with an entry; returns at once.
  virtual void start(std::size_t entry) = 0;
  /// Whether it takes entries that others have to come before, and sees to that itself.
  virtual bool queues() const { return false; }
  /// One has failed, and no other is to begin: of those that have not, `wait` says so.
  virtual void stop() {}
  /// Waits for one of those that were started. Called from the thread that starts them.
  virtual std::pair<std::size_t, EntryOutcome> wait() = 0;
};

/// Threads of this process. `context` makes what an entry's job is given. Borrows the recipe.
std::unique_ptr<Executor> local_executor(const Recipe& recipe, std::size_t at_once,
                                         std::function<JobContext(std::size_t entry)> context);

}  // namespace mhub::converters
