// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace mhub {

/// Shows how far long work is, on stderr: one redrawn line with a bar, rate and time left on a terminal, a
/// plain line every five seconds elsewhere (none for work that is done before). Thread-safe.
class Progress {
 public:
  /// `total` in bytes. A silent one counts but prints nothing.
  Progress(std::string label, std::uint64_t total, bool silent);
  /// Ends the line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(std::uint64_t bytes);
  std::uint64_t done() const { return done_; }

 private:
  void print();

  std::string label_;
  std::uint64_t total_;
  bool silent_, terminal_, printed_ = false;
  std::atomic<std::uint64_t> done_{0};
  std::chrono::steady_clock::time_point start_, last_;
  std::mutex mutex_;
};

/// "2.31 GB"
std::string human_bytes(std::uint64_t bytes);

}  // namespace mhub
