// SPDX-License-Identifier: Apache-2.0
#include "converters/batch/budget.hpp"

#include <atomic>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(budget)

using namespace mhub;
using namespace mhub::converters;

namespace {

const auto kNever = [] { return false; };
const auto kQuiet = [](const std::string&) {};

Budget hundred() {
  return Budget([](const std::string&) { return 100; }, [] { return 100; });
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_alone_is_let_in) {
  Budget budget = hundred();
  budget.take({"/tmp", 1000, 1000}, kQuiet, kNever);
  budget.release({"/tmp", 1000, 1000});
}

BOOST_AUTO_TEST_CASE(others_wait_until_there_is_room) {
  for (const Demand& demand : {Demand{"/tmp", 60, 0}, Demand{"/tmp", 0, 60}}) {
    Budget budget = hundred();
    budget.take(demand, kQuiet, kNever);
    std::atomic<bool> told = false, in = false;
    std::thread second([&] {
      budget.take(
          demand, [&](const std::string&) { told = true; }, kNever);
      in = true;
    });
    while (!told) std::this_thread::yield();
    BOOST_TEST(!in);
    budget.release(demand);
    second.join();
    BOOST_TEST(in);
  }
}

BOOST_AUTO_TEST_CASE(what_fits_does_not_wait) {
  Budget budget = hundred();
  const auto fail = [](const std::string& what) { BOOST_ERROR("waits for " + what); };
  budget.take({"/tmp", 50, 50}, fail, kNever);
  budget.take({"/tmp", 50, 50}, fail, kNever);
}

BOOST_AUTO_TEST_CASE(who_waits_can_be_stopped) {
  Budget budget = hundred();
  budget.take({"/tmp", 60, 0}, kQuiet, kNever);
  BOOST_CHECK_THROW(budget.take({"/tmp", 60, 0}, kQuiet, [] { return true; }), Interrupted);
}

BOOST_AUTO_TEST_SUITE_END()
