// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/router.hpp"

#include <cmath>

#include <boost/test/unit_test.hpp>

BOOST_AUTO_TEST_SUITE(router)

using namespace mhub;
using namespace mhub::runtime;

namespace {

std::vector<std::int64_t> experts(const std::vector<Choice>& choices) {
  std::vector<std::int64_t> result;
  for (const Choice& choice : choices) result.push_back(choice.expert);
  return result;
}

MoeConfig with_experts(std::int64_t count, std::int64_t topk) {
  MoeConfig moe;
  moe.num_experts = count;
  moe.router_topk = topk;
  return moe;
}

using Experts = std::vector<std::int64_t>;
/// exp of them are 1, 4, 2, 3.
const std::vector<float> kLogits{0.0F, std::log(4.0F), std::log(2.0F), std::log(3.0F)};

}  // namespace

BOOST_AUTO_TEST_CASE(softmax_over_the_chosen) {
  const auto choices = route(with_experts(4, 2), kLogits, {});
  BOOST_TEST(experts(choices) == (Experts{1, 3}));
  BOOST_TEST(std::abs(choices[0].weight - 4.0F / 7) < 1e-6F);
  BOOST_TEST(std::abs(choices[1].weight - 3.0F / 7) < 1e-6F);
}

BOOST_AUTO_TEST_CASE(softmax_over_all) {
  MoeConfig moe = with_experts(4, 2);
  moe.router_pre_softmax = true;
  moe.router_topk_scaling_factor = 2.5;
  const auto choices = route(moe, kLogits, {});
  BOOST_TEST(experts(choices) == (Experts{1, 3}));
  BOOST_TEST(std::abs(choices[0].weight - 1.0F) < 1e-6F);
  BOOST_TEST(std::abs(choices[1].weight - 0.75F) < 1e-6F);
}

BOOST_AUTO_TEST_CASE(sigmoid_with_a_correction_for_the_choice_alone) {
  MoeConfig moe = with_experts(4, 2);
  moe.router_score_function = RouterScore::sigmoid;
  const std::vector<float> correction{1.0F, 0.0F, 0.0F, 0.0F};
  const auto choices = route(moe, kLogits, correction);
  BOOST_TEST(experts(choices) == (Experts{0, 1}));
  // Sigmoids 1/2 and 4/5, made to sum to one.
  BOOST_TEST(std::abs(choices[0].weight - 0.5F / 1.3F) < 1e-6F);
  BOOST_TEST(std::abs(choices[1].weight - 0.8F / 1.3F) < 1e-6F);
  moe.router_topk = 1;
  BOOST_TEST(std::abs(route(moe, kLogits, {})[0].weight - 0.8F) < 1e-6F);  // one alone keeps its score
}

BOOST_AUTO_TEST_CASE(softmax_with_a_correction_for_the_choice_alone) {
  const MoeConfig moe = with_experts(4, 2);
  // Shares are 0.1, 0.4, 0.2, 0.3. They are corrected, not the logits: a quarter lifts the first above the
  // last.
  const std::vector<float> correction{0.25F, 0.0F, 0.0F, 0.0F};
  const auto choices = route(moe, kLogits, correction);
  BOOST_TEST(experts(choices) == (Experts{1, 0}));
  BOOST_TEST(std::abs(choices[0].weight - 0.8F) < 1e-6F);
  BOOST_TEST(std::abs(choices[1].weight - 0.2F) < 1e-6F);
}

BOOST_AUTO_TEST_CASE(groups_first) {
  MoeConfig moe = with_experts(6, 2);
  moe.router_score_function = RouterScore::sigmoid;
  moe.router_num_groups = 3;
  moe.router_group_topk = 1;
  moe.router_group_score_topk = 2;
  // The best single expert is in the first group, the best pair in the third.
  const std::vector<float> logits{3.0F, -9.0F, 0.0F, 0.0F, 1.0F, 2.0F};
  BOOST_TEST(experts(route(moe, logits, {})) == (Experts{5, 4}));
  moe.router_group_score_topk = 1;  // groups then count by their best expert
  BOOST_TEST(experts(route(moe, logits, {})) == (Experts{0, 1}));
  moe.router_group_topk = 2;
  BOOST_TEST(experts(route(moe, logits, {})) == (Experts{0, 5}));
}

BOOST_AUTO_TEST_CASE(equal_logits_take_the_first) {
  BOOST_TEST(experts(route(with_experts(4, 2), std::vector<float>(4, 0.5F), {})) == (Experts{0, 1}));
}

BOOST_AUTO_TEST_SUITE_END()
