// SPDX-License-Identifier: Apache-2.0
#include "progress_bar.hpp"

#include <algorithm>
#include <cstdio>
#include <unistd.h>

#include "interrupt.hpp"
#include "mhub/convert/disk_space.hpp"

namespace mhub::converters {
namespace {
using Seconds = std::chrono::duration<double>;
}

ProgressBar::ProgressBar(bool silent) : silent_(silent), terminal_(::isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() { end_stage(); }

Callbacks ProgressBar::callbacks() {
  Callbacks callbacks{.cancelled = interrupted};
  if (!silent_) callbacks.on_progress = [this](const Progress& progress) { show(progress); };
  return callbacks;
}

void ProgressBar::show(const Progress& progress) {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (progress.stage != stage_) {
    end_stage();
    stage_ = progress.stage;
    printed_ = false;
    done_ = 0;
    start_ = last_ = now;
  }
  // Threads may come here in another order than they counted in.
  done_ = std::max(done_, progress.done);
  total_ = progress.total;
  if (Seconds(now - last_).count() < (terminal_ ? 0.1 : 5.0)) return;
  last_ = now;
  print();
}

void ProgressBar::end_stage() {
  if (stage_.empty() || (!terminal_ && !printed_)) return;
  print();
  if (terminal_) std::fputc('\n', stderr);
}

void ProgressBar::print() {
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
      stage_.c_str(), kWidth, bar.c_str(), share * 100, human_bytes(static_cast<std::uint64_t>(rate)).c_str(),
      left);
  std::fflush(stderr);
}

}  // namespace mhub::converters
