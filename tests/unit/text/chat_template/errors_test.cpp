// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "text/chat_template/rendering.hpp"

using namespace mhub;
using namespace mhub::tests;

BOOST_AUTO_TEST_SUITE(errors)

BOOST_AUTO_TEST_CASE(name_template_line_and_construct) {
  const std::pair<const char*, const char*> cases[] = {
      {"a\n{{ raise_exception('roles: ' ~ 1) }}", "t.jinja:2: roles: 1"},
      {"\n\n{% include 'x' %}", "t.jinja:3: the statement {% include %} is not supported"},
      {"{% for x in [] recursive %}{% endfor %}", "t.jinja:1: a recursive for loop is not supported"},
      {"\n{{ 'x' | xmlattr }}", "t.jinja:2: the filter 'xmlattr' is not supported"},
      {"{{ 'x' is filter }}", "the test 'filter' is not supported"},
      {"{{ 'x'.encode() }}", "the method str.encode is not supported"},
      {"{{ lipsum() }}", "the function 'lipsum' is not supported"},
      {"{{ 2 ** 64 }}", "an integer beyond 64 bits is not supported"},
      {"{{ messages | map('upper') }}", "printing a value of type generator is not supported"},
      {"{% if true %}\nx", "t.jinja:2: unexpected end of template, expected {% endif %}"},
      {"{{ messages[0].nothing.more }}", "'dict object' has no attribute 'nothing'"},
      {"{{ nobody() }}", "'nobody' is undefined"},
      {"{{ 1 + 'a' }}", "unsupported operand type(s) for +: 'int' and 'str'"},
      {"{{ 1 }", "t.jinja:1: unexpected '}'"},
      {"{% frobnicate %}", "unknown tag 'frobnicate'"},
      {"\xff", "not valid UTF-8"},
  };
  for (const auto& [text, message] : cases) BOOST_TEST_CONTEXT(text) {
      BOOST_CHECK_EXCEPTION(render(text), InputError, message_has(message));
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_used_is_no_error) {
  BOOST_TEST(
      render("{% if false %}{{ 'x' | xmlattr }}{{ lipsum() }}{{ raise_exception('no') }}{% endif %}ok") ==
      "ok");
}

BOOST_AUTO_TEST_SUITE_END()
