// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/text/base64.hpp"
#include "mhub/text/normalizer/charsmap.hpp"
#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(normalizer)

using namespace mhub;
using namespace mhub::tests;

namespace {

/// A charsmap whose trie holds one key of one byte: unit 0 is the root, its child lies at `byte ^ offset`.
std::string one_key_charsmap(char key, const std::string& replacement) {
  std::vector<std::uint32_t> units(512, 0);
  const std::uint32_t byte = static_cast<unsigned char>(key);
  units[0] = 256u << 10;                            // children of the root begin at 256
  units[256 ^ byte] = byte | 1u << 8 | (1u << 10);  // has a leaf, which lies at this ^ 1
  units[256 ^ byte ^ 1] = 1u << 31 | 0;             // offset of the replacement
  std::string blob(4 + 4 * units.size(), '\0');
  const auto size = static_cast<std::uint32_t>(4 * units.size());
  std::memcpy(blob.data(), &size, 4);
  std::memcpy(blob.data() + 4, units.data(), size);
  return blob + replacement + '\0';
}

}  // namespace

BOOST_AUTO_TEST_CASE(simple_kinds) {
  BOOST_TEST(normalized({{"type", "Lowercase"}}, "ABC \u00c9") == "abc \u00e9");
  BOOST_TEST(normalized({{"type", "NFC"}}, "e\u0301") == "\u00e9");
  BOOST_TEST(normalized({{"type", "NFKD"}}, "\ufb01\u00e9") == "fie\u0301");
  BOOST_TEST(normalized({{"type", "StripAccents"}}, "e\u0301o") == "eo");
  BOOST_TEST(normalized({{"type", "Prepend"}, {"prepend", "\u2581"}}, "a") ==
             "\u2581"
             "a");
  BOOST_TEST(normalized({{"type", "Prepend"}, {"prepend", "\u2581"}}, "") == "");
  BOOST_TEST(normalized({{"type", "Nmt"}},
                        "a\tb\x01"
                        "c\u200bd") == "a bc d");
  BOOST_TEST(normalized({{"type", "ByteLevel"}}, " \u00e9\n") == "\u0120\u00c3\u00a9\u010a");
}

BOOST_AUTO_TEST_CASE(strip_takes_the_start_away) {
  const json both{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}};
  BOOST_TEST(normalized(both, " \t\u3000x y\n ") == "x y");
  BOOST_TEST(normalized(both, " \n ") == "");
  BOOST_TEST(normalized({{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}}, " x ") == " x");
  text::NormalizedText text{" x", true};
  text::make_normalizer(text::Settings(both, "test"))->normalize(text);
  BOOST_TEST(!text.at_start);
}

BOOST_AUTO_TEST_CASE(replace_by_literal_and_by_expression) {
  BOOST_TEST(normalized({{"type", "Replace"}, {"pattern", {{"String", "."}}}, {"content", "!"}}, "a.b.") ==
             "a!b!");
  BOOST_TEST(normalized({{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", " "}},
                        "a   b c") == "a b c");
  BOOST_TEST(normalized({{"type", "Replace"}, {"pattern", {{"String", "x"}}}, {"content", ""}}, "xxax") ==
             "a");
}

BOOST_AUTO_TEST_CASE(bert_cleans_and_spaces) {
  json bert{{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}};
  BOOST_TEST(normalized(bert, std::string("\u00c9\0A\u200b\tb\u4e2d", 12)) == "ea b \u4e2d ");
  bert["lowercase"] = false;
  BOOST_TEST(normalized(bert, "\u00c9") == "\u00c9");
  bert["strip_accents"] = true;
  BOOST_TEST(normalized(bert, "\u00c9") == "E");
}

BOOST_AUTO_TEST_CASE(sequences_run_in_order) {
  const json sequence{{"type", "Sequence"},
                      {"normalizers",
                       {{{"type", "Prepend"}, {"prepend", " "}},
                        {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "_"}}}}};
  BOOST_TEST(normalized(sequence, "a b") == "_a_b");
}

BOOST_AUTO_TEST_CASE(precompiled_replaces_characters_and_whole_short_clusters) {
  const json settings{{"type", "Precompiled"},
                      {"precompiled_charsmap", text::encode_base64(one_key_charsmap('k', "KK"))}};
  BOOST_TEST(normalized(settings, "ak k") == "aKK KK");
  BOOST_TEST(normalized(settings, "k\u0301.") == "KK.");  // the mark goes with its cluster
  BOOST_TEST(normalized(settings, "k\u0301\u0302\u0303.") ==
             "KK\u0301\u0302\u0303.");  // six bytes and more go by character
}

BOOST_AUTO_TEST_CASE(damaged_charsmaps_are_refused_or_harmless) {
  const std::string good = one_key_charsmap('k', "KK");
  BOOST_CHECK_THROW(text::CharsMap("", "test"), InputError);
  BOOST_CHECK_THROW(text::CharsMap(good.substr(0, 100), "test"), InputError);
  BOOST_CHECK_THROW(text::CharsMap(good + "\xff", "test"), InputError);
  for (std::size_t i = 4; i < good.size() - 3; i += 3) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 0xFF);
    const text::CharsMap map(damaged, "test");
    for (const char* text : {"k", "abc", "\u00e9", "\U0001f600"}) map.replacement(text);
  }
}

BOOST_AUTO_TEST_CASE(base64) {
  for (const std::string bytes : {"", "a", "ab", "abc", "abcd", "\xff\xfe\x80"}) {
    BOOST_TEST(text::decode_base64(text::encode_base64(bytes), "test") == bytes);
  }
  BOOST_TEST(text::encode_base64("ab") == "YWI=");
  for (const char* text : {"YWI", "Y!I=", "=", "====", "Y==="})
    BOOST_CHECK_THROW(text::decode_base64(text, "test"), InputError);
}

BOOST_AUTO_TEST_CASE(unknown_and_incomplete_settings_are_named) {
  BOOST_CHECK_EXCEPTION(normalized({{"type", "Uppercase"}}, ""), InputError,
                        message_has("no normalizer", "Uppercase", "Lowercase"));
  BOOST_CHECK_EXCEPTION(normalized({{"type", "Prepend"}}, ""), InputError,
                        message_has("prepend: expected a string, found nothing"));
  BOOST_CHECK_EXCEPTION(
      normalized({{"type", "Sequence"}, {"normalizers", {{{"type", "Strip"}, {"strip_left", 1}}}}}, ""),
      InputError, message_has("normalizers[0]", "strip_left: expected true or false, found"));
}

BOOST_AUTO_TEST_SUITE_END()
