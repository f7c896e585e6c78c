// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/utf8.hpp"

#include <boost/test/unit_test.hpp>

using namespace mhub;

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(round_trips_every_character) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_character(text, c);
    std::size_t at = 0;
    BOOST_REQUIRE(next_character(text, at) == c);
    BOOST_REQUIRE(at == text.size() && utf8_length(text[0]) == at && previous_boundary(text, at) == 0);
    BOOST_REQUIRE(is_utf8(text) && count_characters(text) == 1);
    if (at > 1) BOOST_REQUIRE(valid_utf8_prefix(std::string_view(text).substr(0, at - 1)) == 0);
  }
}

BOOST_AUTO_TEST_CASE(invalid_bytes_become_replacement_characters_as_in_python) {
  const std::string r = "\xEF\xBF\xBD";
  BOOST_TEST(replace_invalid_utf8("a\xff"
                                  "b") == "a" + r + "b");
  BOOST_TEST(replace_invalid_utf8("\xe2\x82") == r);  // cut off: one maximal part
  BOOST_TEST(replace_invalid_utf8("\xe2\x82x") == r + "x");
  BOOST_TEST(replace_invalid_utf8("\xf0\x9f\x98") == r);
  BOOST_TEST(replace_invalid_utf8("\xc0\x80") == r + r);          // overlong
  BOOST_TEST(replace_invalid_utf8("\xed\xa0\x80") == r + r + r);  // surrogate
  BOOST_TEST(replace_invalid_utf8("\xf4\x90\x80\x80") == r + r + r + r);
  BOOST_TEST(replace_invalid_utf8("\x80\x80") == r + r);
  BOOST_TEST(replace_invalid_utf8("plain \xE2\x82\xAC") == "plain \xE2\x82\xAC");
}

BOOST_AUTO_TEST_SUITE_END()
