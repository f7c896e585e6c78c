// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <ctime>
#include <utility>

#include <boost/test/unit_test.hpp>

#include "mhub/base/error.hpp"
#include "text/chat_template/rendering.hpp"

using mhub::tests::render;

BOOST_AUTO_TEST_SUITE(values)

BOOST_AUTO_TEST_CASE(print_as_in_python) {
  const std::pair<const char*, const char*> cases[] = {
      {"none", "None"},
      {"[true, 1, 1.0, 1e16, 1e-5, 0.1, 'it\\'s', '\"\\n\\x7f']",
       "[True, 1, 1.0, 1e+16, 1e-05, 0.1, \"it's\", '\"\\n\\x7f']"},
      {"(1,)", "(1,)"},
      {"{'a': (), 1: none}", "{'a': (), 1: None}"},
      {"missing", ""},
      {"[missing]", "[Undefined]"},
      {"messages[1].a", "[2.0, None]"},
      {"{1: 'a', true: 'b', 1.0: 'c'}", "{1: 'c'}"},  // one key
      {"range(0, 6, 2)", "range(0, 6, 2)"},
      {"7 // -2", "-4"},
      {"-7 % 3", "2"},
      {"6 / 3", "2.0"},
      {"'%5.2f|%-4s|%04d' % (2.5, 'x', 7)", " 2.50|x   |0007"},
      {"'{:>4}|{!r}|{k}'.format(1, 'a', k=2)", "   1|'a'|2"},
  };
  for (const auto& [expression, text] : cases) BOOST_TEST_CONTEXT(expression) {
      BOOST_TEST(render("{{ " + std::string(expression) + " }}") == text);
    }
}

BOOST_AUTO_TEST_CASE(json_keeps_the_order_of_keys_and_the_letters) {
  BOOST_TEST(render("{{ messages[1] | tojson }}") ==
             R"({"role": "assistant", "content": "Ho", "b": 1, "a": [2.0, null]})");
  BOOST_TEST(render("{{ {'b': '\u00e9<\\n', 'a': []} | tojson(indent=2) }}") ==
             "{\n  \"b\": \"\u00e9<\\n\",\n  \"a\": []\n}");
  BOOST_TEST(render("{{ '\u00e9' | tojson(ensure_ascii=true) }}") == "\"\\u00e9\"");
}

BOOST_AUTO_TEST_CASE(strings_are_characters) {
  BOOST_TEST(
      render("{{ t | length }}{{ t[1] }}{{ t[::-1] }}{{ t.find('c') }}{{ t | upper }}{{ t.center(6, '*') }}",
             R"({"t": "äöc"})") == "3öcöä2ÄÖC*äöc**");
  BOOST_TEST(render("{{ 'ß'.upper() }}{{ 'ΑΣ'.lower() }}{{ 'hello wORLD'.title() }}") ==
             "SSας"
             "Hello World");
}

BOOST_AUTO_TEST_CASE(a_method_hides_a_key_behind_a_dot) {
  BOOST_TEST(render("{{ d['items'] }}{{ d.items is callable }}{{ d.x }}", R"({"d": {"items": 1, "x": 2}})") ==
             "1True2");
}

BOOST_AUTO_TEST_CASE(what_functions_and_generators_lack_is_undefined) {
  // A schema without "items": the name is then that of the dict's method (tool templates of gpt-oss, Hermes).
  const char* schema = R"({"d": {"type": "array"}})";
  BOOST_TEST(render("{{ 'a' if d['items']['type'] == 'string' else 'any' }}", schema) == "any");
  BOOST_TEST(render("{{ d.items.type|default('none') }}{{ (d|items).type is defined }}", schema) ==
             "noneFalse");
  BOOST_TEST(render("{{ ([1]|map('string')).x is defined }}{{ d.keys().x is defined }}", schema) ==
             "FalseFalse");
  BOOST_TEST(render("{% macro f() %}{% endmacro %}{{ f.type is defined }}{{ f['x']|default(1) }}") ==
             "False1");
  BOOST_TEST(render("{{ range.x is defined }}{{ 'a'.split.x is defined }}{{ 1.5.x is defined }}") ==
             "FalseFalseFalse");
  // What they have and this interpreter does not is not undefined.
  BOOST_CHECK_THROW(render("{% macro f() %}{% endmacro %}{{ f.name }}"), mhub::InputError);
  BOOST_CHECK_THROW(render("{{ dict.fromkeys }}"), mhub::InputError);
  BOOST_CHECK_THROW(render("{{ dict['x'] }}"), mhub::InputError);
}

BOOST_AUTO_TEST_CASE(lists_cannot_be_changed) {
  BOOST_TEST(render("{{ messages.append is defined }}") == "False");
  BOOST_CHECK_THROW(render("{{ messages.append(1) }}"), mhub::Error);
}

BOOST_AUTO_TEST_CASE(variables_win_over_special_tokens) {
  BOOST_TEST(render("{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}", R"({"bos_token": "B"})") ==
             "B</s>False");
  BOOST_TEST(render("{{ tools }}{{ documents }}{{ add_generation_prompt }}") == "NoneNoneFalse");
}

BOOST_AUTO_TEST_CASE(the_clock_is_the_callers) {
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  mhub::ChatRequest request;
  request.now = std::chrono::system_clock::from_time_t(1753706096);
  const mhub::ChatTemplate clock("{{ strftime_now('%d %b %Y %H:%M:%S %f|%z') }}", {});
  BOOST_TEST(clock.render(request) == "28 Jul 2025 12:34:56 000000|");
}

BOOST_AUTO_TEST_SUITE_END()
