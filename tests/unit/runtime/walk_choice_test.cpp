// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/cpu/walk_choice.hpp"

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(walk_choice_tests)

using namespace mhub::runtime;

namespace {

using Walk = Kernels::Walk;

/// Uses a weight `count` times, where `fastest` takes half the time of the others; how often each was taken.
std::array<int, Kernels::kWalks> use(WalkChoice& choice, int count, Walk fastest, std::int64_t columns = 8) {
  std::array<int, Kernels::kWalks> taken{};
  for (int k = 0; k < count; ++k) {
    const Walk walk = choice.next({columns, 1});
    ++taken[static_cast<std::size_t>(walk)];
    const std::int64_t bytes = 1 + k % 3;  // of layers whose weights come in the rhythm of the walks
    choice.took({columns, 1}, walk, static_cast<double>(bytes) * (walk == fastest ? 0.5 : 1.0), bytes);
  }
  return taken;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_fastest_walk_is_taken_after_a_few_trials) {
  for (const Walk fastest : {Walk::in_order, Walk::past_caches, Walk::side_by_side}) {
    WalkChoice choice;
    const auto taken = use(choice, 200, fastest);
    BOOST_TEST(taken[static_cast<std::size_t>(fastest)] == 188);
  }
}

BOOST_AUTO_TEST_CASE(widths_are_tried_by_themselves) {
  WalkChoice choice;
  use(choice, 50, Walk::past_caches);
  use(choice, 50, Walk::side_by_side, 16);
  BOOST_TEST((choice.next({8, 1}) == Walk::past_caches));
  BOOST_TEST((choice.next({16, 1}) == Walk::side_by_side));
}

BOOST_AUTO_TEST_CASE(one_slow_trial_decides_nothing_and_later_ones_count) {
  WalkChoice choice;
  choice.took({8, 1}, choice.next({8, 1}), 100.0, 1);  // from a disk, perhaps
  use(choice, 1020, Walk::in_order);
  BOOST_TEST((choice.next({8, 1}) == Walk::in_order));
  use(choice, 60, Walk::side_by_side);
  BOOST_TEST((choice.next({8, 1}) == Walk::side_by_side));
}

BOOST_AUTO_TEST_SUITE_END()
