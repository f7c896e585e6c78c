// SPDX-License-Identifier: Apache-2.0
#include "mhub/runtime/stop_strings.hpp"

#include <boost/test/unit_test.hpp>

using mhub::runtime::StopStrings;

BOOST_AUTO_TEST_SUITE(stop_strings)

BOOST_AUTO_TEST_CASE(any_cut_of_a_text_gives_the_same_output) {
  const std::string text = "one abab END two";
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); ++b) {
      StopStrings stops({"END", "ababb", ""});
      std::string out = stops.put(text.substr(0, a));
      out += stops.put(text.substr(a, b - a));
      out += stops.put(text.substr(b));
      BOOST_TEST(out + stops.finish() == "one abab ");
      BOOST_TEST(stops.found());
    }
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_lost_without_a_stop) {
  StopStrings stops({"xyz"});
  BOOST_TEST(stops.put("abxy") == "ab");
  BOOST_TEST(stops.put("x") == "xy");
  BOOST_TEST(stops.finish() == "x");
  BOOST_TEST(!stops.found());
}

BOOST_AUTO_TEST_CASE(the_earliest_stop_counts) {
  StopStrings stops({"cd", "abc"});
  BOOST_TEST(stops.put("..abcd") == "..");
  BOOST_TEST(stops.put("more").empty());
  BOOST_TEST(stops.finish().empty());
}

BOOST_AUTO_TEST_CASE(hidden_text_is_found_and_never_shown) {
  using Text = StopStrings::Text;
  StopStrings stops({"<end>", "b<x>"});
  BOOST_TEST(stops.put("a") == "a");
  BOOST_TEST(stops.put("<bos>", Text::hidden).empty());
  BOOST_TEST(stops.put("<en", Text::hidden).empty());
  BOOST_TEST(stops.put("c b") == "c ");
  BOOST_TEST(stops.put("<y>", Text::hidden) == "b");
  BOOST_TEST(stops.put(" b").starts_with(" "));
  BOOST_TEST(!stops.found());
  BOOST_TEST(stops.put("<x>", Text::hidden).empty());
  BOOST_TEST(stops.found());
}

BOOST_AUTO_TEST_SUITE_END()
