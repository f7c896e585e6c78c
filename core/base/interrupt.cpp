// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/interrupt.hpp"

#include <atomic>
#include <csignal>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

/// Written by the signal handler, read by every worker.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free);

extern "C" void on_signal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

void throw_if_interrupted() {
  if (interrupted) throw Interrupted("interrupted; nothing was left under the final name");
}

}  // namespace mhub
