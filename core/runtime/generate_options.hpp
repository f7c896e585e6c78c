// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "mhub/runtime/generation.hpp"

namespace mhub::runtime {

/// What a caller changes of the model's own generation config; nothing stays as the model has it. Names and
/// meanings are those of transformers' GenerationConfig.
struct GenerateOptions {
  /// Tokens of prompt and answer together. What the caller says of the length goes before what the model
  /// says; of the two, max_new_tokens counts where both are given. Neither says anything: 128 new tokens.
  std::optional<std::int64_t> max_length = {};
  std::optional<std::int64_t> max_new_tokens = {};
  /// Draw; false: the most likely token, whatever stands below. Not given: true where a temperature above 0,
  /// top_k, top_p or min_p is given, false for a temperature of 0, else the model's.
  std::optional<bool> do_sample = {};
  std::optional<double> temperature = {};
  std::optional<std::int64_t> top_k = {};
  std::optional<double> top_p = {}, min_p = {}, repetition_penalty = {};
  std::optional<std::int64_t> no_repeat_ngram_size = {};
  std::optional<std::int64_t> min_new_tokens = {};             ///< no end-of-sequence token before so many
  std::optional<std::vector<std::int64_t>> eos_token_id = {};  ///< each ends generation; empty: none does
  /// Text that ends generation, special tokens' too; not part of the result's text. Empty: the model's.
  std::vector<std::string> stop_strings = {};
  std::vector<std::int64_t> stop_token_ids =
      {};  ///< each ends generation; not part of the model's eos tokens
  std::uint64_t seed = 0;
  std::optional<bool> use_mtp = {};  ///< GenerationOptions::use_mtp
  bool exact = false;                ///< float32 activations in long prompts too (Precision)
  /// Called with text as it becomes certain; the pieces make up the result's text.
  std::function<void(std::string_view)> on_text = {};
};

/// The model's own settings, changed by what the caller says, for a prompt of so many tokens. Throws
/// UsageError for a value of the caller that is out of range, InputError that names the file for one of the
/// model, or for a field that mhub does not have.
GenerationOptions resolve(const GenerateOptions& options, const GenerationConfig& model, std::size_t prompt,
                          std::int64_t vocabulary);

}  // namespace mhub::runtime
