// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/byte_trie.hpp"
#include "mhub/text/model/kinds.hpp"
#include "mhub/text/model/word_cache.hpp"

namespace mhub::text {
namespace {

/// BERT's model: from left to right the longest token that fits; tokens inside a word carry a prefix. A word
/// that does not work out is unknown as a whole.
class WordPiece final : public Model {
 public:
  explicit WordPiece(const ModelFile& file) : Model(file), origin_(file.origin) {
    const Settings settings(file.settings, file.origin);
    unknown_token_ = settings.find_string("unk_token").value_or("[UNK]");
    unknown_ = vocabulary().id_of(unknown_token_);
    longest_word_ = settings.count("max_input_chars_per_word", 100);
    std::vector<std::pair<std::string_view, std::uint32_t>> keys;
    for (const Vocabulary::Entry& entry : vocabulary().entries())
      keys.emplace_back(entry.token, static_cast<std::uint32_t>(entry.id));
    tokens_ = ByteTrie(std::move(keys));
    continuing_ = ByteTrie::kRoot;
    for (const char byte : settings.find_string("continuing_subword_prefix").value_or("##")) {
      if (continuing_) continuing_ = tokens_.child(*continuing_, byte);
    }
  }
  std::string_view kind() const override { return "WordPiece"; }
  std::unique_ptr<Scratch> make_scratch() const override { return std::make_unique<Cache>(); }

  void encode(std::string_view piece, TokenIds& ids, Scratch& scratch) const override {
    WordCache& cache = static_cast<Cache&>(scratch).words;
    if (piece.size() <= WordCache::kLongestWord && cache.find(piece, ids)) return;
    const std::size_t begin = ids.size();
    if (count_characters(piece) > longest_word_ || !append_tokens(piece, ids)) {
      if (!unknown_) {
        throw InputError(origin_ + ": no tokens for \"" + std::string(piece.substr(0, 40)) +
                         "\", and unk_token \"" + unknown_token_ + "\" is not in the vocabulary");
      }
      ids.resize(begin);
      ids.push_back(*unknown_);
    }
    if (piece.size() <= WordCache::kLongestWord) cache.insert(piece, std::span(ids).subspan(begin));
  }

 private:
  struct Cache final : Scratch {
    WordCache words;
  };

  bool append_tokens(std::string_view word, TokenIds& ids) const {
    std::optional<ByteTrie::Node> from = ByteTrie::kRoot;
    while (!word.empty()) {
      const auto match = from ? tokens_.longest_prefix(word, *from) : std::nullopt;
      if (!match) return false;
      ids.push_back(static_cast<TokenId>(match->value));
      word.remove_prefix(match->length);
      from = continuing_;
    }
    return true;
  }

  std::string origin_, unknown_token_;
  std::optional<TokenId> unknown_;
  std::uint64_t longest_word_ = 0;  ///< in characters
  ByteTrie tokens_;
  std::optional<ByteTrie::Node> continuing_;  ///< behind the prefix; nothing when no token has it
};

}  // namespace

std::unique_ptr<Model> make_word_piece_model(const ModelFile& file) {
  return std::make_unique<WordPiece>(file);
}

}  // namespace mhub::text
