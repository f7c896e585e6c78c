// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/logits_rules.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "mhub/base/error.hpp"

namespace mhub::runtime {
namespace {

using Tokens = std::vector<std::int64_t>;

constexpr float kNever = -std::numeric_limits<float>::infinity();

void forbid(std::span<float> logits, std::span<const std::int64_t> tokens) {
  for (const std::int64_t token : tokens) {
    if (token >= 0 && token < static_cast<std::int64_t>(logits.size()))
      logits[static_cast<std::size_t>(token)] = kNever;
  }
}

void force(std::span<float> logits, std::span<const std::int64_t> tokens) {
  std::fill(logits.begin(), logits.end(), kNever);
  for (const std::int64_t token : tokens) logits[static_cast<std::size_t>(token)] = 0;
}

/// Adds `bias` to a token that stands behind the others of `tokens` here.
void add_bias(std::span<float> logits, std::span<const std::int64_t> history, const Tokens& tokens,
              float bias) {
  if (tokens.size() > 1 && tokens.size() > history.size()) return;
  const auto before = history.last(tokens.size() - 1);
  if (std::equal(before.begin(), before.end(), tokens.begin()))
    logits[static_cast<std::size_t>(tokens.back())] += bias;
}

/// Divides positive and multiplies negative logits of tokens that have occurred, each once.
void penalize(std::span<float> logits, std::span<const std::int64_t> history, double penalty) {
  Tokens seen(history.begin(), history.end());
  std::sort(seen.begin(), seen.end());
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
  const auto factor = static_cast<float>(penalty);
  for (const std::int64_t token : seen) {
    float& logit = logits[static_cast<std::size_t>(token)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

/// Forbids what would end a run of `size` tokens that has occurred.
void forbid_repeated(std::span<float> logits, std::span<const std::int64_t> history, std::size_t size) {
  if (size == 0 || history.size() + 1 < size) return;
  const auto last = history.last(size - 1);
  for (std::size_t begin = 0; begin + size <= history.size(); ++begin) {
    const auto ngram = history.subspan(begin, size);
    if (std::equal(last.begin(), last.end(), ngram.begin())) forbid(logits, ngram.last(1));
  }
}

}  // namespace

bool LogitsRules::any() const {
  return !sequence_bias.empty() || repetition_penalty != 1.0 || no_repeat_ngram_size > 0 ||
         !bad_words_ids.empty() || min_length > 0 || min_new_tokens > 0 || forced_bos_token_id ||
         !forced_eos_token_id.empty() || !suppress_tokens.empty() || !begin_suppress_tokens.empty();
}

void check(const LogitsRules& rules, std::int64_t vocabulary) {
  auto require = [](bool condition, const std::string& name, const std::string& found,
                    const std::string& expected) {
    if (!condition) throw UsageError(name + " " + found + ": expected " + expected);
  };
  auto require_tokens = [&](const std::string& name, const Tokens& tokens) {
    for (const std::int64_t token : tokens)
      require(token >= 0 && token < vocabulary, name, std::to_string(token),
              "a token of the vocabulary of " + std::to_string(vocabulary));
  };
  require(rules.repetition_penalty > 0 && rules.repetition_penalty < 1e6, "repetition_penalty",
          std::to_string(rules.repetition_penalty), "a number greater than 0");
  for (const LogitsRules::Bias& one : rules.sequence_bias) {
    require(!one.tokens.empty(), "sequence_bias", "[]", "tokens");
    require_tokens("sequence_bias", one.tokens);
  }
  for (const Tokens& word : rules.bad_words_ids) {
    require(!word.empty(), "bad_words_ids", "[]", "tokens");
    require_tokens("bad_words_ids", word);
  }
  if (rules.forced_bos_token_id) require_tokens("forced_bos_token_id", {*rules.forced_bos_token_id});
  require_tokens("forced_eos_token_id", rules.forced_eos_token_id);
}

void apply(const LogitsRules& rules, std::span<float> logits, const SequencePlace& place) {
  const auto length = static_cast<std::int64_t>(place.history.size());
  const auto prompt = static_cast<std::int64_t>(place.prompt);
  for (const LogitsRules::Bias& one : rules.sequence_bias)
    add_bias(logits, place.history, one.tokens, static_cast<float>(one.bias));
  if (rules.repetition_penalty != 1.0) penalize(logits, place.history, rules.repetition_penalty);
  forbid_repeated(logits, place.history, static_cast<std::size_t>(rules.no_repeat_ngram_size));
  for (const Tokens& word : rules.bad_words_ids) {
    const bool ends = word.size() == 1 && std::find(place.eos_token_ids.begin(), place.eos_token_ids.end(),
                                                    word.front()) != place.eos_token_ids.end();
    if (!ends) add_bias(logits, place.history, word, kNever);
  }
  if (length < rules.min_length || length - prompt < rules.min_new_tokens)
    forbid(logits, place.eos_token_ids);
  if (rules.forced_bos_token_id && length == 1) force(logits, {&*rules.forced_bos_token_id, 1});
  if (!rules.forced_eos_token_id.empty() && length == place.longest - 1)
    force(logits, rules.forced_eos_token_id);
  forbid(logits, rules.suppress_tokens);
  // Behind a forced first token the answer begins one later.
  const bool forced = prompt <= 1 && rules.forced_bos_token_id;
  if (length == prompt + (forced ? 1 : 0)) forbid(logits, rules.begin_suppress_tokens);
}

}  // namespace mhub::runtime
