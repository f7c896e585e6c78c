// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class BertPreTokenizer final : public PreTokenizer {
 public:
  void split(Piece piece, PieceSink sink) const override {
    auto at_punctuation = [&](Piece word) {
      split_at_characters(word, is_punctuation, SplitBehavior::isolated, sink);
    };
    split_at_characters(piece, is_whitespace, SplitBehavior::removed, at_punctuation);
  }
};

}  // namespace

std::unique_ptr<PreTokenizer> make_bert_pre_tokenizer(const Settings&) {
  return std::make_unique<BertPreTokenizer>();
}

}  // namespace mhub::text
