// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"

namespace mhub::text {
namespace {

class Split final : public PreTokenizer {
 public:
  explicit Split(const Settings& settings)
      : regex_(settings.pattern("pattern")),
        behavior_(split_behavior(settings, "behavior")),
        invert_(settings.boolean("invert")) {}
  void split(Piece piece, PieceSink sink) const override {
    split_at_matches(piece, regex_, invert_, behavior_, sink);
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_split_pre_tokenizer(const Settings& settings) {
  return std::make_unique<Split>(settings);
}

}  // namespace mhub::text
