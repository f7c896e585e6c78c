// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mhub::runtime {

/// What forbids, forces or biases tokens before one is chosen. Names and meanings are those of transformers'
/// GenerationConfig (generation/logits_process.py, 5.12); all of them hold for greedy choice and sampling.
struct LogitsRules {
  struct Bias {
    std::vector<std::int64_t> tokens;  ///< at least one; the bias is the last one's, behind the others
    double bias;
  };
  std::vector<Bias> sequence_bias = {};
  double repetition_penalty = 1.0;  ///< > 0; of tokens that are in the sequence already; 1: off
  std::int64_t no_repeat_ngram_size = 0;
  std::vector<std::vector<std::int64_t>> bad_words_ids = {};
  std::int64_t min_length = 0;  ///< no end-of-sequence token before so many, those of the prompt included
  std::int64_t min_new_tokens = 0;
  std::optional<std::int64_t> forced_bos_token_id = {};  ///< behind a prompt of one token
  /// One of them is the last token that there is room for.
  std::vector<std::int64_t> forced_eos_token_id = {};
  std::vector<std::int64_t> suppress_tokens = {};
  std::vector<std::int64_t> begin_suppress_tokens = {};  ///< not as the first new token

  /// False: logits stay as they are.
  bool any() const;
};

/// Throws UsageError for a value outside its range or a token outside the vocabulary; suppressed tokens may
/// be, as in transformers.
void check(const LogitsRules& rules, std::int64_t vocabulary);

/// Where a sequence stands.
struct SequencePlace {
  std::span<const std::int64_t> history;  ///< prompt and new tokens
  std::size_t prompt;                     ///< how many of them are the prompt
  std::int64_t longest;                   ///< how many tokens the sequence may have
  std::span<const std::int64_t> eos_token_ids;
};

/// Changes the logits of the next token, in transformers' order of processors.
void apply(const LogitsRules& rules, std::span<float> logits, const SequencePlace& place);

}  // namespace mhub::runtime
