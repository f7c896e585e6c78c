// SPDX-License-Identifier: Apache-2.0
#include "mhub/text/regex.hpp"

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"

BOOST_AUTO_TEST_SUITE(regex)

using namespace mhub;
using namespace mhub::text;
using namespace mhub::tests;

namespace {

std::vector<std::string> matches(const Regex& regex, const std::string& text) {
  std::vector<std::string> found;
  Regex::Matches all(regex, text);
  for (Range match{}; all.next(match);) found.push_back(text.substr(match.begin, match.end - match.begin));
  return found;
}

using Strings = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_CASE(unicode_classes_and_look_ahead) {
  const Regex regex(R"(\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+)", "test");
  BOOST_TEST(matches(regex, "\u00e9t\u00e9 \u65e5\u672c 12345  x") ==
                 (Strings{"\u00e9t\u00e9", " ", "\u65e5\u672c", " ", "123", "45", " ", " ", "x"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(characters_of_unicode_16_have_their_category) {
  BOOST_TEST(matches(Regex(R"(\p{Lu}|\p{Han}|\p{Nd})", "test"), "a\U00010d50\U000323af\U00010d40.") ==
                 (Strings{"\U00010d50", "\U000323af", "\U00010d40"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(empty_matches_do_not_repeat) {
  BOOST_TEST(matches(Regex("x*", "test"), "axxb") == (Strings{"", "xx", ""}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(literals_are_not_interpreted) {
  for (const std::string text : {"a.b*c", "(x|y)[z]{2}^$", "\\d+", "#&-~ ", "\u2581"})
    BOOST_TEST(matches(Regex::literal(text, "test"), "aXb" + text + "q") == Strings{text},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bad_patterns_are_refused_by_name) {
  for (const char* pattern : {"(", "[a", "*", "(?<n", "\\p{NoSuchThing}"})
    BOOST_CHECK_EXCEPTION(Regex(pattern, "file.json.pattern"), InputError,
                          message_has("file.json.pattern", pattern));
}

BOOST_AUTO_TEST_CASE(exponential_patterns_end_with_an_error) {
  const Regex regex("(?:a|aa|a(?=a))+$x", "file.json.pattern");
  BOOST_CHECK_EXCEPTION(matches(regex, std::string(60, 'a')), InputError,
                        message_has("file.json.pattern", "limit"));
}

BOOST_AUTO_TEST_CASE(long_runs_of_spaces_are_fine) {
  BOOST_TEST(matches(Regex(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", "test"), std::string(12'000'000, ' ')).size() ==
             1u);
}

BOOST_AUTO_TEST_SUITE_END()
