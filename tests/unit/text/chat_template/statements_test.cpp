// SPDX-License-Identifier: Apache-2.0
#include <boost/test/unit_test.hpp>

#include "text/chat_template/rendering.hpp"

using mhub::tests::render;

BOOST_AUTO_TEST_SUITE(statements)

BOOST_AUTO_TEST_CASE(a_loop_knows_where_it_is) {
  BOOST_TEST(
      render("{% for x in 'abc' %}{{ loop.index }}{{ loop.revindex0 }}{{ loop.previtem }}{{ loop.nextitem }}"
             "{{ loop.first }}{{ loop.last }}{{ loop.cycle('o', 'e') }};{% endfor %}") ==
      "12bTrueFalseo;21acFalseFalsee;30bFalseTrueo;");
  BOOST_TEST(render("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}") == "a1b2");
  BOOST_TEST(render("{% for x in [] %}x{% else %}none{% endfor %}") == "none");
  BOOST_TEST(render("{% for x in range(9) if x is odd %}{{ loop.index0 }}{{ x }} {% endfor %}") ==
             "01 13 25 37 ");
  BOOST_TEST(render("{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x > 3 %}{% break %}"
                    "{% endif %}{{ x }}{% endfor %}") == "023");
}

BOOST_AUTO_TEST_CASE(what_a_loop_sets_ends_with_its_round) {
  BOOST_TEST(render("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}") ==
             "231");
  BOOST_TEST(render("{% if true %}{% set x = 1 %}{% endif %}{{ x }}") == "1");
  BOOST_TEST(
      render(
          "{% set n = namespace(x=0) %}{% for i in [1, 2] %}{% set n.x = n.x + i %}{% endfor %}{{ n.x }}") ==
      "3");
  BOOST_TEST(render("{% set a, b = 1, 2 %}{{ b }}{{ a }}") == "21");
}

BOOST_AUTO_TEST_CASE(blocks_can_be_set_filtered_and_marked) {
  BOOST_TEST(render("{% set x %}a{{ 1 }}{% endset %}[{{ x }}]") == "[a1]");
  BOOST_TEST(render("{% set x | upper %}a{% endset %}{{ x }}") == "A");
  BOOST_TEST(render("{% filter upper | trim %} a{% set q = 1 %} {% endfilter %}{{ q }}") == "A");
  BOOST_TEST(render("{% generation %}a{% set q = 1 %}{% endgeneration %}{{ q }}") == "a");
  BOOST_TEST(render("{% with a = 1 %}{{ a }}{% endwith %}{{ a }}") == "1");
}

BOOST_AUTO_TEST_CASE(macros_take_arguments_as_functions_do) {
  const std::string macro = "{% macro m(a, b=a) %}[{{ a }}{{ b }}]{% endmacro %}";
  BOOST_TEST(render(macro + "{{ m(1) }}{{ m(1, 2) }}{{ m(b=3) }}{{ m(*[4], **{'b': 5}) }}") ==
             "[11][12][3][45]");
  BOOST_TEST(render("{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, k=2) }}") ==
             "(1,){'k': 2}");
  BOOST_TEST(render("{% macro m(n) %}{{ n }}{% if n %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(3) }}") ==
             "3210");
  BOOST_TEST(render("{% macro m() %}<{{ caller(2) }}>{% endmacro %}{% call(x) m() %}x{{ x }}{% endcall %}") ==
             "<x2>");
  BOOST_TEST(render("{% macro m() %}{{ x }}{% endmacro %}{% set x = 3 %}{{ m() }}") ==
             "3");  // its scope, not a copy
}

BOOST_AUTO_TEST_SUITE_END()
