// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class WhitespaceSplit final : public PreTokenizer {
 public:
  void split(Piece piece, PieceSink sink) const override {
    split_at_characters(piece, is_whitespace, SplitBehavior::removed, sink);
  }
};

}  // namespace

std::unique_ptr<PreTokenizer> make_whitespace_split(const Settings&) {
  return std::make_unique<WhitespaceSplit>();
}

}  // namespace mhub::text
