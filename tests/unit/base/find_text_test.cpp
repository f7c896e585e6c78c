// SPDX-License-Identifier: Apache-2.0
#include "mhub/base/find_text.hpp"

#include <random>
#include <string>

#include <boost/test/unit_test.hpp>

using namespace mhub;

BOOST_AUTO_TEST_SUITE(find_text_of_any_length)

BOOST_AUTO_TEST_CASE(agrees_with_the_standard_library) {
  std::mt19937 random(7);
  const auto text = [&](std::size_t longest) {
    std::string made(random() % (longest + 1), 'a');
    for (char& c : made) c = static_cast<char>('a' + random() % 2);
    return made;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string in = text(40), wanted = text(5);
    for (std::size_t from = 0; from <= in.size() + 1; ++from)
      BOOST_REQUIRE(find_text(in, wanted, from) == in.find(wanted, from));
    BOOST_REQUIRE(rfind_text(in, wanted) == in.rfind(wanted));
  }
  BOOST_TEST(find_text({}, {}) == 0u);
  BOOST_TEST(find_text({}, "a") == std::string_view::npos);
  BOOST_TEST(rfind_text({}, {}) == 0u);
}

/// At each place compared anew this would take half an hour.
BOOST_AUTO_TEST_CASE(repeated_characters_take_no_longer) {
  const std::string in(4 << 20, 'a'), half(2 << 20, 'a');
  BOOST_TEST(find_text(in, half + "b") == std::string_view::npos);
  BOOST_TEST(rfind_text(in, "b" + half) == std::string_view::npos);
  BOOST_TEST(find_text(in + "b", half + "b") == (2u << 20));
}

BOOST_AUTO_TEST_SUITE_END()
