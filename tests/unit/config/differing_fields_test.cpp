// SPDX-License-Identifier: Apache-2.0
// What counts as the same setting in two descriptions of a model.
#include <boost/test/unit_test.hpp>

#include "mhub/config/transformer_config.hpp"

using namespace mhub;

BOOST_AUTO_TEST_CASE(numbers_are_the_same_up_to_single_precision) {
  TransformerConfig one, other;
  one.layernorm_epsilon = other.layernorm_epsilon = 1e-6;
  BOOST_TEST(differing_fields(one, other).empty());
  other.layernorm_epsilon = static_cast<double>(1e-6F);
  BOOST_TEST(differing_fields(one, other).empty());
  other.layernorm_epsilon = 1.001e-6;
  BOOST_REQUIRE_EQUAL(differing_fields(one, other).size(), 1U);
  BOOST_TEST(differing_fields(one, other).front().find("layernorm_epsilon") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(to_choose_all_groups_of_experts_is_no_choice) {
  TransformerConfig one;
  one.moe.emplace().num_experts = 8;
  TransformerConfig other = one;
  for (const std::int64_t groups : {1, 4}) {
    other.moe->router_num_groups = other.moe->router_group_topk = groups;
    other.moe->router_group_score_topk = 2;
    BOOST_TEST(differing_fields(one, other).empty());
  }
  other.moe->router_group_topk = 2;
  BOOST_TEST(differing_fields(one, other).size() == 3U);
}
