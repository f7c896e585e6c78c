// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/tokenizer.hpp"

#include <random>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(tokenizer)

using namespace mhub;
using namespace mhub::tests;

namespace {

class Folder : public TemporaryFolder {
 public:
  explicit Folder(const std::map<std::string, json>& files = {}) {
    for (const auto& [name, content] : files) write_file(file(name), content.dump());
  }
};

Tokenizer byte_level() {
  return Tokenizer::from_directory(Folder({{"tokenizer.json", byte_level_tokenizer()}}).path());
}

/// Llama-like: marks, byte fallback.
json marked_tokenizer() {
  json vocab{{"<unk>", 0},
             {"<s>", 1},
             {"</s>", 2},
             {"\u2581", 3},
             {"a", 4},
             {"b", 5},
             {"\u2581"
              "a",
              6},
             {"ab", 7},
             {"\u2581"
              "ab",
              8}};
  for (int byte = 0; byte < 256; ++byte) {
    char token[8];
    std::snprintf(token, sizeof token, "<0x%02X>", static_cast<unsigned>(byte));
    vocab[token] = 100 + byte;
  }
  const json mark{{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}};
  return {{"added_tokens",
           {{{"id", 1}, {"content", "<s>"}, {"special", true}},
            {{"id", 2}, {"content", "</s>"}, {"special", true}}}},
          {"normalizer",
           {{"type", "Sequence"}, {"normalizers", {{{"type", "Prepend"}, {"prepend", "\u2581"}}, mark}}}},
          {"decoder",
           {{"type", "Sequence"},
            {"decoders",
             {{{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}},
              {{"type", "ByteFallback"}},
              {{"type", "Fuse"}},
              {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}}}}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"byte_fallback", true},
            {"fuse_unk", true},
            {"vocab", vocab},
            {"merges", json::array({{"a", "b"}, {"\u2581", "ab"}, {"\u2581", "a"}})}}}};
}

std::string streamed(const Tokenizer& tokenizer, const TokenIds& ids, DecodeOptions options = {}) {
  StreamDecoder decoder(tokenizer, options);
  std::string text;
  for (const TokenId id : ids) {
    const std::string part = decoder.put(id);
    text += part;
  }
  return text + decoder.finish();
}

}  // namespace

