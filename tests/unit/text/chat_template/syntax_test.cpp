// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <boost/test/unit_test.hpp>

#include "text/chat_template/rendering.hpp"

using mhub::tests::render;

BOOST_AUTO_TEST_SUITE(syntax)

BOOST_AUTO_TEST_CASE(blocks_take_their_line_end_and_the_blanks_in_front) {
  BOOST_TEST(render("a\n  {% if true %}\n  b\n  {% endif %}\nc\n") == "a\n  b\nc");
  BOOST_TEST(render("a {{ 1 }}\nb") == "a 1\nb");
  BOOST_TEST(render("  {%+ if true +%}\nx{% endif %}") == "  \nx");
  BOOST_TEST(render("a {# c #}\n {# d #}\nb") == "a b");
  BOOST_TEST(render("a\r\nb\rc\n\n") == "a\nb\nc\n");
}

BOOST_AUTO_TEST_CASE(minus_strips_whitespace_on_its_side) {
  BOOST_TEST(render("a \n {{- 1 -}} \n b") == "a1b");
  BOOST_TEST(render("a \n {%- if true -%} \n b \n {%- endif -%} \n c") == "abc");
  BOOST_TEST(render("a {#- c -#} b") == "ab");
  BOOST_TEST(render("a\u00a0\u3000{{- 1 }}") == "a1");  // whitespace is Unicode's
}

BOOST_AUTO_TEST_CASE(raw_text_is_not_code) {
  BOOST_TEST(render("{% raw %}{{ x }}{% if %}{# c #}{% endraw %}!") == "{{ x }}{% if %}{# c #}!");
  BOOST_TEST(render("{{ '{{' }}{{ \"%}\" }}") == "{{%}");
}

BOOST_AUTO_TEST_CASE(operators_bind_as_in_jinja) {
  const std::pair<const char*, const char*> cases[] = {
      {"2 * 3 ~ 4", "64"},        // ~ after *
      {"-2 ** 2", "4"},           // the sign before the power
      {"2 ** 3 ** 2", "64"},      // from the left
      {"-1|abs", "1"},            // the filter last
      {"not 1 in [1]", "False"},  // the comparison first
      {"1 < 2 < 3", "True"},      // chained
      {"1 if false", ""},         // without else: undefined
      {"1 if true else 2 if false else 3", "1"},
      {"true and 0 or 'x'", "x"},  // the operand itself
      {"'a' 'b'", "ab"},
      {"[1, 2, 3][::-1][1:]", "[2, 1]"},
      {"{'a': {'b': 1}}.a['b']", "1"},
  };
  for (const auto& [expression, text] : cases) BOOST_TEST_CONTEXT(expression) {
      BOOST_TEST(render("{{ " + std::string(expression) + " }}") == text);
    }
}

BOOST_AUTO_TEST_CASE(escapes_are_pythons) {
  BOOST_TEST(render(R"({{ 'a\n\t\\\'\x41\101\u00e9\q' }})") == "a\n\t\\'AA\u00e9\\q");
}

BOOST_AUTO_TEST_SUITE_END()
