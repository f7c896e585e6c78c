// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/files/tokenizer_file.hpp"

#include <random>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/base/file.hpp"
#include "mhub/text/tokenizer.hpp"
#include "text/small_tokenizers.hpp"

using namespace mhub;
using namespace mhub::tests;
using text::parse_tokenizer_json;

BOOST_AUTO_TEST_SUITE(tokenizer_file)

BOOST_AUTO_TEST_CASE(lists_are_taken_out_of_the_model) {
  const auto file = parse_tokenizer_json(
      R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 5, "a": 7}, "merges": ["a b", ["b", "a"]], "x": [{"vocab": {}}]},
          "decoder": {"type": "Fuse", "vocab": {"kept": 1}}, "added_tokens": []})",
      "t.json");
  BOOST_REQUIRE(file.model.vocabulary.size() == 3u);
  BOOST_TEST(file.model.vocabulary[1].token == "b");
  BOOST_TEST(file.model.vocabulary[1].id == 5);
  BOOST_REQUIRE(file.model.merges.size() == 2u);
  BOOST_TEST(file.model.merges[0].second == "b");
  BOOST_TEST(file.model.merges[1].first == "b");
  BOOST_TEST(file.model.settings == json::parse(R"({"type": "BPE", "x": [{"vocab": {}}]})"));
  BOOST_TEST(file.settings ==
             json::parse(R"({"decoder": {"type": "Fuse", "vocab": {"kept": 1}}, "added_tokens": []})"));
  BOOST_TEST(!file.model.scored);
}

BOOST_AUTO_TEST_CASE(scored_vocabularies) {
  const auto file = parse_tokenizer_json(
      R"({"model": {"vocab": [["a", -1.5], ["b", 0], ["c", -2]], "unk_id": 0}})", "t.json");
  BOOST_TEST(file.model.scored);
  BOOST_TEST(file.model.vocabulary[2].id == 2);
  BOOST_TEST(file.model.vocabulary[0].score == -1.5);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_named) {
  const auto refuses = [](const std::string& text, const std::string& part) {
    BOOST_TEST_CONTEXT(text) {
      BOOST_CHECK_EXCEPTION(parse_tokenizer_json(text, "t.json"), InputError, message_has("t.json", part));
    }
  };
  refuses("", "not valid JSON");
  refuses("[]", "expected an object");
  refuses("{}", "\"model\" is missing");
  refuses("{\"model\": {\"vocab\": {\"a\": 1", "not valid JSON");
  refuses(R"({"model": {"vocab": {"a": -1}}})", "vocabulary");
  refuses(R"({"model": {"vocab": {"a": 1.5}}})", "vocabulary");
  refuses(R"({"model": {"vocab": {"a": "b"}}})", "vocabulary");
  refuses(R"({"model": {"vocab": {"a": 4294967296}}})", "too large");
  refuses(R"({"model": {"vocab": {"a": {"b": 1}}}})", "vocabulary");
  refuses(R"({"model": {"vocab": ["a"]}})", "vocabulary");
  refuses(R"({"model": {"vocab": [["a"]]}})", "vocabulary");
  refuses(R"({"model": {"vocab": [["a", 1, 2]]}})", "vocabulary");
  refuses(R"({"model": {"vocab": [[1, "a"]]}})", "vocabulary");
  refuses(R"({"model": {"merges": ["ab"]}})", "\"ab\" is not two tokens");
  refuses(R"({"model": {"merges": ["a b c"]}})", "not two tokens");
  refuses(R"({"model": {"merges": [["a"]]}})", "merge 0");
  refuses(R"({"model": {"merges": [["a", "b", "c"]]}})", "merge");
  refuses(R"({"model": {"merges": [1]}})", "merge 0");
  refuses(R"({"a": 1, "a": 2})", "\"a\" is there twice");
  refuses("{\"a\": " + std::string(1'000'000, '['), "deeper");
  refuses("{\"model\": {\"vocab\": {\"\xff\": 1}}}", "not valid JSON");
  refuses(std::string("{\"model\": {}}\0{", 15), "is NUL");
}

BOOST_AUTO_TEST_CASE(damaged_files_give_errors_and_nothing_else) {
  // Every mutation either loads and encodes, or is refused with an InputError.
  const TemporaryFolder folder;
  std::string good = byte_level_tokenizer().dump();
  const std::string text = "hello tool <s> \xff\n\u00e9" + std::string(1, '\0') + "llo";
  std::mt19937 random(11);
  const std::vector<std::string> snippets{"null",  "{}",   "[]",          "-1",           "\"\"",
                                          "1e400", "true", "99999999999", "\"Sequence\"", ","};
  std::size_t refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::string damaged = good;
    // The vocabulary is most of the file; half of the mutations go behind it and before it.
    const std::size_t vocab = good.find("\"vocab\"");
    std::size_t at = random() % damaged.size();
    if (round % 2 == 0)
      at = round % 4 == 0 ? random() % 900 % damaged.size() : vocab + random() % (good.size() - vocab);
    switch (random() % 4) {
      case 0: damaged[at] = static_cast<char>(random()); break;
      case 1: damaged.erase(at, 1 + random() % 20); break;
      case 2: damaged.insert(at, snippets[random() % snippets.size()]); break;
      default: damaged.replace(at, 1 + random() % 8, snippets[random() % snippets.size()]);
    }
    const std::string path = folder.file("tokenizer.json");
    std::filesystem::remove(path);
    write_file(path, damaged);
    try {
      const Tokenizer tokenizer = Tokenizer::from_file(path);
      tokenizer.decode(tokenizer.encode(text));
    } catch (const InputError& error) {
      ++refused;
      BOOST_TEST(std::string(error.what()).find("tokenizer.json") != std::string::npos);
    }
  }
  BOOST_TEST(refused > 300u);
}

BOOST_AUTO_TEST_SUITE_END()
