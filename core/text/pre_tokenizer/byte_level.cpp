// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/byte_level_alphabet.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/pre_tokenizer/splitter.hpp"

namespace mhub::text {
namespace {

/// GPT-2's pattern (encoder.py), as the tokenizers package has it.
constexpr const char* kPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

class ByteLevel final : public PreTokenizer {
 public:
  explicit ByteLevel(const Settings& settings)
      : add_prefix_space_(settings.boolean("add_prefix_space")),
        use_regex_(settings.boolean("use_regex", true)),
        regex_(kPattern, settings.origin()) {}

  void split(Piece piece, PieceSink sink) const override {
    std::string prefixed;
    if (add_prefix_space_ && !piece.text.starts_with(' ')) {
      prefixed.reserve(piece.text.size() + 1);
      prefixed.append(" ").append(piece.text);
      piece.text = prefixed;
    }
    std::string characters;
    auto map_bytes = [&](Piece part) {
      characters.clear();
      append_byte_characters(characters, part.text);
      sink({characters, part.at_start});
    };
    if (use_regex_) {
      split_at_matches(piece, regex_, false, SplitBehavior::isolated, map_bytes);
    } else {
      map_bytes(piece);
    }
  }

 private:
  bool add_prefix_space_, use_regex_;
  Regex regex_;
};

}  // namespace

std::unique_ptr<PreTokenizer> make_byte_level_pre_tokenizer(const Settings& settings) {
  return std::make_unique<ByteLevel>(settings);
}

}  // namespace mhub::text
