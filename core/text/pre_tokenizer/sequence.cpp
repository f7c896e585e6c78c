// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <vector>

#include "mhub/text/pre_tokenizer/kinds.hpp"

namespace mhub::text {
namespace {

class PreTokenizerSequence final : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(const Settings& settings) {
    for (const Settings& part : settings.objects("pretokenizers")) parts_.push_back(make_pre_tokenizer(part));
  }
  void split(Piece piece, PieceSink sink) const override { split_from(0, piece, sink); }

 private:
  void split_from(std::size_t part, Piece piece, PieceSink sink) const {
    if (part == parts_.size()) return sink(piece);
    auto next = [&](Piece split) { split_from(part + 1, split, sink); };
    parts_[part]->split(piece, next);
  }

  std::vector<std::unique_ptr<PreTokenizer>> parts_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_pre_tokenizer_sequence(const Settings& settings) {
  return std::make_unique<PreTokenizerSequence>(settings);
}

}  // namespace mhub::text
