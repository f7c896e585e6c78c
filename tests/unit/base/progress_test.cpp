// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/progress.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(counts_from_many_threads) {
  std::atomic<std::uint64_t> calls{0}, largest{0};
  const Callbacks callbacks{.on_progress = [&](const Progress& now) {
    ++calls;
    for (std::uint64_t seen = largest; seen < now.done && !largest.compare_exchange_weak(seen, now.done);) {
    }
  }};
  Stage stage(callbacks, "converting", 4'000);
  BOOST_TEST(calls == 1u);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) stage.add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(calls == 4'001u);
  BOOST_TEST(largest == 4'000u);
}

BOOST_AUTO_TEST_CASE(a_cancelled_stage_ends) {
  bool cancelled = false;
  const Callbacks callbacks{.cancelled = [&] { return cancelled; }};
  Stage stage(callbacks, "converting", 10);
  stage.add(1);
  cancelled = true;
  BOOST_CHECK_THROW(stage.add(1), Interrupted);
  BOOST_CHECK_THROW(Stage(callbacks, "verifying", 10), Interrupted);
}

BOOST_AUTO_TEST_SUITE_END()
