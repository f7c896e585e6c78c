// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/metaspace_settings.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"

namespace mhub::text {
namespace {

class Metaspace final : public PreTokenizer {
 public:
  explicit Metaspace(const Settings& settings)
      : metaspace_(settings), split_(settings.boolean("split", true)) {}

  void split(Piece piece, PieceSink sink) const override {
    const std::string& mark = metaspace_.replacement;
    std::string text;
    text.reserve(piece.text.size() + piece.text.size() / 4 + mark.size());
    if (wants_prefix(piece)) text = mark;
    for (const char c : piece.text) {
      if (c == ' ') {
        text += mark;
      } else {
        text += c;
      }
    }
    if (split_) {
      split_at_literal({text, piece.at_start}, mark, SplitBehavior::merged_with_next, sink);
    } else {
      sink({text, piece.at_start});
    }
  }

 private:
  bool wants_prefix(Piece piece) const {
    if (piece.text.starts_with(' ') || piece.text.starts_with(metaspace_.replacement)) return false;
    return metaspace_.scheme == PrependScheme::always ||
           (metaspace_.scheme == PrependScheme::first && piece.at_start);
  }

  MetaspaceSettings metaspace_;
  bool split_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_metaspace_pre_tokenizer(const Settings& settings) {
  return std::make_unique<Metaspace>(settings);
}

}  // namespace mhub::text
