// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/added_vocabulary.hpp"

#include <boost/test/unit_test.hpp>

#include "text/small_tokenizers.hpp"

BOOST_AUTO_TEST_SUITE(added_vocabulary)

using namespace mhub;
using namespace mhub::tests;
using text::AddedToken;
using text::AddedVocabulary;

namespace {

AddedToken token(const std::string& content, bool special = false) {
  AddedToken made;
  made.content = content;
  made.special = special;
  made.normalized = false;
  return made;
}

AddedVocabulary with(const std::vector<AddedToken>& tokens) {
  AddedVocabulary added;
  for (const AddedToken& one : tokens) added.add(one, text::Vocabulary());
  added.prepare(nullptr, "test");
  return added;
}

/// Parts as text, tokens in brackets.
std::string split(const AddedVocabulary& added, const std::string& text,
                  AddedVocabulary::In where = AddedVocabulary::In::original_text) {
  std::string result;
  for (const auto& part : added.split(text, where)) {
    const std::string content = text.substr(part.range.begin, part.range.end - part.range.begin);
    result += part.token ? "[" + content + "]" : content;
  }
  return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(leftmost_longest) {
  const AddedVocabulary added = with({token("<a>"), token("<a>b"), token("a>b")});
  BOOST_TEST(split(added, "x<a>bc<a>") == "x[<a>b]c[<a>]");
  BOOST_TEST(split(added, "") == "");
  BOOST_TEST(split(added, "<a><a>") == "[<a>][<a>]");
}

BOOST_AUTO_TEST_CASE(single_words) {
  AddedToken word = token("cat");
  word.single_word = true;
  const AddedVocabulary added = with({word});
  BOOST_TEST(split(added,
                   "cat, cats \u00e9"
                   "cat cat_ -cat-") ==
             "[cat], cats \u00e9"
             "cat cat_ -[cat]-");
}

BOOST_AUTO_TEST_CASE(spaces_go_along) {
  AddedToken left = token("<l>"), right = token("<r>");
  left.lstrip = true;
  right.rstrip = true;
  const AddedVocabulary added = with({left, right});
  BOOST_TEST(split(added, "a \n<l> b <r>\u3000 c") == "a[ \n<l>] b [<r>\u3000 ]c");
  BOOST_TEST(split(added, "<r>  <l>") == "[<r>  ][<l>]");  // the right one was there first
}

BOOST_AUTO_TEST_CASE(normalized_tokens_match_normalized_text) {
  AddedToken upper = token("ABC");
  upper.normalized = true;
  AddedVocabulary added;
  added.add(upper, text::Vocabulary());
  const json lowercase{{"type", "Lowercase"}};
  added.prepare(text::make_normalizer(text::Settings(lowercase, "test")).get(), "test");
  BOOST_TEST(split(added, "abc ABC") == "abc ABC");
  BOOST_TEST(split(added, "abc ABC", AddedVocabulary::In::normalized_text) == "[abc] ABC");
}

BOOST_AUTO_TEST_CASE(ids_come_from_the_model_or_follow_it) {
  text::Vocabulary model;
  model.add("known", 3);
  model.add("other", 7);
  AddedVocabulary added;
  for (const char* content : {"known", "new", "newer", "new"}) added.add(token(content), model);
  BOOST_TEST(*added.id_of("known") == 3);
  BOOST_TEST(*added.id_of("new") == 4);  // beyond all ids so far and the model's size
  BOOST_TEST(*added.id_of("newer") == 5);
  BOOST_TEST(added.token_of(5)->content == "newer");
  BOOST_TEST(added.token_of(7) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_token_that_comes_again_takes_new_properties) {
  AddedVocabulary added;
  added.add(token("<x>"), text::Vocabulary());
  added.add(token("<x>", true), text::Vocabulary());
  added.prepare(nullptr, "test");
  BOOST_TEST(added.is_special("<x>"));
  BOOST_TEST(added.token_of(0)->special);
  BOOST_TEST(added.ids().size() == 1u);
  added.ignore_special_tokens();
  BOOST_TEST(split(added, "a<x>") == "a<x>");
}

BOOST_AUTO_TEST_SUITE_END()
