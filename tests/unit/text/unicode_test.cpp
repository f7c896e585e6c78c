// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "mhub/base/utf8.hpp"
#include "mhub/text/unicode/graphemes.hpp"
#include "mhub/text/unicode/normalization.hpp"
#include "mhub/text/unicode/properties.hpp"
#include "mhub/text/unicode/recent_characters.hpp"

using namespace mhub;
using namespace mhub::text;

BOOST_AUTO_TEST_SUITE(unicode)

BOOST_AUTO_TEST_CASE(normalization_has_the_data_of_unicode_9) {
  BOOST_TEST(normalize("e\u0301", NormalizationForm::nfc) == "\u00e9");
  BOOST_TEST(normalize("\u00e9", NormalizationForm::nfd) == "e\u0301");
  BOOST_TEST(normalize("\ufb01\u2460", NormalizationForm::nfkc) == "fi1");
  BOOST_TEST(normalize("a\u0301\u0316", NormalizationForm::nfd) == "a\u0316\u0301");
  BOOST_TEST(normalize("\uac01", NormalizationForm::nfd) == "\u1100\u1161\u11a8");
  // U+32FF came with Unicode 12.1: the package leaves it alone. U+07FD (11, class 220) counts as a starter.
  BOOST_TEST(normalize("\u32ff\ufb01", NormalizationForm::nfkc) ==
             "\u32ff"
             "fi");
  BOOST_TEST(normalize("a\u0301\u07fd\u0316", NormalizationForm::nfd) == "a\u0301\u07fd\u0316");
  BOOST_TEST(normalize(std::string("a\0b", 3), NormalizationForm::nfc) == std::string("a\0b", 3));
}

BOOST_AUTO_TEST_CASE(properties_of_the_versions_they_name) {
  for (const char32_t c : {U' ', U'\t', U'\u0085', U'\u00a0', U'\u3000', U'\u2028'})
    BOOST_TEST(is_whitespace(c));
  for (const char32_t c : {U'a', U'\u200b', U'\u180e', U'\ufeff'}) BOOST_TEST(!is_whitespace(c));
  for (const char32_t c : {U'7', U'\u0663', U'\u00bd', U'\u2167', U'\U00011de3', U'\U00010d40'})
    BOOST_TEST(is_numeric(c));
  for (const char32_t c : {U'a', U'\u4e00'}) BOOST_TEST(!is_numeric(c));
  for (const char32_t c : {U'_', U'z', U'9', U'\u0301', U'\u24b6', U'\u200d', U'\u2160', U'\U00010d50'})
    BOOST_TEST(is_word_character(c));
  for (const char32_t c : {U'-', U' ', U'\u00bd', U'\u2500'}) BOOST_TEST(!is_word_character(c));
  for (const char32_t c : {U'$', U'~', U'_', U'!', U'\u3002', U'\u166d'}) BOOST_TEST(is_punctuation(c));
  for (const char32_t c : {U'a', U' ', U'\u00a9', U'\u2e43'})
    BOOST_TEST(!is_punctuation(c));  // U+2E43: Unicode 9
  BOOST_TEST(is_nonspacing_mark(U'\u0301'));
  BOOST_TEST(!is_nonspacing_mark(U'\u0903'));
  BOOST_TEST(is_combining_mark(U'\u0903'));
  BOOST_TEST(is_control_or_format(U'\u200b'));
  BOOST_TEST(!is_control_or_format(U'\u0378'));  // unassigned
  BOOST_TEST(script_of(U'a') != script_of(U'\u03b1'));
  BOOST_TEST(script_of(U'\ue000') == kNoScript);
}

BOOST_AUTO_TEST_CASE(lower_case_without_context) {
  std::string text;
  for (const char32_t c : {U'A', U'\u0130', U'\u03a3', U'\u00df', U'\u1e9e', U'\U00010d50', U'\ua7cb'})
    append_lowercase(text, c);
  BOOST_TEST(text == "ai\u0307\u03c3\u00df\u00df\U00010d70\u0264");
}

BOOST_AUTO_TEST_CASE(recent_characters_turn_into_old_ones_of_the_same_length) {
  BOOST_TEST(with_old_characters("only old: \u4e00 \U0001f600 \xC3\xA9").empty());
  const std::string text = "x\U00031350\ua7cb\u061dz";  // CJK extension H, a Latin letter, Arabic punctuation
  const std::string old = with_old_characters(text);
  BOOST_TEST(old == "x\U00020000\u1e00\u00a7z");
  BOOST_TEST(old.size() == text.size());
  BOOST_CHECK(recent_category(U'\U00031350') == RecentCategory::Han);
  BOOST_CHECK(recent_category(U'a') == RecentCategory::none);
}

BOOST_AUTO_TEST_CASE(grapheme_clusters) {
  const auto lengths = [](std::string_view text) {
    std::vector<std::size_t> result;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = grapheme_end(text, at);
      result.push_back(count_characters(text.substr(at, end - at)));
      at = end;
    }
    return result;
  };
  using Lengths = std::vector<std::size_t>;
  BOOST_CHECK(lengths("ab\r\nc") == (Lengths{1, 1, 2, 1}));
  BOOST_CHECK(lengths("e\u0301\u0316x") == (Lengths{3, 1}));
  BOOST_CHECK(lengths("\U0001f1e9\U0001f1ea\U0001f1eb") == (Lengths{2, 1}));
  BOOST_CHECK(lengths("\U0001f468\u200d\U0001f469\U0001f3fd!") == (Lengths{4, 1}));
  BOOST_CHECK(lengths("a\u200d\U0001f469") == (Lengths{2, 1}));
  BOOST_CHECK(lengths("\u1100\u1161\u11a8\u1100") == (Lengths{3, 1}));
  BOOST_CHECK(lengths("\n\u0301") == (Lengths{1, 1}));
  BOOST_CHECK(lengths("\u0600a") == (Lengths{2}));
}

BOOST_AUTO_TEST_SUITE_END()
