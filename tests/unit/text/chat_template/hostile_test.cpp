// SPDX-License-Identifier: Apache-2.0
#include <string>

#include <boost/test/unit_test.hpp>

#include "base/temporary_folder.hpp"
#include "text/chat_template/rendering.hpp"

BOOST_AUTO_TEST_SUITE(hostile)

using namespace mhub;
using namespace mhub::tests;

namespace {

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(deep_syntax) {
  for (const char* opening :
       {"(", "[", "-", "not ", "{1: ", "f(", "1 if 1 else ", "x[", "x is eq (", "(1,"}) {
    BOOST_TEST_CONTEXT(opening) { BOOST_CHECK_THROW(render("{{ " + repeat(opening, 20000)), InputError); }
  }
  for (const char* chain : {" + 1", " ~ 1 + 1", ".a", "[0]", "()", "|abs", " and 1", " is not none"}) {
    BOOST_TEST_CONTEXT(chain) {
      BOOST_CHECK_THROW(render("{% if false %}{{ 1" + repeat(chain, 20000) + " }}{% endif %}"), InputError);
    }
  }
  BOOST_CHECK_THROW(render(repeat("{% if 1 %}", 20000)), InputError);
  BOOST_CHECK_THROW(render("{% for " + repeat("(", 20000) + "x"), InputError);
}

BOOST_AUTO_TEST_CASE(endless_calls) {
  BOOST_CHECK_EXCEPTION(render("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"), InputError,
                        message_has("maximum recursion depth exceeded"));
  BOOST_CHECK_THROW(
      render("{% macro m(x) %}{% call m(1) %}{{ caller() }}{% endcall %}{% endmacro %}{{ m(1) }}"),
      InputError);
}

BOOST_AUTO_TEST_CASE(endless_loops) {
  // Each search through s counts as a million steps, so that the test need not take as long as the limit
  // allows.
  BOOST_CHECK_EXCEPTION(
      render("{% set s = 'x' * 64000000 %}{% for i in range(100000) %}{{ 'y' in s }}{% endfor %}"),
      InputError, message_has("runs too long"));
}

BOOST_AUTO_TEST_CASE(huge_values) {
  const std::string doubling = "{% set n = namespace(s='x', l=[1]) %}{% for i in range(99999) %}";
  for (const char* text : {
           "{{ 'x' * 1000000000000 }}",
           "{{ [0] * 1000000000000 }}",
           "{{ 'x'.center(1000000000000) }}",
           "{{ 'x'.ljust(1000000000000) | length }}",
           "{{ '%1000000000d' % 1 }}",
           "{{ '%.1000000000f' % 1 }}",
           "{{ '{:>1000000000}'.format(1) }}",
           "{{ 'x' | indent(1000000000000, true) }}",
           "{{ [1] | tojson(indent=1000000000000) }}",
           "{{ [1] | batch(1000000000000, 0) | list }}",
           "{{ [1] | slice(1000000000000) | list }}",
           "{{ range(100001) }}",
           "{{ 1.5 | round(1000000000000) }}{{ ('x' * 1000000).replace('', 'y' * 1000000) }}",
           "{{ (['x'] * 100000) | join('y' * 100000) }}",
           "{{ strftime_now('%A' * 100000) }}",
           "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
       }) {
    BOOST_TEST_CONTEXT(text) { BOOST_CHECK_THROW(render(text), InputError); }
  }
  BOOST_CHECK_THROW(render(doubling + "{% set n.s = n.s ~ n.s %}{% endfor %}"), InputError);
  BOOST_CHECK_THROW(render(doubling + "{% set n.s = n.s.replace('x', 'xx') %}{% endfor %}"), InputError);
  BOOST_CHECK_THROW(render(doubling + "{% set n.l = n.l + n.l %}{% endfor %}"), InputError);
  BOOST_CHECK_THROW(render(doubling + "{% set n.l = [n.l, n.l] %}{% endfor %}"), InputError);
  BOOST_CHECK_THROW(render(doubling + "{% set n.l = {'a': n.l} %}{% endfor %}"), InputError);
  BOOST_CHECK_THROW(
      render(doubling + "{% set n.l = n.l + [n.s] %}{% set n.s = n.s ~ 'xxxxxxxxxxxxxxxx' %}{% endfor %}"),
      InputError);
}

BOOST_AUTO_TEST_CASE(values_that_hold_themselves) {
  BOOST_TEST(render("{% set n = namespace() %}{% set n.n = [n] %}{% macro m() %}{{ n }}{% endmacro %}ok") ==
             "ok");
  BOOST_TEST(render("{% set n = namespace() %}{% for i in range(30000) %}{% set n.p = namespace(p=n.p) %}{% "
                    "endfor %}ok") == "ok");
  BOOST_CHECK_THROW(render("{% set n = namespace() %}{% set n.n = n %}{{ n }}"), InputError);
}

BOOST_AUTO_TEST_CASE(numbers_at_the_edge) {
  for (const char* text : {"{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}",
                           "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
                           "{{ (-9223372036854775807 - 1) | abs }}", "{{ 99999999999999999999 }}",
                           "{{ 3037000500 * 3037000500 }}", "{{ 1 % 0 }}", "{{ 1 // 0 }}", "{{ 1.0 // 0 }}",
                           "{{ 0 ** -1 }}", "{{ 1e300 | int }}", "{{ 'x' * 9223372036854775807 }}",
                           "{{ range(9223372036854775807, 9223372036854775806, -1) }}"}) {
    BOOST_TEST_CONTEXT(text) { BOOST_CHECK_THROW(render(text), InputError); }
  }
  BOOST_TEST(render("{{ (-9223372036854775807 - 1) % -1 }}{{ "
                    "'abc'[-9223372036854775807:9223372036854775807:9223372036854775807] }}") == "0a");
}

BOOST_AUTO_TEST_SUITE_END()
