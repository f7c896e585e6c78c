// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/tokenizer.hpp"

#include <filesystem>
#include <mutex>
#include <vector>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/files/tokenizer_files.hpp"
#include "mhub/text/replace_all.hpp"
#include "mhub/text/tokenizer_parts.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub {

using namespace text;

struct Tokenizer::State {
  explicit State(TokenizerParts p) : parts(std::move(p)) {}

  /// Scratch memory goes from call to call, so that words stay known; calls at the same time have one each.
  std::unique_ptr<Model::Scratch> take_scratch() {
    const std::lock_guard lock(mutex);
    if (free.empty()) return parts.model->make_scratch();
    auto scratch = std::move(free.back());
    free.pop_back();
    return scratch;
  }
  void give_back(std::unique_ptr<Model::Scratch> scratch) {
    const std::lock_guard lock(mutex);
    free.push_back(std::move(scratch));
  }

  void encode_text(std::string_view text, TokenIds& ids, Model::Scratch& scratch) const;
  void encode_part(std::string_view text, bool at_start, TokenIds& ids, Model::Scratch& scratch) const;
  void encode_normalized(const NormalizedText& text, TokenIds& ids, Model::Scratch& scratch) const;

  const TokenizerParts parts;
  std::mutex mutex;
  std::vector<std::unique_ptr<Model::Scratch>> free;
};

void Tokenizer::State::encode_text(std::string_view text, TokenIds& ids, Model::Scratch& scratch) const {
  for (const AddedVocabulary::Part& part : parts.added.split(text, AddedVocabulary::In::original_text)) {
    if (part.token) {
      ids.push_back(*part.token);
    } else {
      encode_part(text.substr(part.range.begin, part.range.end - part.range.begin), part.range.begin == 0,
                  ids, scratch);
    }
  }
}

void Tokenizer::State::encode_part(std::string_view text, bool at_start, TokenIds& ids,
                                   Model::Scratch& scratch) const {
  NormalizedText normalized{std::string(text), at_start};
  if (parts.normalizer) parts.normalizer->normalize(normalized);
  encode_normalized(normalized, ids, scratch);
}

void Tokenizer::State::encode_normalized(const NormalizedText& text, TokenIds& ids,
                                         Model::Scratch& scratch) const {
  auto to_model = [&](Piece piece) { parts.model->encode(piece.text, ids, scratch); };
  for (const AddedVocabulary::Part& part :
       parts.added.split(text.text, AddedVocabulary::In::normalized_text)) {
    const Piece piece{std::string_view(text.text).substr(part.range.begin, part.range.end - part.range.begin),
                      text.at_start && part.range.begin == 0};
    if (part.token) {
      ids.push_back(*part.token);
    } else if (parts.pre_tokenizer) {
      parts.pre_tokenizer->split(piece, to_model);
    } else {
      to_model(piece);
    }
  }
}

Tokenizer::Tokenizer(TokenizerParts parts) {
  parts.added.prepare(parts.normalizer.get(), parts.path);
  state_ = std::make_shared<State>(std::move(parts));
}

Tokenizer Tokenizer::from_directory(const std::string& directory) {
  if (!std::filesystem::is_directory(directory)) throw InputError(directory + ": no such folder");
  return from_files(*folder_files(directory));
}

bool Tokenizer::is_in(const FileSet& files) {
  return files.has("tokenizer.json") || files.has("tokenizer.model") ||
         (files.has("vocab.json") && files.has("merges.txt"));
}

Tokenizer Tokenizer::from_files(const FileSet& files) { return Tokenizer(read_tokenizer(files)); }

Tokenizer Tokenizer::from_file(const std::string& path) {
  return Tokenizer(make_parts(read_tokenizer_json(path)));
}

TokenIds Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::string repaired;
  if (!is_utf8(text)) {
    repaired = replace_invalid_utf8(text);
    text = repaired;
  }
  const WorkLimit limit(text.size(), state_->parts.path);
  TokenIds ids;
  ids.reserve(text.size() / 4 + 8);
  auto scratch = state_->take_scratch();
  state_->encode_text(text, ids, *scratch);
  state_->give_back(std::move(scratch));
  if (options.add_special_tokens && state_->parts.post_processor) state_->parts.post_processor->process(ids);
  return ids;
}

std::string Tokenizer::decode(std::span<const TokenId> ids, DecodeOptions options) const {
  const TokenizerParts& parts = state_->parts;
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const TokenId id : ids) {
    auto token = token_of(id);
    if (!token || (options.skip_special_tokens && parts.added.is_special(*token))) continue;
    tokens.push_back(std::move(*token));
  }
  std::size_t bytes = 0;
  for (const std::string& token : tokens) bytes += token.size();
  const WorkLimit limit(bytes, parts.path);
  if (parts.decoder) parts.decoder->decode(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    if (!parts.decoder && &token != &tokens.front()) text += ' ';
    text += token;
  }
  if (parts.clean_up_spaces) clean_up_spaces(text, false);
  return text;
}

std::size_t Tokenizer::vocab_size() const {
  const Vocabulary& vocabulary = state_->parts.model->vocabulary();
  std::size_t size = vocabulary.size();
  for (const auto& [token, id] : state_->parts.added.ids()) size += vocabulary.id_of(token) ? 0 : 1;
  return size;
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  if (const auto id = state_->parts.added.id_of(std::string(token))) return id;
  return state_->parts.model->vocabulary().id_of(token);
}

std::optional<std::string> Tokenizer::token_of(TokenId id) const {
  if (const AddedToken* added = state_->parts.added.token_of(id)) return added->content;
  const auto token = state_->parts.model->vocabulary().token_of(id);
  return token ? std::optional<std::string>(*token) : std::nullopt;
}

bool Tokenizer::is_special(TokenId id) const {
  const AddedToken* added = state_->parts.added.token_of(id);
  return added != nullptr && state_->parts.added.is_special(added->content);
}

std::optional<TokenId> Tokenizer::special_id(std::string_view role) const {
  const auto it = state_->parts.roles.find(role);
  return it == state_->parts.roles.end() ? std::nullopt : std::optional(it->second);
}

}  // namespace mhub
