// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <random>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "mhub/text/model/merger.hpp"
#include "mhub/text/model/word_cache.hpp"
#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(model_)

using namespace mhub;
using namespace mhub::tests;

namespace {

void check_ids(const text::Model& model, const std::string& piece, const TokenIds& expected) {
  BOOST_TEST(encoded(model, piece) == expected, boost::test_tools::per_element());
}

/// The definition of BPE: merge the pair of lowest rank, of several the leftmost, and begin again.
void merge_slowly(TokenIds& symbols, const text::MergeTable& table) {
  while (true) {
    std::size_t best = 0;
    text::MergeTable::Merge merge{text::MergeTable::kNone, -1};
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto candidate = table.find(symbols[i], symbols[i + 1]);
      if (candidate.rank >= merge.rank) continue;
      best = i;
      merge = candidate;
    }
    if (merge.rank == text::MergeTable::kNone) return;
    symbols[best] = merge.result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

/// Random merges over the letters 0 to 3, each of two tokens that exist by then.
text::MergeTable random_merges(std::mt19937& random, TokenId merges) {
  text::MergeTable table(static_cast<std::size_t>(merges));
  for (TokenId i = 0; i < merges; ++i) {
    std::uniform_int_distribution<TokenId> token(0, 3 + i);
    table.set(token(random), token(random), {static_cast<std::uint32_t>(i), 4 + i});
  }
  return table;
}

json small_unigram() {
  return {{"type", "Unigram"},
          {"unk_id", 0},
          {"vocab", json::array({{"<unk>", 0.0},
                                 {"a", -2.0},
                                 {"b", -2.0},
                                 {"ab", -3.0},
                                 {"abc", -9.0},
                                 {"c", -4.0},
                                 {"bc", -3.5}})}};
}

}  // namespace

BOOST_AUTO_TEST_CASE(bpe_merges_in_order) {
  const auto bpe = model(small_bpe());
  check_ids(*bpe, "hugs", {9});
  check_ids(*bpe, "pughugu", {8, 7, 2});
  check_ids(*bpe, "sgp", {5, 3, 4});
}

BOOST_AUTO_TEST_CASE(bpe_unknown_characters) {
  json settings = small_bpe();
  check_ids(*model(settings), "hxyug", {1, 0, 0, 6});
  settings["fuse_unk"] = true;
  check_ids(*model(settings), "hxyug", {1, 0, 6});
  settings["unk_token"] = nullptr;
  check_ids(*model(settings), "hxyug", {7});  // what is unknown vanishes before merging
  settings["unk_token"] = "missing";
  BOOST_CHECK_EXCEPTION(encoded(*model(settings), "x"), InputError,
                        message_has("\"missing\" is not in the vocabulary"));
}

BOOST_AUTO_TEST_CASE(bpe_byte_fallback) {
  json settings = small_bpe();
  settings["byte_fallback"] = true;
  settings["vocab"]["<0xC3>"] = 20;
  settings["vocab"]["<0xA9>"] = 21;
  check_ids(*model(settings), "h\u00e9g", {1, 20, 21, 3});
  check_ids(*model(settings), "h\u00e8g", {1, 0, 3});  // <0xA8> is missing
}

BOOST_AUTO_TEST_CASE(bpe_affixes_and_whole_words) {
  json settings{{"type", "BPE"},
                {"continuing_subword_prefix", "##"},
                {"end_of_word_suffix", "</w>"},
                {"vocab", {{"a", 0}, {"##b", 1}, {"##c</w>", 2}, {"ab", 3}, {"a</w>", 4}}},
                {"merges", json::array({{"a", "##b"}})}};
  check_ids(*model(settings), "abc", {3, 2});
  check_ids(*model(settings), "a", {4});
  settings = small_bpe();
  settings["vocab"]["gup"] = 11;
  check_ids(*model(settings), "gup", {3, 2, 4});
  settings["ignore_merges"] = true;
  check_ids(*model(settings), "gup", {11});
  check_ids(*model(settings), "gupg", {3, 2, 4, 3});
}

BOOST_AUTO_TEST_CASE(bpe_refuses_what_does_not_fit) {
  json settings = small_bpe();
  settings["merges"].push_back({"g", "g"});
  BOOST_CHECK_EXCEPTION(model(settings), InputError, message_has("\"gg\", which is not in the vocabulary"));
  settings = small_bpe();
  settings["dropout"] = 0.1;
  BOOST_CHECK_EXCEPTION(model(settings), InputError, message_has("dropout"));
  settings["dropout"] = 0.0;
  BOOST_CHECK_NO_THROW(model(settings));
}

BOOST_AUTO_TEST_CASE(all_ways_to_merge_agree) {
  std::mt19937 random(7);
  text::Merger merger;
  for (int round = 0; round < 300; ++round) {
    const text::MergeTable table = random_merges(random, 40);
    const int length = round % 3 == 0 ? 200 : round % 50;
    TokenIds symbols;
    for (int i = 0; i < length; ++i) symbols.push_back(static_cast<TokenId>(random() % 4));
    TokenIds slowly = symbols;
    merge_slowly(slowly, table);
    merger.merge(symbols, table);
    BOOST_REQUIRE(symbols == slowly);
  }
}

BOOST_AUTO_TEST_CASE(long_text_gives_the_ids_of_one_piece) {
  // The same model with and without cuts: a suffix that no text reaches turns cutting off.
  json settings = small_bpe();
  const auto cutting = model(settings);
  settings["ignore_merges"] = true;
  const auto whole = model(settings);
  std::mt19937 random(3);
  const std::string letters = "hugpsx";
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 150; ++i) text += letters[random() % letters.size()];
    text += "\u00e9\u00e9" + text;
    BOOST_REQUIRE(encoded(*cutting, text) == encoded(*whole, text));
  }
}

