// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/thread_pool.hpp"

#include <atomic>
#include <vector>

#include <boost/test/unit_test.hpp>

using mhub::runtime::ThreadPool;

BOOST_AUTO_TEST_SUITE(thread_pool)

BOOST_AUTO_TEST_CASE(every_item_is_done_once) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    BOOST_TEST(pool.threads() == threads);
    for (int round = 0; round < 300; ++round) {
      std::vector<std::atomic<int>> done(static_cast<std::size_t>(round));
      std::atomic<int> strangers{0};
      pool.run(round, [&](std::int64_t item, int thread) {
        ++done[static_cast<std::size_t>(item)];
        if (thread < 0 || thread >= threads) ++strangers;
      });
      for (const auto& count : done) BOOST_TEST_REQUIRE(count == 1);
      BOOST_TEST_REQUIRE(strangers == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_slow_item_does_not_hold_the_others) {
  ThreadPool pool(2);
  std::atomic<int> others{0};
  pool.run(10, [&](std::int64_t item, int) {
    if (item != 0) {
      ++others;
      return;
    }
    // Item 0 waits for all others, those of its own stretch included: somebody must take them.
    while (others < 9) std::this_thread::yield();
  });
  BOOST_TEST(others == 9);
}

BOOST_AUTO_TEST_CASE(zero_means_one_per_processor) { BOOST_TEST(ThreadPool(0).threads() >= 1); }

BOOST_AUTO_TEST_SUITE_END()
