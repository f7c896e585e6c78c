// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/added_vocabulary.hpp"

#include <algorithm>
#include <deque>
#include <limits>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/properties.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

bool word_character_before(std::string_view text, std::size_t at) {
  if (at == 0) return false;
  std::size_t begin = previous_boundary(text, at);
  return is_word_character(next_character(text, begin));
}

bool word_character_after(std::string_view text, std::size_t at) {
  return at < text.size() && is_word_character(next_character(text, at));
}

std::size_t without_space_before(std::string_view text, std::size_t end) {
  while (end > 0) {
    const std::size_t begin = previous_boundary(text, end);
    std::size_t at = begin;
    if (!is_whitespace(next_character(text, at))) break;
    end = begin;
  }
  return end;
}

std::size_t with_space_after(std::string_view text, std::size_t begin) {
  for (std::size_t at = begin; at < text.size() && is_whitespace(next_character(text, at));) begin = at;
  return begin;
}

}  // namespace

AddedToken added_token(const Settings& settings) {
  AddedToken token;
  token.content = settings.string("content");
  token.special = settings.boolean("special", false);
  token.single_word = settings.boolean("single_word", false);
  token.lstrip = settings.boolean("lstrip", false);
  token.rstrip = settings.boolean("rstrip", false);
  token.normalized = settings.boolean("normalized", !token.special);
  return token;
}

void AddedVocabulary::add(const AddedToken& token, const Vocabulary& model) {
  if (token.content.empty()) return;
  if (token.special) special_.insert(token.content);
  TokenId id;
  if (const auto known = id_of(token.content)) {
    id = *known;
  } else if (const auto in_model = model.id_of(token.content)) {
    id = *in_model;
  } else {
    id = next_id(model);
  }
  const auto there = tokens_.find(id);
  if (there != tokens_.end() && there->second == token) return;
  ids_[token.content] = id;
  tokens_[id] = token;
  highest_ = std::max(highest_, id);
  order_.push_back(token);
}

TokenId AddedVocabulary::next_id(const Vocabulary& model) const {
  if (highest_ == std::numeric_limits<TokenId>::max()) throw InputError("token ids are used up");
  return std::max(highest_ + 1, static_cast<TokenId>(model.size()));
}

void AddedVocabulary::prepare(const Normalizer* normalizer, const std::string& origin) {
  std::size_t bytes = 0;
  for (const AddedToken& token : order_) bytes += token.content.size();
  const WorkLimit limit(bytes, origin);
  std::deque<std::string> contents;  // keeps what the keys refer to in place
  std::vector<std::pair<std::string_view, std::uint32_t>> original, normalized;
  // Backwards: of tokens that normalize to the same text, the one that was added first counts.
  for (auto token = order_.rbegin(); token != order_.rend(); ++token) {
    const auto id = static_cast<std::uint32_t>(ids_.at(token->content));
    NormalizedText text{token->content, false};
    if (token->normalized && normalizer != nullptr) normalizer->normalize(text);
    contents.push_back(std::move(text.text));
    (token->normalized ? normalized : original).emplace_back(contents.back(), id);
  }
  original_ = ByteTrie(std::move(original));
  normalized_ = ByteTrie(std::move(normalized));
}

std::optional<TokenId> AddedVocabulary::id_of(const std::string& content) const {
  const auto it = ids_.find(content);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

const AddedToken* AddedVocabulary::token_of(TokenId id) const {
  const auto it = tokens_.find(id);
  return it == tokens_.end() ? nullptr : &it->second;
}

std::vector<AddedVocabulary::Part> AddedVocabulary::split(std::string_view text, In where) const {
  const ByteTrie& trie = where == In::original_text ? original_ : normalized_;
  std::vector<Part> parts;
  std::size_t done = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto match = trie.begins_with(text[at]) ? trie.longest_prefix(text.substr(at)) : std::nullopt;
    if (!match) {
      ++at;
      continue;
    }
    std::size_t begin = at;
    std::size_t end = at + match->length;
    at = end;
    const auto id = static_cast<TokenId>(match->value);
    const AddedToken& token = tokens_.at(id);
    if (ignore_special_ && special_.contains(token.content)) continue;
    if (token.single_word && (word_character_before(text, begin) || word_character_after(text, end)))
      continue;
    if (token.lstrip) begin = std::max(without_space_before(text, begin), done);
    if (token.rstrip) end = with_space_after(text, end);
    if (done < begin) parts.push_back({{done, begin}, std::nullopt});
    parts.push_back({{begin, end}, id});
    done = end;
  }
  if (done < text.size()) parts.push_back({{done, text.size()}, std::nullopt});
  return parts;
}

}  // namespace mhub::text