BOOST_AUTO_TEST_CASE(unigram_finds_the_best_sum) {
  const auto unigram = model(small_unigram());
  check_ids(*unigram, "ab", {3});
  check_ids(*unigram, "abc", {1, 6});  // -2 -3.5 beats -3 -4 and -9
  check_ids(*unigram, "axyb", {1, 0, 2});
  json settings = small_unigram();
  settings["unk_id"] = nullptr;
  BOOST_CHECK_EXCEPTION(encoded(*model(settings), "x"), InputError, message_has("unk_id"));
  settings["unk_id"] = 99;
  BOOST_CHECK_EXCEPTION(model(settings), InputError, message_has("unk_id 99"));
  settings = small_unigram();
  settings["byte_fallback"] = true;
  settings["vocab"].push_back({"<0x78>", -5.0});
  check_ids(*model(settings), "axb", {1, 7, 2});
  settings["vocab"] = {{"a", 0}};
  BOOST_CHECK_EXCEPTION(model(settings), InputError, message_has("[token, score]"));
}

BOOST_AUTO_TEST_CASE(unigram_agrees_with_all_ways_to_cut) {
  const json settings = small_unigram();
  const auto unigram = model(settings);
  std::map<std::string, double> scores;
  for (const json& entry : settings["vocab"]) scores[entry[0]] = entry[1];
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (unsigned i = 0; i < 1 + random() % 9; ++i) text += "abc"[random() % 3];
    double best = -1e9;
    for (unsigned cuts = 0; cuts < 1u << (text.size() - 1); ++cuts) {
      double sum = 0;
      std::size_t begin = 0;
      for (std::size_t end = 1; end <= text.size(); ++end) {
        if (end < text.size() && (cuts >> (end - 1) & 1) == 0) continue;
        const auto found = scores.find(text.substr(begin, end - begin));
        sum += found == scores.end() ? -1e6 : found->second;
        begin = end;
      }
      best = std::max(best, sum);
    }
    double sum = 0;
    for (const TokenId id : encoded(*unigram, text))
      sum += settings["vocab"][static_cast<std::size_t>(id)][1].get<double>();
    BOOST_REQUIRE_CLOSE(sum, best, 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(word_piece_takes_the_longest) {
  const json settings{
      {"type", "WordPiece"},
      {"unk_token", "[UNK]"},
      {"max_input_chars_per_word", 6},
      {"vocab", {{"[UNK]", 0}, {"un", 1}, {"##aff", 2}, {"##able", 3}, {"unaff", 4}, {"##a", 5}}}};
  check_ids(*model(settings), "unaff", {4});
  check_ids(*model(settings), "unaffa", {4, 5});
  check_ids(*model(settings), "unx", {0});
  check_ids(*model(settings), "unaffaa", {0});  // seven characters
  json without = settings;
  without["unk_token"] = "[GONE]";
  BOOST_CHECK_EXCEPTION(encoded(*model(without), "x"), InputError, message_has("[GONE]"));
}

BOOST_AUTO_TEST_CASE(word_level_looks_words_up) {
  const auto level = model({{"type", "WordLevel"}, {"unk_token", "?"}, {"vocab", {{"?", 0}, {"hi", 1}}}});
  check_ids(*level, "hi", {1});
  check_ids(*level, "ho", {0});
}

BOOST_AUTO_TEST_CASE(a_model_without_a_type_is_recognized) {
  json settings = small_bpe();
  settings.erase("type");
  BOOST_TEST(model(settings)->kind() == "BPE");
  settings = small_unigram();
  settings.erase("type");
  BOOST_TEST(model(settings)->kind() == "Unigram");
  BOOST_TEST(model({{"vocab", {{"a", 0}}}, {"max_input_chars_per_word", 100}})->kind() == "WordPiece");
  BOOST_TEST(model({{"vocab", {{"a", 0}}}})->kind() == "WordLevel");
  BOOST_CHECK_EXCEPTION(model({{"type", "Markov"}}), InputError,
                        message_has("no model", "Markov", "Unigram"));
}

BOOST_AUTO_TEST_CASE(word_cache_gives_back_what_it_got) {
  text::WordCache cache;
  std::mt19937 random(9);
  TokenIds none;
  BOOST_TEST(!cache.find("word", none));
  std::size_t hits = 0;
  for (TokenId i = 0; i < 300'000; ++i) {
    const std::string word = "w" + std::to_string(random() % 100'000);
    const auto number = static_cast<TokenId>(std::stol(word.substr(1)));
    TokenIds ids;
    if (cache.find(word, ids)) {
      BOOST_REQUIRE(ids == (TokenIds{number, number + 1}));
      ++hits;
    } else {
      cache.insert(word, TokenIds{number, number + 1});
    }
  }
  BOOST_TEST(hits > 50'000u);
}

BOOST_AUTO_TEST_SUITE_END()
