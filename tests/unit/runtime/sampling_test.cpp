// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/sampling.hpp"

#include <cmath>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "mhub/runtime/largest.hpp"
#include "runtime/random_values.hpp"

BOOST_AUTO_TEST_SUITE(sampling)

using namespace mhub;
using namespace mhub::runtime;

namespace {

std::vector<Candidate> drawn_from(const std::vector<float>& logits, const SamplingOptions& options) {
  return candidates(logits, options);
}

std::vector<std::int64_t> tokens(const std::vector<Candidate>& list) {
  std::vector<std::int64_t> result;
  for (const Candidate& one : list) result.push_back(one.token);
  return result;
}

/// Logits whose softmax is 0.1, 0.4, 0.2, 0.3.
std::vector<float> ten_forty_twenty_thirty() {
  return {std::log(0.1F), std::log(0.4F), std::log(0.2F), std::log(0.3F)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(greedy_takes_the_first_of_the_largest) {
  std::vector<float> logits{1, 3, 3, 2};
  SamplingRandom random(0);
  BOOST_TEST(choose(logits, {}, random) == 1);
}

BOOST_AUTO_TEST_CASE(temperature_scales_logits) {
  SamplingOptions options{.do_sample = true, .temperature = 0.5};
  const auto list = drawn_from(ten_forty_twenty_thirty(), options);
  // Probabilities squared and normalised: 1, 16, 4, 9 of 30.
  BOOST_TEST(list[0].token == 1);
  BOOST_TEST(std::abs(list[0].probability - 16.0 / 30) < 1e-6);
  BOOST_TEST(std::abs(list[3].probability - 1.0 / 30) < 1e-6);
}

BOOST_AUTO_TEST_CASE(filters) {
  const std::vector<float> logits = ten_forty_twenty_thirty();
  using Tokens = std::vector<std::int64_t>;
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_k = 2})) == (Tokens{1, 3}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_k = 100})) == (Tokens{1, 3, 2, 0}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_p = 0.39})) == (Tokens{1}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_p = 0.69})) == (Tokens{1, 3}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_p = 0.71})) == (Tokens{1, 3, 2}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .min_p = 0.6})) == (Tokens{1, 3}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .min_p = 1.0})) == (Tokens{1}));
  // Top-p counts what top-k left: 0.4 and 0.3 are then 4/7 and 3/7.
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_k = 2, .top_p = 0.55})) == (Tokens{1}));
  double sum = 0;
  for (const Candidate& one : drawn_from(logits, {.do_sample = true, .top_k = 3, .top_p = 0.9, .min_p = 0.1}))
    sum += one.probability;
  BOOST_TEST(std::abs(sum - 1) < 1e-12);
}

BOOST_AUTO_TEST_CASE(ties_with_the_last_of_top_k_stay) {
  const std::vector<float> logits{1, 2, 1, 3, 1, 0};
  using Tokens = std::vector<std::int64_t>;
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_k = 2})) == (Tokens{3, 1}));
  BOOST_TEST(tokens(drawn_from(logits, {.do_sample = true, .top_k = 3})) == (Tokens{3, 1, 0, 2, 4}));
}

BOOST_AUTO_TEST_CASE(nothing_left_is_said) {
  const float never = -INFINITY;
  BOOST_CHECK_THROW(drawn_from({never, never}, {.do_sample = true}), InputError);
}

BOOST_AUTO_TEST_CASE(a_seed_gives_one_sequence) {
  auto draw = [](std::uint64_t seed) {
    SamplingRandom random(seed);
    std::vector<std::int64_t> result;
    for (int k = 0; k < 50; ++k) {
      std::vector<float> logits = ten_forty_twenty_thirty();
      result.push_back(choose(logits, {.do_sample = true}, random));
    }
    return result;
  };
  BOOST_TEST(draw(7) == draw(7));
  BOOST_TEST(draw(7) != draw(8));
}

BOOST_AUTO_TEST_CASE(frequencies_follow_probabilities) {
  SamplingRandom random(1);
  std::vector<int> counts(4);
  constexpr int kDraws = 20000;
  for (int k = 0; k < kDraws; ++k) {
    std::vector<float> logits = ten_forty_twenty_thirty();
    ++counts[static_cast<std::size_t>(choose(logits, {.do_sample = true}, random))];
  }
  BOOST_TEST(std::abs(counts[0] / double{kDraws} - 0.1) < 0.015);
  BOOST_TEST(std::abs(counts[1] / double{kDraws} - 0.4) < 0.015);
}

BOOST_AUTO_TEST_CASE(not_a_number_is_never_drawn) {
  SamplingRandom random(0);
  for (int k = 0; k < 20; ++k) {
    std::vector<float> logits{NAN, 0.0F, NAN};
    BOOST_TEST(choose(logits, {.do_sample = true}, random) == 1);
  }
}

BOOST_AUTO_TEST_CASE(the_largest_logits_are_enough) {
  const SamplingOptions several[]{{},
                                  {.do_sample = true, .temperature = 0.7, .top_k = 1},
                                  {.do_sample = true, .temperature = 1.3, .top_k = 5, .top_p = 0.8},
                                  {.do_sample = true, .top_k = 20, .min_p = 0.1},
                                  {.do_sample = true, .top_k = 1000}};
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::vector<float> logits = tests::random_values(300, seed, 2.0F);
    for (float& logit : logits) logit = std::round(8 * logit) / 8;  // many are equal
    logits[seed] = std::nanf("");
    for (const SamplingOptions& options : several) {
      std::vector<RowEntry> largest;
      append_largest(logits, std::min<std::int64_t>(logits_needed(options), 300), largest);
      SamplingRandom one(seed), other(seed);
      for (int k = 0; k < 5; ++k) {
        const auto chosen = choose(largest, options, one);
        const auto expected = choose(logits, options, other);
        // It draws nothing where more may tie.
        BOOST_TEST((chosen ? *chosen : choose(logits, options, one)) == expected);
      }
    }
  }
  BOOST_TEST(logits_needed({.do_sample = true, .top_p = 0.9}) == 0);
  BOOST_TEST(logits_needed({.do_sample = true, .top_k = 5}) == 6);
}

BOOST_AUTO_TEST_CASE(values_out_of_range_are_refused) {
  BOOST_CHECK_THROW(check({.do_sample = true, .temperature = 0}), UsageError);
  BOOST_CHECK_THROW(check({.do_sample = true, .temperature = NAN}), UsageError);
  BOOST_CHECK_THROW(check({.do_sample = true, .top_k = -1}), UsageError);
  BOOST_CHECK_THROW(check({.do_sample = true, .top_p = 0}), UsageError);
  BOOST_CHECK_THROW(check({.do_sample = true, .top_p = 1.5}), UsageError);
  BOOST_CHECK_THROW(check({.do_sample = true, .min_p = -0.1}), UsageError);
  BOOST_CHECK_NO_THROW(check({.top_k = -1, .top_p = 0}));  // nothing is drawn
  BOOST_CHECK_NO_THROW(check({.do_sample = true, .temperature = 0.7, .top_k = 40, .top_p = 0.9}));
}

BOOST_AUTO_TEST_SUITE_END()
