// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/text/post_processor/post_processor.hpp"
#include "text/small_tokenizers.hpp"

using namespace mhub;
using namespace mhub::tests;

namespace {

TokenIds processed(const json& settings, TokenIds ids) {
  text::make_post_processor(text::Settings(settings, "test"))->process(ids);
  return ids;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(decoder)

BOOST_AUTO_TEST_CASE(byte_level) {
  const json settings{{"type", "ByteLevel"}};
  BOOST_TEST(decoded(settings, {"\u0120hi", "\u00c3", "\u00a9"}) == " hi\u00e9");
  BOOST_TEST(decoded(settings, {"\u00c3", "x"}) == "\uFFFDx");
  BOOST_TEST(decoded(settings, {"\u4e00\u0120"}) == "\u4e00\u0120");  // outside the alphabet: an added token
}

BOOST_AUTO_TEST_CASE(byte_fallback) {
  const json settings{{"type", "ByteFallback"}};
  BOOST_TEST(decoded(settings, {"a", "<0xC3>", "<0xa9>", "b"}) ==
             "a\u00e9"
             "b");
  BOOST_TEST(decoded(settings, {"<0xC3>", "<0xC3>", "b"}) == "\uFFFD\uFFFDb");
  BOOST_TEST(decoded(settings, {"<0xG1>", "<0x411>"}) == "<0xG1><0x411>");
}

BOOST_AUTO_TEST_CASE(word_kinds) {
  BOOST_TEST(decoded({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}},
                     {"do", "not", "##e", ",", "it", "'s"}) == "do note, it's");
  BOOST_TEST(decoded({{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", false}}, {"a", "."}) == "a .");
  BOOST_TEST(decoded({{"type", "BPEDecoder"}, {"suffix", "</w>"}}, {"ab</w>", "c", "d</w>"}) == "ab cd");
  BOOST_TEST(decoded({{"type", "CTC"}, {"pad_token", "-"}, {"word_delimiter_token", "|"}, {"cleanup", true}},
                     {"h", "h", "-", "l", "-", "l", "|", "|", "x"}) == "hll x");
}

BOOST_AUTO_TEST_CASE(marks_become_spaces) {
  json settings{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}};
  BOOST_TEST(decoded(settings, {"\u2581"
                                "a\u2581",
                                "\u2581"
                                "b"}) == "a b");
  settings["prepend_scheme"] = "never";
  BOOST_TEST(decoded(settings, {"\u2581"
                                "a",
                                "\u2581"
                                "b"}) == " a b");
}

BOOST_AUTO_TEST_CASE(sequences_run_in_order) {
  const json steps{{"type", "Sequence"},
                   {"decoders",
                    {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
                     {{"type", "Fuse"}},
                     {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}};
  BOOST_TEST(decoded(steps, {"\u2581\u2581"
                             "a",
                             "\u2581"
                             "b"}) == " a b");
  BOOST_TEST(decoded({{"type", "Strip"}, {"content", "x"}, {"start", 1}, {"stop", 2}}, {"xxaxxx", "x", ""}) ==
             "xax");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(post_processor)

BOOST_AUTO_TEST_CASE(frames) {
  const json frame{
      {"type", "TemplateProcessing"},
      {"single",
       {{{"SpecialToken", {{"id", "b"}}}}, {{"Sequence", {{"id", "A"}}}}, {{"SpecialToken", {{"id", "e"}}}}}},
      {"special_tokens", {{"b", {{"ids", {7, 8}}}}, {"e", {{"ids", {9}}}}}}};
  BOOST_TEST(processed(frame, {1, 2}) == (TokenIds{7, 8, 1, 2, 9}), boost::test_tools::per_element());
  BOOST_TEST(processed(frame, {}) == (TokenIds{7, 8, 9}), boost::test_tools::per_element());
  const json bert{{"type", "BertProcessing"}, {"sep", {"[SEP]", 5}}, {"cls", {"[CLS]", 4}}};
  BOOST_TEST(processed(bert, {1}) == (TokenIds{4, 1, 5}), boost::test_tools::per_element());
  BOOST_TEST(processed({{"type", "Sequence"}, {"processors", {{{"type", "ByteLevel"}}, bert}}}, {1}) ==
                 (TokenIds{4, 1, 5}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bad_frames_are_named) {
  json frame{{"type", "TemplateProcessing"},
             {"single", {{{"SpecialToken", {{"id", "b"}}}}}},
             {"special_tokens", json::object()}};
  BOOST_CHECK_EXCEPTION(processed(frame, {}), InputError,
                        message_has("special_tokens", "b: expected an object, found nothing"));
  frame["special_tokens"]["b"]["ids"] = {-1};
  BOOST_CHECK_EXCEPTION(processed(frame, {}), InputError, message_has("token id", "-1"));
  BOOST_CHECK_EXCEPTION(processed({{"type", "BertProcessing"}, {"sep", {"[SEP]", 5}}, {"cls", "x"}}, {}),
                        InputError, message_has("cls"));
}

BOOST_AUTO_TEST_SUITE_END()
