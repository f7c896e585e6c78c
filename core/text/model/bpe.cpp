// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/model/byte_tokens.hpp"
#include "mhub/text/model/character_pairs.hpp"
#include "mhub/text/model/kinds.hpp"
#include "mhub/text/model/merger.hpp"
#include "mhub/text/model/word_cache.hpp"

namespace mhub::text {
namespace {

/// Byte-pair encoding: a piece starts as its characters, then neighbours merge in the order of the merge
/// list.
class Bpe final : public Model {
 public:
  explicit Bpe(const ModelFile& file);
  std::string_view kind() const override { return "BPE"; }
  std::unique_ptr<Model::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  void encode(std::string_view piece, TokenIds& ids, Model::Scratch& scratch) const override;

 private:
  struct Scratch final : Model::Scratch {
    WordCache words;
    Merger merger;
    TokenIds symbols;
  };

  void add_merges(const ModelFile& file);
  void find_cuts(const ModelFile& file);
  bool may_cut(std::string_view left, std::string_view right, char32_t before, char32_t after) const;
  void encode_word(std::string_view word, TokenIds& ids, Scratch& scratch) const;
  void append_symbols(std::string_view word, TokenIds& symbols) const;
  TokenId symbol(std::string_view text) const;
  TokenId unknown() const;

  std::string origin_;
  std::optional<std::string> unknown_token_;
  std::string prefix_;  ///< of characters inside a word
  std::string suffix_;  ///< of the last character of a word
  bool fuse_unknown_, byte_fallback_, ignore_merges_;
  ByteTokens bytes_;
  MergeTable merges_;
  std::array<TokenId, 0x180> common_symbols_{};  ///< ids of single characters, by code point; -1: none

