// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

class Digits final : public PreTokenizer {
 public:
  explicit Digits(const Settings& settings)
      : behavior_(settings.boolean("individual_digits") ? SplitBehavior::isolated
                                                        : SplitBehavior::contiguous) {}
  void split(Piece piece, PieceSink sink) const override {
    split_at_characters(piece, is_numeric, behavior_, sink);
  }

 private:
  SplitBehavior behavior_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_digits_pre_tokenizer(const Settings& settings) {
  return std::make_unique<Digits>(settings);
}

}  // namespace mhub::text
