// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "executor.hpp"

namespace mhub::converters {

/// How the entries of a recipe follow each other.
struct ScheduleOptions {
  bool keep_going = false;          ///< a failure stops only those that need it
  std::set<std::size_t> only = {};  ///< these entries; empty: all. What they need is taken as it is.
  std::function<bool()> cancelled = {};
  std::function<void(std::size_t)> on_start = {};
  std::function<void(std::size_t, const EntryOutcome&)> on_end = {};  ///< once for each entry
};

/// What came of all of them.
struct BatchOutcome {
  std::vector<EntryOutcome> entries;  ///< of those chosen, in the recipe's order
  std::vector<std::size_t> numbers;   ///< their numbers in the recipe
  int code = 0;                       ///< the exit code: that of the first failure
  double started = 0, ended = 0;      ///< seconds since 1970
};

/// Runs a recipe: each entry once those that it needs are done, as many at a time as the executor takes.
BatchOutcome run_schedule(const Recipe& recipe, Executor& executor, const ScheduleOptions& options);

}  // namespace mhub::converters
