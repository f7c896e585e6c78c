// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mhub/base/file_set.hpp"
#include "mhub/text/tokenizer_parts.hpp"

namespace mhub::text {

/// What transformers reads beside the tokenizer itself: tokenizer_config.json, special_tokens_map.json and
/// added_tokens.json (the last two only when the first one has no added_tokens_decoder).
struct TokenizerConfig {
  /// Tokens of "added_tokens_decoder" or added_tokens.json, by id.
  std::vector<AddedToken> added_tokens;
  /// "bos_token" and so on, in transformers' order, then extra special tokens under an empty name.
  std::vector<std::pair<std::string, AddedToken>> special_tokens;
  std::optional<bool> add_prefix_space, add_bos_token, add_eos_token;
  std::string tokenizer_class;
  bool clean_up_spaces = false;
  bool split_special_tokens = false;

  /// The token of a role, if there is one.
  const AddedToken* special(std::string_view role) const;
};

/// Of a model; files that are not there say nothing. Throws InputError for damaged ones.
TokenizerConfig read_tokenizer_config(const FileSet& files);

/// add_prefix_space of the config goes before that of a byte-level pre-tokenizer in tokenizer.json.
void override_prefix_space(TokenizerFile& file, const TokenizerConfig& config);

/// Added and special tokens, roles and clean-up (transformers 5.12, TokenizersBackend.__init__ and
/// _post_init).
void apply_tokenizer_config(const TokenizerConfig& config, TokenizerParts& parts);

}  // namespace mhub::text
