// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "mhub/base/file_set.hpp"
#include "mhub/text/token_id.hpp"

namespace mhub {

namespace text {
struct TokenizerParts;
}

struct EncodeOptions {
  bool add_special_tokens = true;  ///< those that the tokenizer's post-processor puts around a text
};

struct DecodeOptions {
  bool skip_special_tokens = false;
};

/// Text to token ids and back, with the ids of the Hugging Face `tokenizers` package. Immutable and
/// thread-safe; copies share what was loaded.
class Tokenizer {
 public:
  /// Loads the tokenizer of a model folder: tokenizer.json, or tokenizer.model (SentencePiece), or vocab.json
  /// with merges.txt (byte-level BPE); tokenizer_config.json and its companions as transformers'
  /// AutoTokenizer reads them. Throws InputError when there is none or a file is damaged.
  static Tokenizer from_directory(const std::string& directory);
  /// The same from such files wherever they are.
  static Tokenizer from_files(const FileSet& files);
  /// Whether there are such files.
  static bool is_in(const FileSet& files);
  /// A single tokenizer.json without regard to the files beside it, as the `tokenizers` package does.
  static Tokenizer from_file(const std::string& path);

  /// `text` may be any bytes; what is not UTF-8 is read as U+FFFD, as Python's decode(errors="replace") does.
  TokenIds encode(std::string_view text, EncodeOptions options = {}) const;
  /// Valid UTF-8. Ids without a token are left out.
  std::string decode(std::span<const TokenId> ids, DecodeOptions options = {}) const;

  /// Number of tokens, added ones included.
  std::size_t vocab_size() const;
  std::optional<TokenId> id_of(std::string_view token) const;
  /// As it stands in the vocabulary, not decoded.
  std::optional<std::string> token_of(TokenId id) const;
  bool is_special(TokenId id) const;
  /// The token that tokenizer_config.json names for a role: "bos_token", "eos_token", "pad_token",
  /// "unk_token", ...
  std::optional<TokenId> special_id(std::string_view role) const;

 private:
  explicit Tokenizer(text::TokenizerParts parts);
  friend class StreamDecoder;
  struct State;
  std::shared_ptr<State> state_;
};

/// Decodes ids one by one, for text that is shown while it is generated. The pieces put together are what
/// decode() makes of all ids (except that spaces are not cleaned up across pieces); none ends inside a
/// character.
class StreamDecoder {
 public:
  explicit StreamDecoder(Tokenizer tokenizer, DecodeOptions options = {});
  /// The text that is certain after this token; empty while a character is incomplete.
  std::string put(TokenId id);
  /// The rest, with U+FFFD for a character that never became complete.
  std::string finish();

 private:
  std::string decode_window() const;

  Tokenizer tokenizer_;
  DecodeOptions options_;
  TokenIds window_;          ///< ids whose text is not certain, behind enough ids to decode them in context
  std::size_t context_ = 0;  ///< ids of the window that were already shown
  std::string shown_;        ///< the text of those
};

}  // namespace mhub
