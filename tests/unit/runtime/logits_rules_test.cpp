// SPDX-License-Identifier: Apache-2.0
// The expected values follow transformers' generation/logits_process.py; tests/interop/generation_check.py
// compares with it.
#include "mhub/runtime/logits_rules.hpp"

#include <cmath>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"

BOOST_AUTO_TEST_SUITE(logits_rules)

using namespace mhub;
using namespace mhub::runtime;

namespace {

using Tokens = std::vector<std::int64_t>;

/// Logits 0, 1, 2, ... of eight tokens after the rules; the prompt is two tokens, token 7 ends a sequence.
std::vector<float> changed(const LogitsRules& rules, const Tokens& history, std::size_t prompt = 2,
                           std::int64_t longest = 100) {
  std::vector<float> logits{0, 1, 2, 3, 4, 5, 6, 7};
  const Tokens eos{7};
  apply(rules, logits, {history, prompt, longest, eos});
  return logits;
}

Tokens forbidden(const LogitsRules& rules, const Tokens& history, std::size_t prompt = 2,
                 std::int64_t longest = 100) {
  Tokens tokens;
  const std::vector<float> logits = changed(rules, history, prompt, longest);
  for (std::size_t k = 0; k < logits.size(); ++k)
    if (std::isinf(logits[k])) tokens.push_back(static_cast<std::int64_t>(k));
  return tokens;
}

}  // namespace

BOOST_AUTO_TEST_CASE(none_change_nothing) {
  BOOST_TEST(!LogitsRules{}.any());
  BOOST_TEST(changed({}, {1, 2}) == (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}));
}

BOOST_AUTO_TEST_CASE(repetition_penalty_counts_a_token_once) {
  std::vector<float> logits{2, -2, 1};
  apply({.repetition_penalty = 4.0}, logits, {Tokens{0, 1, 0, 0}, 1, 9, {}});
  BOOST_TEST(logits == (std::vector<float>{0.5F, -8.0F, 1}));
}

BOOST_AUTO_TEST_CASE(a_bias_is_the_last_token_s_behind_the_others) {
  const LogitsRules rules{.sequence_bias = {{{3}, 0.5}, {{1, 2, 4}, -1.0}, {{9, 9, 9, 5}, 9.0}}};
  BOOST_TEST(changed(rules, {0, 1, 2})[4] == 3.0F);
  BOOST_TEST(changed(rules, {0, 2, 1})[4] == 4.0F);
  BOOST_TEST(changed(rules, {0, 1})[3] == 3.5F);
}

BOOST_AUTO_TEST_CASE(no_run_of_tokens_comes_twice) {
  BOOST_TEST(forbidden({.no_repeat_ngram_size = 2}, {1, 2, 3, 1}) == (Tokens{2}));
  BOOST_TEST(forbidden({.no_repeat_ngram_size = 3}, {1, 2, 3, 1}) == Tokens{});
  BOOST_TEST(forbidden({.no_repeat_ngram_size = 1}, {1, 2, 1}) == (Tokens{1, 2}));
  BOOST_TEST(forbidden({.no_repeat_ngram_size = 9}, {1, 2}) == Tokens{});
}

BOOST_AUTO_TEST_CASE(words_are_forbidden_but_not_the_end_of_a_sequence) {
  BOOST_TEST(forbidden({.bad_words_ids = {{3}, {2, 5}, {7}}}, {1, 2}) == (Tokens{3, 5}));
  BOOST_TEST(forbidden({.bad_words_ids = {{3}, {2, 5}}}, {2, 1}) == (Tokens{3}));
}

BOOST_AUTO_TEST_CASE(no_end_before_the_least_length) {
  BOOST_TEST(forbidden({.min_length = 4}, {1, 2, 3}) == (Tokens{7}));
  BOOST_TEST(forbidden({.min_length = 3}, {1, 2, 3}) == Tokens{});
  BOOST_TEST(forbidden({.min_new_tokens = 2}, {1, 2, 3}) == (Tokens{7}));
  BOOST_TEST(forbidden({.min_new_tokens = 1}, {1, 2, 3}) == Tokens{});
}

BOOST_AUTO_TEST_CASE(forced_first_and_last_tokens) {
  BOOST_TEST(forbidden({.forced_bos_token_id = 4}, {1}, 1) == (Tokens{0, 1, 2, 3, 5, 6, 7}));
  BOOST_TEST(forbidden({.forced_bos_token_id = 4}, {1, 2}) == Tokens{});
  BOOST_TEST(forbidden({.forced_eos_token_id = {6, 7}}, {1, 2, 3}, 2, 4) == (Tokens{0, 1, 2, 3, 4, 5}));
  BOOST_TEST(forbidden({.forced_eos_token_id = {6}}, {1, 2, 3}, 2, 5) == Tokens{});
}

BOOST_AUTO_TEST_CASE(suppressed_tokens) {
  BOOST_TEST(forbidden({.suppress_tokens = {1, 99}}, {1, 2, 3}) == (Tokens{1}));
  BOOST_TEST(forbidden({.begin_suppress_tokens = {1}}, {1, 2}) == (Tokens{1}));
  BOOST_TEST(forbidden({.begin_suppress_tokens = {1}}, {1, 2, 3}) == Tokens{});
  // Behind a forced first token the answer begins one later.
  const LogitsRules both{.forced_bos_token_id = 4, .begin_suppress_tokens = {1}};
  BOOST_TEST(forbidden(both, {1, 4}, 1) == (Tokens{1}));
}

BOOST_AUTO_TEST_CASE(tokens_outside_the_vocabulary_are_refused) {
  BOOST_CHECK_THROW(check({.sequence_bias = {{{8}, 1.0}}}, 8), UsageError);
  BOOST_CHECK_THROW(check({.bad_words_ids = {{1, -1}}}, 8), UsageError);
  BOOST_CHECK_THROW(check({.bad_words_ids = {{}}}, 8), UsageError);
  BOOST_CHECK_THROW(check({.forced_bos_token_id = 8}, 8), UsageError);
  BOOST_CHECK_THROW(check({.forced_eos_token_id = {8}}, 8), UsageError);
  BOOST_CHECK_THROW(check({.repetition_penalty = 0}, 8), UsageError);
  BOOST_CHECK_NO_THROW(check({.suppress_tokens = {99}}, 8));
}

BOOST_AUTO_TEST_SUITE_END()
