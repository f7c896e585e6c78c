// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/progress.hpp"

#include <thread>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace mhub;

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(counts_from_many_threads) {
  Progress progress("convert", 4'000, true);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) progress.add(1);
    });
  }
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(progress.done() == 4'000u);
}

BOOST_AUTO_TEST_CASE(prints_sizes_for_people) {
  BOOST_TEST(human_bytes(0) == "0 B");
  BOOST_TEST(human_bytes(999) == "999 B");
  BOOST_TEST(human_bytes(1'500) == "1.50 kB");
  BOOST_TEST(human_bytes(141'107'412'992) == "141.11 GB");
  BOOST_TEST(human_bytes(18'446'744'073'709'551'615u) == "18446744.07 TB");
}

BOOST_AUTO_TEST_SUITE_END()
