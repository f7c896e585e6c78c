// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"
#include "mhub/text/normalizer/characters.hpp"
#include "mhub/text/normalizer/kinds.hpp"
#include "mhub/text/unicode/normalization.hpp"
#include "mhub/text/unicode/properties.hpp"

namespace mhub::text {
namespace {

/// The CJK blocks around which BERT puts spaces. 0x2B920 is what the tokenizers package has, the block begins
/// at 0x2B820.
bool is_chinese(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
         (c >= 0x2A700 && c <= 0x2B73F) || (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

void append_clean(std::string& out, char32_t c) {
  if (c == 0 || c == kReplacementCharacter) return;
  if (is_whitespace(c) && (c == '\t' || c == '\n' || c == '\r' || !is_control_or_format(c))) {
    out.push_back(' ');
  } else if (!is_control_or_format(c)) {
    append_character(out, c);
  }
}

void append_spaced(std::string& out, char32_t c) {
  if (is_chinese(c)) out.push_back(' ');
  append_character(out, c);
  if (is_chinese(c)) out.push_back(' ');
}

class BertNormalizer final : public Normalizer {
 public:
  explicit BertNormalizer(const Settings& settings)
      : clean_text_(settings.boolean("clean_text")),
        handle_chinese_chars_(settings.boolean("handle_chinese_chars")),
        lowercase_(settings.boolean("lowercase")),
        strip_accents_(settings.boolean("strip_accents", lowercase_)) {}

  void normalize(NormalizedText& text) const override {
    if (clean_text_) rewrite_characters(text, append_clean);
    if (handle_chinese_chars_) rewrite_characters(text, append_spaced);
    if (strip_accents_) {
      text.text = text::normalize(text.text, NormalizationForm::nfd);
      rewrite_characters(text, [](std::string& out, char32_t c) {
        if (!is_nonspacing_mark(c)) append_character(out, c);
      });
    }
    if (lowercase_) rewrite_characters(text, append_lowercase);
  }

 private:
  bool clean_text_, handle_chinese_chars_, lowercase_, strip_accents_;
};

}  // namespace

std::unique_ptr<Normalizer> make_bert_normalizer(const Settings& settings) {
  return std::make_unique<BertNormalizer>(settings);
}

}  // namespace mhub::text
