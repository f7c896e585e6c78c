// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(pre_tokenizer)

using namespace mhub;
using namespace mhub::tests;

using Strings = std::vector<std::string>;

namespace {

void check_pieces(const json& settings, const std::string& text, const Strings& expected) {
  BOOST_TEST(pieces(settings, text) == expected, boost::test_tools::per_element());
}

json split(const std::string& behavior, bool invert = false) {
  return {{"type", "Split"}, {"pattern", {{"String", "-"}}}, {"behavior", behavior}, {"invert", invert}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(split_behaviors) {
  // The example of the tokenizers package's documentation of SplitDelimiterBehavior.
  const std::string text = "the-final--countdown";
  check_pieces(split("Removed"), text, {"the", "final", "countdown"});
  check_pieces(split("Isolated"), text, {"the", "-", "final", "-", "-", "countdown"});
  check_pieces(split("MergedWithPrevious"), text, {"the-", "final-", "-", "countdown"});
  check_pieces(split("MergedWithNext"), text, {"the", "-final", "-", "-countdown"});
  check_pieces(split("Contiguous"), text, {"the", "-", "final", "--", "countdown"});
  check_pieces(split("Removed", true), text, {"-", "-", "-"});
  check_pieces(split("MergedWithNext"), "a-", {"a", "-"});
  check_pieces(split("MergedWithPrevious"), "-a", {"-", "a"});
  BOOST_CHECK_EXCEPTION(pieces(split("Sideways"), "x"), InputError, message_has("Sideways", "Contiguous"));
}

BOOST_AUTO_TEST_CASE(byte_level) {
  json settings{{"type", "ByteLevel"}, {"add_prefix_space", false}};
  check_pieces(settings, "It's 1 \u00e9\n", {"It", "'s", "\u01201", "\u0120\u00c3\u00a9", "\u010a"});
  settings["add_prefix_space"] = true;
  check_pieces(settings, "a",
               {"\u0120"
                "a"});
  settings["use_regex"] = false;
  check_pieces(settings, " a b",
               {"\u0120"
                "a\u0120"
                "b"});
}

BOOST_AUTO_TEST_CASE(metaspace) {
  json settings{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}};
  check_pieces(settings, "a  b",
               {"\u2581"
                "a",
                "\u2581",
                "\u2581"
                "b"});
  check_pieces(settings, " a",
               {"\u2581"
                "a"});
  settings["split"] = false;
  check_pieces(settings, "a b",
               {"\u2581"
                "a\u2581"
                "b"});
  settings["prepend_scheme"] = "first";
  check_pieces(settings, "a b",
               {"\u2581"
                "a\u2581"
                "b"});
  BOOST_TEST(pieces(settings, "a b", false) == Strings{"a\u2581"
                                                       "b"},
             boost::test_tools::per_element());
  settings["prepend_scheme"] = "never";
  check_pieces(settings, "a", {"a"});
  check_pieces({{"type", "Metaspace"}, {"replacement", "_"}, {"add_prefix_space", false}}, "a b",
               {"a", "_b"});
  settings["replacement"] = "__";
  BOOST_CHECK_EXCEPTION(pieces(settings, "a"), InputError,
                        message_has("replacement: expected one character, found"));
}

BOOST_AUTO_TEST_CASE(word_kinds) {
  check_pieces({{"type", "Whitespace"}}, "Hi, you_2 !! \u4f60", {"Hi", ",", "you_2", "!!", "\u4f60"});
  check_pieces({{"type", "WhitespaceSplit"}}, " a\u3000b,c\n", {"a", "b,c"});
  check_pieces({{"type", "BertPreTokenizer"}}, "a,b c", {"a", ",", "b", "c"});
  check_pieces({{"type", "Punctuation"}}, "a!?b", {"a", "!", "?", "b"});
  check_pieces({{"type", "Punctuation"}, {"behavior", "Removed"}}, "a!?b", {"a", "b"});
  check_pieces({{"type", "Digits"}, {"individual_digits", true}}, "a12b", {"a", "1", "2", "b"});
  check_pieces({{"type", "Digits"}, {"individual_digits", false}}, "a12b", {"a", "12", "b"});
  check_pieces({{"type", "CharDelimiterSplit"}, {"delimiter", "\u00b7"}}, "a\u00b7b\u00b7\u00b7c",
               {"a", "b", "c"});
  check_pieces({{"type", "FixedLength"}, {"length", 2}}, "a\u00e9\u65e5x", {"a\u00e9", "\u65e5x"});
  check_pieces({{"type", "FixedLength"}, {"length", 2}}, "abc", {"ab", "c"});
}

BOOST_AUTO_TEST_CASE(unicode_scripts) {
  check_pieces({{"type", "UnicodeScripts"}}, "ab\u3042\u30a2\u4e00\u03b1 x",
               {"ab", "\u3042\u30a2\u4e00", "\u03b1 ", "x"});
  check_pieces({{"type", "UnicodeScripts"}}, "  a", {"a"});  // as in the package
}

BOOST_AUTO_TEST_CASE(sequences_split_pieces_again) {
  const json sequence{
      {"type", "Sequence"},
      {"pretokenizers", {{{"type", "WhitespaceSplit"}}, {{"type", "Digits"}, {"individual_digits", true}}}}};
  check_pieces(sequence, "a1 22", {"a", "1", "2", "2"});
  check_pieces({{"type", "Sequence"}, {"pretokenizers", json::array()}}, "a b", {"a b"});
}

BOOST_AUTO_TEST_CASE(pieces_are_never_empty_and_only_one_is_at_the_start) {
  const json regex{{"type", "Split"}, {"pattern", {{"Regex", "x*"}}}, {"invert", false}};
  for (const char* behavior : {"Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"}) {
    json settings = regex;
    settings["behavior"] = behavior;
    const auto pre_tokenizer = text::make_pre_tokenizer(text::Settings(settings, "test"));
    int at_start = 0;
    std::size_t number = 0;
    auto check = [&](text::Piece piece) {
      BOOST_TEST(!piece.text.empty());
      at_start += piece.at_start ? 1 : 0;
      BOOST_TEST((piece.at_start && number > 0) == false);
      ++number;
    };
    pre_tokenizer->split({"abxxcdx", true}, check);
    BOOST_TEST(at_start == 1);
  }
}

BOOST_AUTO_TEST_SUITE_END()
