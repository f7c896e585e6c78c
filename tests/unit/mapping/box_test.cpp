// SPDX-License-Identifier: Apache-2.0
// Property tests of the box algebra against the plain list of element pairs.
#include "mhub/mapping/box.hpp"

#include <map>
#include <numeric>

#include <boost/test/unit_test.hpp>

#include "mapping/random_views.hpp"

BOOST_AUTO_TEST_SUITE(box_tests)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// A random bijection between a part of one tensor and all of a dense tensor of the part's shape.
Box random_box(std::mt19937& random) {
  const View view = random_view(random, random_shape(random));
  return zip(view, View(view.shape()));
}

std::vector<std::pair<std::int64_t, std::int64_t>> sorted_pairs(const std::vector<Box>& boxes) {
  std::vector<std::pair<std::int64_t, std::int64_t>> all;
  for (const Box& box : boxes) {
    const auto some = pairs(box);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  return all;
}

}  // namespace

BOOST_AUTO_TEST_CASE(inverse_swaps_every_pair) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const Box box = random_box(random);
    auto expected = pairs(box);
    for (auto& [s, d] : expected) std::swap(s, d);
    std::sort(expected.begin(), expected.end(),
              [](const auto& a, const auto& b) { return a.second < b.second; });
    BOOST_REQUIRE(pairs(inverted(box)) == expected);
    BOOST_REQUIRE(inverted(inverted(box)) == box);
  }
}

BOOST_AUTO_TEST_CASE(composition_equals_the_join_of_pairs) {
  std::mt19937 random(2);
  for (int round = 0; round < 20000; ++round) {
    // Both boxes see the same middle tensor, each through its own random view.
    const Shape middle = random_shape(random);
    const View left = random_view(random, middle);
    const View right = random_view(random, middle);
    const Box first = zip(View(left.shape()), left);
    const Box second = zip(right, View(right.shape()));
    std::map<std::int64_t, std::int64_t> source_of;
    for (const auto& [s, d] : pairs(first)) source_of[d] = s;
    std::vector<std::pair<std::int64_t, std::int64_t>> expected;
    for (const auto& [s, d] : pairs(second)) {
      if (source_of.contains(s)) expected.emplace_back(source_of[s], d);
    }
    BOOST_REQUIRE_MESSAGE(sorted_pairs(compose(first, second)) == expected, "round " << round);
  }
}

BOOST_AUTO_TEST_CASE(composition_with_the_inverse_is_the_identity) {
  std::mt19937 random(3);
  for (int round = 0; round < 5000; ++round) {
    const Box box = random_box(random);
    for (const auto& [a, b] : sorted_pairs(compose(box, inverted(box)))) BOOST_REQUIRE_EQUAL(a, b);
    BOOST_REQUIRE_EQUAL(static_cast<std::int64_t>(sorted_pairs(compose(box, inverted(box))).size()),
                        element_count(box));
  }
}

BOOST_AUTO_TEST_CASE(clips_tile_the_whole) {
  std::mt19937 random(4);
  for (int round = 0; round < 5000; ++round) {
    const View view = random_view(random, random_shape(random));
    const Box box = zip(View(view.shape()), view);
    const std::int64_t end = box.destination_offset + destination_span(box);
    std::vector<Box> parts;
    for (std::int64_t begin = 0; begin < end;) {
      const std::int64_t next = begin + uniform(random, 1, 40);
      for (Box& part : clipped(box, begin, next)) {
        BOOST_REQUIRE(part.destination_offset >= begin &&
                      part.destination_offset + destination_span(part) <= next);
        parts.push_back(std::move(part));
      }
      begin = next;
    }
    BOOST_REQUIRE(sorted_pairs(parts) == pairs(box));
  }
}

BOOST_AUTO_TEST_CASE(plans_of_large_tensors_stay_small) {
  // QKV of 64 heads in 8 groups of 128, then a slice of 8 ranks: three boxes and then three again, whatever
  // the size.
  const std::int64_t groups = 8, per_group = 8, dim = 128, hidden = 8192;
  const View fused = View({groups * (per_group + 2) * dim, hidden}).split(0, {groups, per_group + 2, dim});
  const View q = View({groups * per_group * dim, hidden}).split(0, {groups, per_group, dim});
  const Box box = zip(q, fused.slice(1, 0, per_group));
  BOOST_TEST(box.loops.size() == 2U);
  const std::int64_t rows = groups * (per_group + 2) * dim / 8;
  for (std::int64_t rank = 0; rank < 8; ++rank) {
    const Box slice = run_box(rank * rows * hidden, 0, rows * hidden);
    const std::vector<Box> part = compose(box, slice);
    BOOST_REQUIRE_EQUAL(part.size(), 1U);
    BOOST_TEST(element_count(part[0]) == per_group * dim * hidden);
  }
  // A transpose stays one box under a column slice.
  const View transposed = View({4096, 11008}).permute({1, 0});
  const Box turn = zip(transposed, View({11008, 4096}));
  const Box columns = zip(View({11008, 4096}).slice(1, 1024, 1024), View({11008, 1024}));
  BOOST_TEST(compose(turn, columns).size() == 1U);
}

BOOST_AUTO_TEST_CASE(views_refuse_what_does_not_fit) {
  BOOST_CHECK_THROW(View({4, 6}).split(1, {4, 2}), std::logic_error);
  BOOST_CHECK_THROW(View({4, 6}).slice(1, 3, 4), std::logic_error);
  BOOST_CHECK_THROW(View({4, 6}).slice(2, 0, 1), std::logic_error);
  BOOST_CHECK_THROW(View({4, 6}).permute({0, 0}), std::logic_error);
  BOOST_CHECK_THROW(zip(View({4, 6}), View({6, 4})), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