BOOST_AUTO_TEST_CASE(encodes_and_decodes) {
  const Tokenizer tokenizer = byte_level();
  const TokenIds ids = tokenizer.encode("hello hello tool tools</s>");
  BOOST_TEST(ids == (TokenIds{261, 259, 260, 32, 263, 32, 't', 'o', 'o', 'l', 's', 262, 262}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.encode("hello", {.add_special_tokens = false}) == TokenIds{259},
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(ids) == "<s>hello hello tool tools</s></s>");
  BOOST_TEST(tokenizer.decode(ids, {.skip_special_tokens = true}) == "hello hello tool tools");
  BOOST_TEST(tokenizer.decode(TokenIds{259, 9999, -5}) == "hello");
  BOOST_TEST(tokenizer.vocab_size() == 264u);
  BOOST_TEST(*tokenizer.id_of("\u0120hello") == 260);
  BOOST_TEST(*tokenizer.token_of(262) == "</s>");
  BOOST_TEST(!tokenizer.token_of(264));
  BOOST_TEST(tokenizer.is_special(261));
  BOOST_TEST(!tokenizer.is_special(263));
}

BOOST_AUTO_TEST_CASE(byte_level_round_trips_any_text) {
  const Tokenizer tokenizer = byte_level();
  std::mt19937 random(13);
  for (int round = 0; round < 300; ++round) {
    std::string text;
    for (unsigned i = 0; i < random() % 60; ++i) {
      const std::vector<std::string> parts{
          "hello", " ", "\n", "\u00e9", "\U0001f600", "\u4e00", std::string(1, '\0'), "a\u0301"};
      text += parts[random() % parts.size()];
    }
    BOOST_REQUIRE(tokenizer.decode(tokenizer.encode(text), {.skip_special_tokens = true}) == text);
  }
  BOOST_TEST(tokenizer.decode(tokenizer.encode("a\xff\xfe", {.add_special_tokens = false})) ==
             "a\uFFFD\uFFFD");
}

BOOST_AUTO_TEST_CASE(marks_and_byte_fallback) {
  const Tokenizer tokenizer =
      Tokenizer::from_directory(Folder({{"tokenizer.json", marked_tokenizer()}}).path());
  BOOST_TEST(tokenizer.encode("ab a\u00e9<s>b") == (TokenIds{8, 6, 100 + 0xC3, 100 + 0xA9, 1, 3, 5}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.encode("") == TokenIds{}, boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(tokenizer.encode(" ab  \U0001f600")) == " ab  \U0001f600");
}

BOOST_AUTO_TEST_CASE(streams_are_what_decoding_all_gives) {
  const Tokenizer bytes = byte_level();
  const Tokenizer marks = Tokenizer::from_directory(Folder({{"tokenizer.json", marked_tokenizer()}}).path());
  for (const Tokenizer& tokenizer : {bytes, marks}) {
    for (const std::string text : {"hello \u00e9\U0001f600 ab  a", "\u4e00\u4e8c", "", " ab"}) {
      const TokenIds ids = tokenizer.encode(text);
      BOOST_TEST(streamed(tokenizer, ids) == tokenizer.decode(ids));
      BOOST_TEST(streamed(tokenizer, ids, {.skip_special_tokens = true}) == text);
    }
  }
}

BOOST_AUTO_TEST_CASE(streams_wait_for_whole_characters) {
  StreamDecoder decoder(byte_level());
  const TokenIds smile{0xF0, 0x9F, 0x98, 0x80};
  for (std::size_t i = 0; i < 3; ++i) BOOST_TEST(decoder.put(smile[i]) == "");
  BOOST_TEST(decoder.put(smile[3]) == "\U0001f600");
  BOOST_TEST(decoder.put(0xC3) == "");
  BOOST_TEST(decoder.finish() == "\uFFFD");
  // Bytes that never become a character do not hold the text up for ever.
  StreamDecoder broken(byte_level());
  std::string text;
  for (int i = 0; i < 100; ++i) text += broken.put(0xFF);
  BOOST_TEST(text.size() > 250u);
}

BOOST_AUTO_TEST_CASE(random_ids_stream_like_they_decode) {
  const Tokenizer marks = Tokenizer::from_directory(Folder({{"tokenizer.json", marked_tokenizer()}}).path());
  std::mt19937 random(17);
  for (int round = 0; round < 200; ++round) {
    TokenIds ids;
    for (unsigned i = 0; i < random() % 30; ++i)
      ids.push_back(static_cast<TokenId>(random() % 3 == 0 ? 3 + random() % 6 : 100 + 'a' + random() % 26));
    BOOST_REQUIRE(streamed(marks, ids) == marks.decode(ids));
  }
}

BOOST_AUTO_TEST_CASE(threads_share_a_tokenizer) {
  const Tokenizer tokenizer = byte_level();
  const std::string text = "hello hello \u00e9 tool hell";
  const TokenIds expected = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::vector<int> right(4, 0);
  for (int& count : right) {
    threads.emplace_back([&tokenizer, &text, &expected, &count] {
      for (int i = 0; i < 200; ++i) count += tokenizer.encode(text) == expected ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : right) BOOST_TEST(count == 200);
}

BOOST_AUTO_TEST_CASE(the_config_adds_tokens_and_roles) {
  const json config{{"bos_token", "<s>"},
                    {"pad_token", {{"content", "<pad>"}, {"lstrip", true}}},
                    {"eos_token", nullptr},
                    {"additional_special_tokens", {"<extra>"}},
                    {"added_tokens_decoder", {{"300", {{"content", "<late>"}, {"special", true}}}}},
                    {"add_prefix_space", true},
                    {"model_max_length", 1e30}};
  const Folder folder({{"tokenizer.json", byte_level_tokenizer()}, {"tokenizer_config.json", config}});
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  BOOST_TEST(*tokenizer.special_id("bos_token") == 261);
  BOOST_TEST(!tokenizer.special_id("eos_token"));
  BOOST_TEST(*tokenizer.id_of("<late>") == 264);
  BOOST_TEST(*tokenizer.special_id("pad_token") == 265);
  BOOST_TEST(*tokenizer.id_of("<extra>") == 266);
  BOOST_TEST(tokenizer.is_special(266));
  BOOST_TEST(tokenizer.encode("hello <pad>", {.add_special_tokens = false}) == (TokenIds{260, 265}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.vocab_size() == 267u);
}

BOOST_AUTO_TEST_CASE(split_special_tokens_and_clean_up) {
  const Folder folder(
      {{"tokenizer.json", byte_level_tokenizer()},
       {"tokenizer_config.json", {{"split_special_tokens", true}, {"clean_up_tokenization_spaces", true}}}});
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  BOOST_TEST(tokenizer.encode("<s>", {.add_special_tokens = false}) == (TokenIds{'<', 's', '>'}),
             boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(TokenIds{'a', ' ', '.'}) == "a .");  // BPE: spaces are real
  const json words{{"model", {{"type", "WordLevel"}, {"unk_token", "a"}, {"vocab", {{"a", 0}, {".", 1}}}}}};
  const Folder word_folder(
      {{"tokenizer.json", words}, {"tokenizer_config.json", {{"clean_up_tokenization_spaces", true}}}});
  BOOST_TEST(Tokenizer::from_directory(word_folder.path()).decode(TokenIds{0, 1}) == "a.");
}

BOOST_AUTO_TEST_CASE(old_folders_have_their_special_tokens_elsewhere) {
  const Folder folder({{"tokenizer.json", byte_level_tokenizer()},
                       {"special_tokens_map.json", {{"eos_token", "</s>"}, {"mask_token", "<mask>"}}},
                       {"added_tokens.json", {{"<mask>", 400}, {"plain", 401}}}});
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  BOOST_TEST(*tokenizer.special_id("eos_token") == 262);
  BOOST_TEST(tokenizer.is_special(*tokenizer.id_of("<mask>")));
  BOOST_TEST(!tokenizer.is_special(*tokenizer.id_of("plain")));
}

BOOST_AUTO_TEST_CASE(vocab_and_merges_without_a_tokenizer_json) {
  const json model = byte_level_tokenizer()["model"];
  const Folder folder({{"vocab.json", model["vocab"]},
                       {"tokenizer_config.json", {{"bos_token", "Z"}, {"add_bos_token", true}}}});
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory(folder.path()), InputError,
                        message_has("no tokenizer", "merges.txt"));
  write_file(folder.file("merges.txt"),
             std::string("#version: 0.2\nh e\r\nl l\nhe ll\nhell o\n\u0120 hello\n"));
  const Tokenizer tokenizer = Tokenizer::from_directory(folder.path());
  BOOST_TEST(tokenizer.encode("hello hello") == (TokenIds{'Z', 259, 260}), boost::test_tools::per_element());
  BOOST_TEST(tokenizer.decode(TokenIds{260, 10}) == " hello\n");
  std::filesystem::remove(folder.file("merges.txt"));
  write_file(folder.file("merges.txt"), std::string("h e\nl\n"));
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory(folder.path()), InputError,
                        message_has("merges.txt: line 2"));
}

BOOST_AUTO_TEST_CASE(folders_without_a_tokenizer_are_named) {
  const Folder empty;
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory(empty.path()), InputError,
                        message_has(empty.path(), "tokenizer.json"));
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory("/no/such/folder"), InputError,
                        message_has("/no/such/folder"));
  const Folder bad(
      {{"tokenizer.json", byte_level_tokenizer()}, {"tokenizer_config.json", {{"add_bos_token", "yes"}}}});
  BOOST_CHECK_EXCEPTION(Tokenizer::from_directory(bad.path()), InputError,
                        message_has("tokenizer_config.json", "add_bos_token"));
}

BOOST_AUTO_TEST_SUITE_END()
