// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/progress.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <unistd.h>
#include <utility>

namespace mhub {

namespace {
using Seconds = std::chrono::duration<double>;
}

Progress::Progress(std::string label, std::uint64_t total, bool silent)
    : label_(std::move(label)),
      total_(total),
      silent_(silent),
      terminal_(::isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() {
  if (silent_ || (!terminal_ && !printed_)) return;
  print();
  if (terminal_) std::fputc('\n', stderr);
}

void Progress::add(std::uint64_t bytes) {
  done_ += bytes;
  if (silent_) return;
  const std::unique_lock lock(mutex_, std::try_to_lock);
  const auto now = std::chrono::steady_clock::now();
  if (!lock || Seconds(now - last_).count() < (terminal_ ? 0.1 : 5.0)) return;
  last_ = now;
  print();
}

void Progress::print() {
  const double seconds = std::max(1e-9, Seconds(std::chrono::steady_clock::now() - start_).count());
  printed_ = true;
  const double share =
      total_ == 0 ? 1.0 : std::min(1.0, static_cast<double>(done_) / static_cast<double>(total_));
  const double rate = static_cast<double>(done_) / seconds;
  const double left =
      rate > 0 ? static_cast<double>(total_ - std::min<std::uint64_t>(total_, done_)) / rate : 0.0;
  constexpr int kWidth = 30;
  const std::string bar(static_cast<std::size_t>(share * kWidth), '#');
  std::fprintf(
      stderr,
      terminal_ ? "\r%s [%-*s] %3.0f%%  %s/s  ETA %.0fs\x1b[K" : "%s [%-*s] %3.0f%%  %s/s  ETA %.0fs\n",
      label_.c_str(), kWidth, bar.c_str(), share * 100, human_bytes(static_cast<std::uint64_t>(rate)).c_str(),
      left);
  std::fflush(stderr);
}

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000.0 && unit + 1 < kUnits.size()) {
    value /= 1000.0;
    ++unit;
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.2f %s", value, kUnits[unit]);
  return text.data();
}

}  // namespace mhub