  /// Long text is cut where no merge can reach across, so that words repeat and the cache knows them: between
  /// two characters that no merge brings together. A character without a token becomes something else first,
  /// so beside it a cut is only safe when that something never merges and never fuses.
  bool cuts_ = false;
  bool cuts_beside_unknown_ = false;
  CharacterPairs joined_;
};

Bpe::Bpe(const ModelFile& file) : Model(file), origin_(file.origin), bytes_(vocabulary()) {
  const Settings settings(file.settings, file.origin);
  unknown_token_ = settings.find_string("unk_token");
  prefix_ = settings.find_string("continuing_subword_prefix").value_or("");
  suffix_ = settings.find_string("end_of_word_suffix").value_or("");
  fuse_unknown_ = settings.boolean("fuse_unk", false);
  byte_fallback_ = settings.boolean("byte_fallback", false);
  ignore_merges_ = settings.boolean("ignore_merges", false);
  if (settings.has("dropout") && settings.json()["dropout"] != 0)
    settings.fail("\"dropout\" makes ids random; set it to null");
  for (char32_t c = 0; c < common_symbols_.size(); ++c) {
    std::string text;
    append_character(text, c);
    common_symbols_[c] = vocabulary().id_of(text).value_or(-1);
  }
  add_merges(file);
  if (prefix_.empty() && suffix_.empty() && !ignore_merges_) find_cuts(file);
}

void Bpe::add_merges(const ModelFile& file) {
  merges_ = MergeTable(file.merges.size());
  const auto id_of = [&](const std::string& token) {
    const auto id = vocabulary().id_of(token);
    if (!id)
      throw InputError(origin_ + ": the merges use the token \"" + token +
                       "\", which is not in the vocabulary");
    return *id;
  };
  std::string merged;
  for (std::uint32_t rank = 0; rank < file.merges.size(); ++rank) {
    const auto& [left, right] = file.merges[rank];
    if (right.size() < prefix_.size())
      throw InputError(origin_ + ": the merge of \"" + left + "\" with \"" + right +
                       "\" lacks the prefix \"" + prefix_ + "\"");
    merged.assign(left).append(right, prefix_.size());
    merges_.set(id_of(left), id_of(right), {rank, id_of(merged)});
  }
}

void Bpe::find_cuts(const ModelFile& file) {
  cuts_ = true;
  cuts_beside_unknown_ = byte_fallback_ && bytes_.complete();
  for (const auto& [left, right] : file.merges) {
    if (left.empty() || right.empty()) continue;
    std::size_t last = previous_boundary(left, left.size());
    std::size_t first = 0;
    joined_.add(next_character(left, last), next_character(right, first));
    if (byte_token_value(left) || byte_token_value(right)) cuts_beside_unknown_ = false;
  }
}

void Bpe::encode(std::string_view piece, TokenIds& ids, Model::Scratch& scratch_base) const {
  auto& scratch = static_cast<Scratch&>(scratch_base);
  if (!cuts_ || piece.size() <= WordCache::kLongestWord) return encode_word(piece, ids, scratch);
  std::size_t word = 0;
  std::size_t at = 0;
  std::size_t previous = 0;
  char32_t before = next_character(piece, at);
  while (at < piece.size()) {
    const std::size_t here = at;
    const char32_t after = next_character(piece, at);
    if (!joined_.contains(before, after) &&
        may_cut(piece.substr(previous, here - previous), piece.substr(here, at - here), before, after)) {
      encode_word(piece.substr(word, here - word), ids, scratch);
      word = here;
    }
    before = after;
    previous = here;
  }
  encode_word(piece.substr(word), ids, scratch);
}

bool Bpe::may_cut(std::string_view left, std::string_view right, char32_t before, char32_t after) const {
  if (cuts_beside_unknown_) return true;
  const auto known = [&](std::string_view text, char32_t c) {
    return (c < common_symbols_.size() ? common_symbols_[c] : symbol(text)) >= 0;
  };
  return known(left, before) && known(right, after);
}

void Bpe::encode_word(std::string_view word, TokenIds& ids, Scratch& scratch) const {
  const bool short_word = word.size() <= WordCache::kLongestWord;
  if (short_word && scratch.words.find(word, ids)) return;
  TokenIds& symbols = scratch.symbols;
  symbols.clear();
  if (const auto id = ignore_merges_ ? vocabulary().id_of(word) : std::nullopt) {
    symbols.push_back(*id);
  } else {
    append_symbols(word, symbols);
    scratch.merger.merge(symbols, merges_);
  }
  ids.insert(ids.end(), symbols.begin(), symbols.end());
  if (short_word) scratch.words.insert(word, symbols);
}

void Bpe::append_symbols(std::string_view word, TokenIds& symbols) const {
  // An unknown token is held back until a known one comes, so that others can fuse with it; bytes overtake it
  // (as in the tokenizers package).
  constexpr TokenId kNone = -1;
  TokenId held = kNone;
  const auto release = [&] {
    if (held != kNone) symbols.push_back(held);
    held = kNone;
  };
  std::string affixed;
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t begin = at;
    const char32_t c = next_character(word, at);
    std::string_view text = word.substr(begin, at - begin);
    const bool inside = begin > 0 && !prefix_.empty();
    const bool last = at == word.size() && !suffix_.empty();
    if (inside || last) {
      affixed.assign(inside ? prefix_ : "").append(text).append(last ? suffix_ : "");
      text = affixed;
    }
    const bool plain = !inside && !last && c < common_symbols_.size();
    if (const TokenId id = plain ? common_symbols_[c] : symbol(text); id >= 0) {
      release();
      symbols.push_back(id);
    } else if (!(byte_fallback_ && bytes_.append(text, symbols)) && unknown_token_) {
      if (!fuse_unknown_) release();
      held = unknown();
    }
  }
  release();
}

TokenId Bpe::symbol(std::string_view text) const { return vocabulary().id_of(text).value_or(-1); }

TokenId Bpe::unknown() const {
  const auto id = vocabulary().id_of(*unknown_token_);
  if (!id) throw InputError(origin_ + ": unk_token \"" + *unknown_token_ + "\" is not in the vocabulary");
  return *id;
}

}  // namespace

std::unique_ptr<Model> make_bpe_model(const ModelFile& file) { return std::make_unique<Bpe>(file); }

}  // namespace mhub::text
