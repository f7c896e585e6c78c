// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "mhub/base/error.hpp"
#include "mhub/base/utf8.hpp"
#include "mhub/text/byte_trie.hpp"
#include "mhub/text/model/byte_tokens.hpp"
#include "mhub/text/model/kinds.hpp"
#include "mhub/text/model/word_cache.hpp"
#include "mhub/text/work_limit.hpp"

namespace mhub::text {
namespace {

/// SentencePiece's unigram model: of all ways to write a piece as tokens the one with the highest sum of
/// scores.
class Unigram final : public Model {
 public:
  explicit Unigram(const ModelFile& file);
  std::string_view kind() const override { return "Unigram"; }
  std::unique_ptr<Model::Scratch> make_scratch() const override { return std::make_unique<Scratch>(); }
  void encode(std::string_view piece, TokenIds& ids, Model::Scratch& scratch) const override;

 private:
  /// The best path that ends at a byte.
  struct Node {
    double score = 0;
    std::size_t begin = kNowhere;  ///< of the path's last token
    TokenId id = 0;
  };
  struct Scratch final : Model::Scratch {
    WordCache words;
    std::vector<Node> best;
    std::vector<std::pair<std::size_t, std::size_t>> parts;
  };
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  void find_best_path(std::string_view piece, std::vector<Node>& best) const;
  void append_part(std::string_view part, TokenIds& ids) const;
  TokenId unknown() const;

  std::string origin_;
  std::optional<TokenId> unknown_;
  bool byte_fallback_;
  double unknown_score_ = 0;
  std::vector<double> scores_;
  ByteTokens bytes_;
  ByteTrie tokens_;
};

Unigram::Unigram(const ModelFile& file) : Model(file), origin_(file.origin), bytes_(vocabulary()) {
  constexpr double kUnknownPenalty = 10;  // sentencepiece, unigram_model.cc, kUnkPenalty
  const Settings settings(file.settings, file.origin);
  if (!file.scored) settings.fail("the vocabulary of a Unigram model must be a list of [token, score]");
  byte_fallback_ = settings.boolean("byte_fallback", false);
  if (settings.has("unk_id")) {
    const std::uint64_t id = settings.count("unk_id", 0);
    if (id >= file.vocabulary.size())
      settings.fail("unk_id " + std::to_string(id) + " is not in the vocabulary of " +
                    std::to_string(file.vocabulary.size()));
    unknown_ = static_cast<TokenId>(id);
  }
  double lowest = std::numeric_limits<double>::infinity();
  std::vector<std::pair<std::string_view, std::uint32_t>> keys;
  for (const ModelFile::Entry& entry : file.vocabulary) {
    scores_.push_back(entry.score);
    lowest = std::min(lowest, entry.score);
    keys.emplace_back(entry.token, static_cast<std::uint32_t>(entry.id));
  }
  unknown_score_ = lowest - kUnknownPenalty;
  tokens_ = ByteTrie(std::move(keys));
}

void Unigram::encode(std::string_view piece, TokenIds& ids, Model::Scratch& scratch_base) const {
  auto& scratch = static_cast<Scratch&>(scratch_base);
  const bool short_piece = piece.size() <= WordCache::kLongestWord;
  if (short_piece && scratch.words.find(piece, ids)) return;
  find_best_path(piece, scratch.best);
  // From the end to the start; unknown tokens next to each other are one part.
  scratch.parts.clear();
  bool after_unknown = false;
  for (std::size_t end = piece.size(); end > 0; end = scratch.best[end].begin) {
    const Node& node = scratch.best[end];
    const bool is_unknown = unknown_ && node.id == *unknown_;
    if (is_unknown && after_unknown) {
      scratch.parts.back().first = node.begin;
    } else {
      scratch.parts.emplace_back(node.begin, end);
    }
    after_unknown = is_unknown;
  }
  const std::size_t first = ids.size();
  for (auto part = scratch.parts.rbegin(); part != scratch.parts.rend(); ++part)
    append_part(piece.substr(part->first, part->second - part->first), ids);
  if (short_piece) scratch.words.insert(piece, std::span(ids).subspan(first));
}

void Unigram::find_best_path(std::string_view piece, std::vector<Node>& best) const {
  best.assign(piece.size() + 1, Node());
  const auto offer = [&](std::size_t begin, std::size_t end, double score, TokenId id) {
    Node& node = best[end];
    if (node.begin == kNowhere || score > node.score) node = {score, begin, id};
  };
  for (std::size_t begin = 0; begin < piece.size();) {
    const double so_far = best[begin].score;
    const std::size_t character = utf8_length(piece[begin]);
    bool single = false;  // a token is just this character
    ByteTrie::Node node = ByteTrie::kRoot;
    std::size_t end = begin;
    while (end < piece.size()) {
      const auto next = tokens_.child(node, piece[end++]);
      if (!next) break;
      node = *next;
      const std::uint32_t value = tokens_.value(node);
      if (value == ByteTrie::kNoValue) continue;
      offer(begin, end, scores_[value] + so_far, static_cast<TokenId>(value));
      single = single || end - begin == character;
    }
    if (end - begin > ByteTrie::kLongWalk) WorkLimit::gone(end - begin);
    if (!single) offer(begin, begin + character, unknown_score_ + so_far, unknown());
    begin += character;
  }
}

void Unigram::append_part(std::string_view part, TokenIds& ids) const {
  if (const auto id = vocabulary().id_of(part)) {
    ids.push_back(*id);
  } else if (!(byte_fallback_ && bytes_.append(part, ids))) {
    ids.push_back(unknown());
  }
}

TokenId Unigram::unknown() const {
  if (!unknown_)
    throw InputError(origin_ + ": the text holds a character without a token, and there is no unk_id");
  return *unknown_;
}

}  // namespace

std::unique_ptr<Model> make_unigram_model(const ModelFile& file) { return std::make_unique<Unigram>(file); }

}  // namespace mhub::text
