// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "converters/long_work.hpp"

using namespace mhub::converters;

namespace {

/// Runs `body` in a child process, because the flag never falls again; its exit status as waitpid gives it.
template <typename Body>
int status_of_child(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(interrupt)

BOOST_AUTO_TEST_CASE(a_signal_sets_the_flag) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const int status = status_of_child([signal] {
      catch_interrupts();
      if (interrupted()) return 1;
      std::raise(signal);
      return interrupted() ? 7 : 2;
    });
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
  }
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_process) {
  const int status = status_of_child([] {
    catch_interrupts();
    std::raise(SIGINT);
    std::raise(SIGINT);
    return 0;
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
}

BOOST_AUTO_TEST_SUITE_END()
