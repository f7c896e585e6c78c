// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/small_vector.hpp"

#include <random>
#include <vector>

#include <boost/test/unit_test.hpp>

using namespace mhub;

namespace {

using Small = SmallVector<std::int64_t, 2>;

void check_same(const Small& small, const std::vector<std::int64_t>& vector) {
  BOOST_TEST(small.size() == vector.size());
  BOOST_CHECK_EQUAL_COLLECTIONS(small.begin(), small.end(), vector.begin(), vector.end());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(small_vector)

/// What is done to it has the effect that it has on a std::vector, whatever it holds.
BOOST_AUTO_TEST_CASE(behaves_as_a_vector) {
  std::mt19937 random(1);
  Small small;
  std::vector<std::int64_t> vector;
  for (int step = 0; step < 20000; ++step) {
    const auto value = static_cast<std::int64_t>(random());
    const auto at = static_cast<std::ptrdiff_t>(random() % (vector.size() + 1));
    switch (random() % 9) {
      case 0:
        small.push_back(value);
        vector.push_back(value);
        break;
      case 1:
        small.insert(small.begin() + at, value);
        vector.insert(vector.begin() + at, value);
        break;
      case 2: {
        const std::vector<std::int64_t> more(random() % 3, value);
        small.insert(small.begin() + at, more.begin(), more.end());
        vector.insert(vector.begin() + at, more.begin(), more.end());
        break;
      }
      case 3:
      case 4:
        if (vector.empty() || at == std::ssize(vector)) break;
        small.erase(small.begin() + at);
        vector.erase(vector.begin() + at);
        break;
      case 5: {
        Small copy = small;
        small = std::move(copy);
        copy = small;
        small = copy;
        break;
      }
      case 6:
        small.resize(random() % 6, value);
        vector.resize(small.size(), value);
        break;
      case 7:
        if (vector.empty()) break;
        small.push_back(small.front());  // of its own
        vector.push_back(vector.front());
        break;
      default: small.erase(small.begin() + at, small.end()); vector.erase(vector.begin() + at, vector.end());
    }
    check_same(small, vector);
  }
}

BOOST_AUTO_TEST_CASE(what_was_moved_from_is_empty) {
  for (const std::size_t size : {1U, 2U, 3U, 9U}) {
    Small from(size, 7);
    const Small to = std::move(from);
    BOOST_TEST(from.empty());  // NOLINT: that is the question
    BOOST_TEST(to.size() == size);
    from.push_back(1);
    check_same(from, {1});
  }
}

BOOST_AUTO_TEST_CASE(compares_in_order) {
  BOOST_TEST((Small{1, 2} == Small{1, 2}));
  BOOST_TEST((Small{1, 2} != Small{1, 2, 0}));
  BOOST_TEST((Small{1, 2} < Small{1, 3}));
  BOOST_TEST((Small{1, 2} < Small{1, 2, 0}));
  BOOST_CHECK_THROW(Small{1}.at(1), std::out_of_range);
}

BOOST_AUTO_TEST_SUITE_END()
