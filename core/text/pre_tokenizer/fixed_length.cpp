// SPDX-License-Identifier: Apache-2.0

#include "mhub/base/utf8.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"

namespace mhub::text {
namespace {

class FixedLength final : public PreTokenizer {
 public:
  explicit FixedLength(const Settings& settings) : length_(settings.count("length", 5)) {
    if (length_ == 0) settings.fail("\"length\" must not be 0");
  }
  void split(Piece piece, PieceSink sink) const override {
    for (std::size_t begin = 0; begin < piece.text.size();) {
      std::size_t end = begin;
      for (std::uint64_t i = 0; i < length_ && end < piece.text.size(); ++i)
        end += utf8_length(piece.text[end]);
      sink({piece.text.substr(begin, end - begin), piece.at_start && begin == 0});
      begin = end;
    }
  }

 private:
  std::uint64_t length_;  ///< in characters
};

}  // namespace

std::unique_ptr<PreTokenizer> make_fixed_length_pre_tokenizer(const Settings& settings) {
  return std::make_unique<FixedLength>(settings);
}

}  // namespace mhub::text
