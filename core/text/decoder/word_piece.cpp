// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/decoder/kinds.hpp"
#include "mhub/text/replace_all.hpp"

namespace mhub::text {
namespace {

/// Tokens with the prefix continue a word, others begin one after a space.
class WordPieceDecoder final : public Decoder {
 public:
  explicit WordPieceDecoder(const Settings& settings)
      : prefix_(settings.string("prefix")), cleanup_(settings.boolean("cleanup")) {}

  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      if (&token != &tokens.front()) {
        if (token.starts_with(prefix_)) {
          token.erase(0, prefix_.size());
        } else {
          token.insert(0, " ");
        }
      }
      if (cleanup_) clean_up_spaces(token, true);
    }
  }

 private:
  std::string prefix_;
  bool cleanup_;
};

}  // namespace

std::unique_ptr<Decoder> make_word_piece_decoder(const Settings& settings) {
  return std::make_unique<WordPieceDecoder>(settings);
}

}  // namespace mhub::text
