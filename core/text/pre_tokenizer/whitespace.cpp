// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/pre_tokenizer/kinds.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

enum class Class { word, space, other };

Class class_of(char32_t c) {
  if (is_word_character(c)) return Class::word;
  return is_whitespace(c) ? Class::space : Class::other;
}

/// The matches of \w+|[^\w\s]+: runs of word characters and runs of anything else but white space.
class Whitespace final : public PreTokenizer {
 public:
  void split(Piece piece, PieceSink sink) const override {
    const std::string_view text = piece.text;
    for (std::size_t begin = 0; begin < text.size();) {
      std::size_t end = begin;
      const Class kind = class_of(next_character(text, end));
      for (std::size_t next = end; next < text.size() && class_of(next_character(text, next)) == kind;)
        end = next;
      if (kind != Class::space) sink({text.substr(begin, end - begin), piece.at_start && begin == 0});
      begin = end;
    }
  }
};

}  // namespace

std::unique_ptr<PreTokenizer> make_whitespace_pre_tokenizer(const Settings&) {
  return std::make_unique<Whitespace>();
}

}  // namespace mhub::text
