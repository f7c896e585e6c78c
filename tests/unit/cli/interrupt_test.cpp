// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "converters/long_work.hpp"
#include "mhub/base/file.hpp"
#include "mhub/base/mapped_file.hpp"

BOOST_AUTO_TEST_SUITE(interrupt)

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

BOOST_AUTO_TEST_CASE(a_signal_sets_the_flag) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const int status = status_of_child([signal] {
      catch_signals();
      if (interrupted()) return 1;
      std::raise(signal);
      return interrupted() ? 7 : 2;
    });
    BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 7));
  }
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_the_process) {
  const int status = status_of_child([] {
    catch_signals();
    std::raise(SIGINT);
    std::raise(SIGINT);
    return 0;
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
}

BOOST_AUTO_TEST_CASE(work_that_does_not_ask_is_ended) {
  const int status = status_of_child([] {
    catch_signals();
    std::raise(SIGTERM);
    const unsigned left = ::alarm(0);
    if (left == 0 || left > 5) return 1;
    std::raise(SIGALRM);
    return 0;
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
}

BOOST_AUTO_TEST_CASE(a_mapped_file_that_is_cut_off_ends_with_its_name) {
  const mhub::tests::TemporaryFolder folder;
  const std::string path = folder.file("weights\n"), said = folder.file("said");
  mhub::write_file(path, std::string(1 << 20, 'w'));
  const int status = status_of_child([&] {
    catch_signals();
    if (std::freopen(said.c_str(), "w", stderr) == nullptr) return 1;
    const mhub::MappedFile mapped(::open(path.c_str(), O_RDONLY), 1 << 20, path.c_str());
    if (::truncate(path.c_str(), 100) != 0) return 2;
    return static_cast<int>(mapped.bytes()[1 << 19]);
  });
  BOOST_TEST((WIFEXITED(status) && WEXITSTATUS(status) == 4));
  BOOST_TEST(mhub::read_file(said, 1000) ==
             "mhub: " + folder.file("weights?") + ": was cut off while it was read, or its device failed\n");
}

BOOST_AUTO_TEST_CASE(another_lost_page_is_a_crash) {
  const mhub::tests::TemporaryFolder folder;
  const std::string path = folder.file("of_a_library");
  mhub::write_file(path, std::string(1 << 20, 'w'));
  const int status = status_of_child([&] {
    catch_signals();
    const void* mapped = ::mmap(nullptr, 1 << 20, PROT_READ, MAP_PRIVATE, ::open(path.c_str(), O_RDONLY), 0);
    if (::truncate(path.c_str(), 100) != 0) return 2;
    return static_cast<int>(static_cast<const volatile char*>(mapped)[1 << 19]);
  });
  BOOST_TEST((WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS));
}

BOOST_AUTO_TEST_SUITE_END()
