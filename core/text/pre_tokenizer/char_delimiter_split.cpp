// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"

namespace mhub::text {
namespace {

class CharDelimiterSplit final : public PreTokenizer {
 public:
  explicit CharDelimiterSplit(const Settings& settings) {
    append_character(delimiter_, settings.character("delimiter"));
  }
  void split(Piece piece, PieceSink sink) const override {
    split_at_literal(piece, delimiter_, SplitBehavior::removed, sink);
  }

 private:
  std::string delimiter_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_char_delimiter_split(const Settings& settings) {
  return std::make_unique<CharDelimiterSplit>(settings);
}

}  // namespace mhub::text
