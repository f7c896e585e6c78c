// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace mhub::converters {

/// What a program that was run left.
struct ChildResult {
  int code = 0;  ///< its exit code; 128 and its number where a signal ended it
  std::string out, err;
};

/// Runs a program with these arguments, found on PATH, without a shell. It has a process group of its own, so
/// that Ctrl-C does not reach it; `cancelled` is asked while it runs, and ends it with SIGTERM. Of what it
/// writes the last megabyte is kept. Throws IoError where it cannot be started.
ChildResult run_child(const std::vector<std::string>& arguments, const std::function<bool()>& cancelled = {});

}  // namespace mhub::converters
