// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "mhub/text/byte_trie.hpp"
#include "mhub/text/normalizer/normalizer.hpp"
#include "mhub/text/regex.hpp"
#include "mhub/text/token_id.hpp"
#include "mhub/text/vocabulary.hpp"

namespace mhub::text {

/// A token that is found in the text before anything else looks at it.
struct AddedToken {
  std::string content;
  bool single_word = false;  ///< only where no word character stands beside it
  bool lstrip = false;       ///< takes white space in front of it along
  bool rstrip = false;       ///< takes white space behind it along
  bool normalized = true;    ///< is looked for in the normalized text, itself normalized
  bool special = false;      ///< left out of decoded text on request
  bool operator==(const AddedToken&) const = default;
};

/// From an object of "added_tokens" or "added_tokens_decoder". Throws InputError.
AddedToken added_token(const Settings& settings);

/// Added tokens on top of a model's vocabulary.
class AddedVocabulary {
 public:
  /// A token that the model has keeps the model's id, another one gets the next free id. One that is there
  /// already with other properties takes the new ones.
  void add(const AddedToken& token, const Vocabulary& model);
  /// After the last `add`, before any text is split. `origin` begins errors.
  void prepare(const Normalizer* normalizer, const std::string& origin);
  /// Special tokens in text are no longer found (transformers' split_special_tokens).
  void ignore_special_tokens() { ignore_special_ = true; }

  std::optional<TokenId> id_of(const std::string& content) const;
  /// Null for an id that is not an added token's.
  const AddedToken* token_of(TokenId id) const;
  bool is_special(const std::string& content) const { return special_.contains(content); }
  const std::unordered_map<std::string, TokenId>& ids() const { return ids_; }

  /// Which of the two kinds of tokens to look for.
  enum class In { original_text, normalized_text };
  /// Parts of `text` in order, none of them left out: either an added token or text between such.
  struct Part {
    Range range;
    std::optional<TokenId> token;
  };
  std::vector<Part> split(std::string_view text, In where) const;

 private:
  TokenId next_id(const Vocabulary& model) const;

  std::unordered_map<std::string, TokenId> ids_;
  std::unordered_map<TokenId, AddedToken> tokens_;
  std::unordered_set<std::string> special_;
  std::vector<AddedToken> order_;  ///< every version that was added, special tokens or not
  TokenId highest_ = -1;
  bool ignore_special_ = false;
  ByteTrie original_, normalized_;  ///< values are ids
};

}  // namespace mhub::text
