// SPDX-License-Identifier: Apache-2.0
#include "mhub/megatron/hybrid.hpp"

#include <boost/test/unit_test.hpp>

using namespace mhub;

BOOST_AUTO_TEST_SUITE(hybrid)

/// megatron/core/models/hybrid/hybrid_layer_allocation.py: '|' stands in front of a segment's first layer.
BOOST_AUTO_TEST_CASE(a_pattern_is_cut_where_a_stage_begins) {
  BOOST_TEST(with_stages("*-*-", PipelineSplit(4, {1, 2, 1, 1, 1})) == "*-|*-");
  BOOST_TEST(with_stages("M*-M*-", PipelineSplit(6, {1, 3, 1, 1, 1})) == "M*|-M|*-");
  BOOST_TEST(with_stages("*-*-", PipelineSplit(4, {1, 2, 2, 1, 1})) == "*|-|*|-");
  BOOST_TEST(with_stages("*-", PipelineSplit(2, {1, 1, 1, 1, 1})) == "*-");
}

BOOST_AUTO_TEST_SUITE_END()
