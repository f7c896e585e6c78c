// SPDX-License-Identifier: Apache-2.0
#include "mhub/tensor/shape.hpp"

#include <boost/test/unit_test.hpp>

#include "mhub/base/config_error.hpp"

using namespace mhub;

BOOST_AUTO_TEST_SUITE(shape)

BOOST_AUTO_TEST_CASE(counts_elements_and_refuses_what_64_bits_do_not_count) {
  const std::int64_t large = std::int64_t{1} << 31;
  BOOST_TEST(numel({}) == 1);
  BOOST_TEST(numel({3, 0, 5}) == 0);
  BOOST_TEST(numel({large, large}) == large * large);
  BOOST_CHECK_THROW(numel({large, large, 2}), ConfigError);
  BOOST_TEST(!checked_numel({large, large, 2}).has_value());
  BOOST_TEST(!checked_numel({-1, 2}).has_value());
  BOOST_TEST(checked_numel({large, large, 0}).value() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
