// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/work_limit.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "mhub/text/tokenizer.hpp"
#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(work_limit)

using namespace mhub;
using namespace mhub::tests;

namespace {

Tokenizer with(const std::string& key, const json& value) {
  const TemporaryFolder folder;
  json file = byte_level_tokenizer();
  file[key] = value;
  write_file(folder.file("tokenizer.json"), file.dump());
  return Tokenizer::from_directory(folder.path());
}

json replace(const std::string& text, const std::string& content) {
  return {{"type", "Replace"}, {"pattern", {{"String", text}}}, {"content", content}};
}

json sequence(const std::string& key, const std::vector<json>& parts) {
  return {{"type", "Sequence"}, {key, parts}};
}

json split(const std::string& regex) {
  return {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(normalizers_that_double_the_text) {
  const std::vector<json> doubling(40, replace("a", "aa"));
  BOOST_CHECK_EXCEPTION(with("normalizer", sequence("normalizers", doubling)).encode("a"), InputError,
                        message_has("tokenizer.json", "a text of 1 bytes grows without end"));
  // Each byte of a character beyond ASCII becomes such a character.
  const std::vector<json> bytes(40, json{{"type", "ByteLevel"}});
  BOOST_CHECK_EXCEPTION(with("normalizer", sequence("normalizers", bytes)).encode("\u00e9"), InputError,
                        message_has("grows without end"));
  // One step that makes much of each character.
  const json large = replace("a", std::string(1 << 20, 'b'));
  BOOST_CHECK_EXCEPTION(with("normalizer", large).encode(std::string(1000, 'a')), InputError,
                        message_has("grows without end"));
  const json prefix{{"type", "Prepend"}, {"prepend", std::string(1 << 20, 'b')}};
  BOOST_CHECK_EXCEPTION(
      with("normalizer", sequence("normalizers", std::vector<json>(10, prefix))).encode("a"), InputError,
      message_has("grows without end"));
}

BOOST_AUTO_TEST_CASE(decoders_that_double_the_text) {
  const std::vector<json> doubling(40, replace("h", "hh"));
  const Tokenizer tokenizer = with("decoder", sequence("decoders", doubling));
  BOOST_CHECK_EXCEPTION(tokenizer.decode(std::vector<TokenId>{259}), InputError,
                        message_has("tokenizer.json", "grows without end"));
}

BOOST_AUTO_TEST_CASE(added_tokens_that_a_normalizer_doubles) {
  json file = byte_level_tokenizer();
  file["added_tokens"] = {{{"id", 261}, {"content", "aa"}, {"special", false}, {"normalized", true}}};
  file["normalizer"] = sequence("normalizers", std::vector<json>(40, replace("a", "aa")));
  const TemporaryFolder folder;
  write_file(folder.file("tokenizer.json"), file.dump());
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory(folder.path()), InputError,
                        message_has("tokenizer.json", "a text of 2 bytes grows without end"));
}

BOOST_AUTO_TEST_CASE(recursive_patterns) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "ab";
  BOOST_CHECK_EXCEPTION(with("pre_tokenizer", split(R"((?<x>(?:a|b\g<x>)\g<x>*)c)")).encode(text), InputError,
                        message_has("tokenizer.json", "matching failed"));
  // As such a pattern is meant: pairs of parentheses.
  const Tokenizer pairs = with("pre_tokenizer", split(R"((?<x>\((?:[a-z]|\g<x>)*\)))"));
  BOOST_TEST(pairs.decode(pairs.encode("a(b(c)d)e"), {.skip_special_tokens = true}) == "a(b(c)d)e");
}

BOOST_AUTO_TEST_CASE(many_searches_that_are_each_within_their_limit) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::string(22, 'a') + "b ";
  const json patterns = sequence("pretokenizers", {split(" "), split("^(?:a|aa)+$")});
  BOOST_CHECK_EXCEPTION(with("pre_tokenizer", patterns).encode(text), InputError,
                        message_has("tokenizer.json", "takes too long"));
}

BOOST_AUTO_TEST_CASE(a_limit_belongs_to_its_call) {
  {
    const text::WorkLimit outer(0, "outer");
    {
      const text::WorkLimit inner(0, "inner");
      text::WorkLimit::made(8 << 20);
      BOOST_CHECK_THROW(text::WorkLimit::made(1), InputError);
    }
    text::WorkLimit::made(8 << 20);
    BOOST_CHECK_THROW(text::WorkLimit::made(1), InputError);
  }
  text::WorkLimit::made(1 << 30);
}

BOOST_AUTO_TEST_SUITE_END()
