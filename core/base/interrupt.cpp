#include "mhub/base/interrupt.hpp"

#include <csignal>

#include "mhub/base/error.hpp"

namespace mhub {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void on_signal(int signal) {
  interrupted = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

void throw_if_interrupted() {
  if (interrupted != 0) throw Interrupted("interrupted; nothing was left under the final name");
}

}  // namespace mhub
