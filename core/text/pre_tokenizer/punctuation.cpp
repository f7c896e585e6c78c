// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class Punctuation final : public PreTokenizer {
 public:
  explicit Punctuation(const Settings& settings)
      : behavior_(settings.has("behavior") ? split_behavior(settings, "behavior") : SplitBehavior::isolated) {
  }
  void split(Piece piece, PieceSink sink) const override {
    split_at_characters(piece, is_punctuation, behavior_, sink);
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_punctuation_pre_tokenizer(const Settings& settings) {
  return std::make_unique<Punctuation>(settings);
}

}  // namespace mhub::text
