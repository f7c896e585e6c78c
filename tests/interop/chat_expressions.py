# SPDX-License-Identifier: Apache-2.0
"""Small templates that exercise one construct each, and random expressions: what jinja2 and Python make of them is the judge."""
import itertools
import random

VALUES = [
    "none", "true", "false", "0", "1", "-7", "3", "2.5", "-0.0", "1e16", "1e-5", "0.1", "123456789.125", "1e18", "''", "'a'", "'Abc dÉf'", "'ß ǆ Σας'",
    "' x\\ty\\n '", "'it\\'s \"q\" \\\\'", "'1'", "'42.7'", "'a,b,,c'", "'<b>&'", "[]", "[1, 2, 3]", "['b', 'A', 'c']", "[1, 'x', none, [2.0]]", "()", "(1,)",
    "(1, 'a')", "{}", "{'a': 1, 'b': [true]}", "{'z': {'y': 'x'}, 1: 2}", "range(4)", "range(5, 0, -2)", "missing", "messages[0]", "messages[0].content",
    "messages|length", "[{'k': 2, 'n': 'b'}, {'k': 1, 'n': 'A'}, {'k': 2, 'n': 'c'}]", "'日本 語🌞'", "'\\x00\\u200b\\x7f'", "namespace(a=1).a", "'a\\r\\nb\\x0bc'",
]

BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"]

FILTERS = [
    "abs", "batch(2)|list", "batch(2, 'f')|list", "capitalize", "center(9)", "count", "d('D')", "default('D', true)", "dictsort", "dictsort(true, 'value')", "e",
    "escape", "first", "float", "float(1.5)", "format(1)", "forceescape", "groupby('k')", "indent", "indent(2, true)", "indent('--', blank=true)", "int", "int(9)", "int(base=16)",
    "items|list", "join", "join('-')", "join(', ', attribute='n')", "last", "length", "list", "lower", "map('upper')|list", "map('string')|join('|')",
    "map(attribute='k')|list", "map(attribute='q', default=0)|list", "max", "min", "min(attribute='k')", "reject('odd')|list", "reject|list", "rejectattr('k', 'gt', 1)|list",
    "replace('a', 'Z')", "replace('', '.')", "replace('b', '', 1)", "reverse|list", "round", "round(1)", "round(0, 'ceil')", "safe", "select|list",
    "select('string')|list", "selectattr('k')|list", "selectattr('k', 'equalto', 2)|list", "slice(2)|list", "slice(3, 'f')|list", "sort", "sort(reverse=true)",
    "sort(attribute='k')", "sort(attribute='k,n', reverse=true)", "sort(case_sensitive=true)", "string", "sum", "sum(attribute='k')", "sum(start=2)", "title", "tojson", "tojson(indent=2)",
    "tojson(true)", "tojson(sort_keys=true)", "tojson(separators=(',', ':'))", "tojson(indent=0)", "tojson(indent='\\t')", "trim", "trim('ax')", "truncate(5)", "truncate(5, true, '…', 0)",
    "unique|list", "unique(attribute='k')|list", "upper", "wordcount", "attr('k')", "first|upper", "nofilter", "string|length",
]

TESTS = [
    "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence", "iterable", "callable", "odd", "even",
    "divisibleby 3", "divisibleby(2)", "lower", "upper", "eq 1", "== 1", "ne 'a'", "gt 0", "ge 1", "lt 2", "le 2", "in [1, 'a']", "in 'abc'", "equalto none", "escaped", "sameas none",
    "not defined", "not none", "lessthan 3", "greaterthan(0)", "notest",
]

METHODS = [
    "capitalize()", "center(9, '*')", "count('a')", "count('')", "endswith('c')", "endswith(('x', ''))", "find('b')", "find('', 99)", "index('a')", "isalnum()", "isalpha()", "isascii()",
    "isdecimal()", "isdigit()", "islower()", "isnumeric()", "isspace()", "istitle()", "isupper()", "join(['1', '2'])", "join([1])", "join('xy')", "ljust(6)", "lower()", "lstrip()", "lstrip('a ')",
    "partition('b')", "removeprefix('a')", "removesuffix('c')", "replace('a', 'bb')", "replace('', '-', 2)", "replace('a', 'b', 0)", "rfind('b')", "rjust(6, '0')", "rpartition(',')", "rsplit(',', 1)",
    "rsplit()", "rstrip('c\\n ')", "split()", "split(',')", "split(',', 1)", "split(none, 1)", "split(sep=',', maxsplit=2)", "split('')", "splitlines()", "splitlines(true)", "startswith('A')", "startswith('b', 1)",
    "startswith('b', 1, 2)", "strip()", "strip('a')", "swapcase()", "title()", "upper()", "zfill(5)", "format(1, 'x', k=2)", "items()", "items()|list", "keys()|list", "values()|list", "get('a')",
    "get('q', 'dflt')", "get(1)", "append(1)", "pop()", "update({})", "index(1)", "index('x')", "count(1)", "copy()", "nomethod()", "a", "b[0]", "z.y", "0", "n", "start", "clear",
]

INDICES = ["[0]", "[-1]", "[9]", "['a']", "[none]", "[1:]", "[:2]", "[::-1]", "[-2:]", "[1:3:2]", "[:0:-1]", "[true]", "[1.0]", "[[]]", "[5:1]", "['a':]", "[::0]", "[-100:100]", "[(1, 2)]"]

FORMATS = [
    "'%s' % {}", "'%r' % {}", "'%d' % {}", "'%5.2f|%-6s|%05d' % (2.5, 'ab', 42)", "'%s %s' % (1, {})", "'%%' % ()", "'%x %X %o' % (255, 255, 8)", "'%e' % {}", "'%g' % {}", "'%+d % d' % (3, 4)", "'%c%c' % ('a', 98)",
    "'%(a)s' % {}", "'%.3s' % {}", "'%*d' % (5, 3)", "'%s' % ({},)", "'%i' % 3.9", "'%#x' % 255", "'%q' % 1", "'%s' % []", "'%.0f' % 2.5", "'%10.3e' % 12345.678", "'%-10s|' % {}",
    "'{{}}'.format({})", "'{{0}} {{1}}'.format({}, 2)", "'{{a}}'.format(a={})", "'{{:>8}}|'.format({})", "'{{:<8}}|'.format({})", "'{{:^9}}|'.format({})", "'{{:05d}}'.format(42)", "'{{:.2f}}'.format(2.345)", "'{{:,}}'.format(1234567)",
    "'{{!r}}'.format({})", "'{{!s:>6}}'.format({})", "'{{:+}} {{:x}} {{:#b}}'.format(3, 255, 5)", "'{{:%}}'.format(0.25)", "'{{:*^7}}'.format('ab')", "'{{0[a]}} {{0.a}}'.format({{'a': 1}})", "'{{{{}}}}'.format()", "'{{'.format()",
    "'{{:e}}'.format(12345.678)", "'{{:{{}}}}'.format('x', 4)", "'{{}} {{1}}'.format(1, 2)", "'{{:d}}'.format('a')", "'{{:_}}'.format(1234567)", "'{{:.3}}'.format('abcdef')", "'{{:08.3f}}'.format(-3.14159)",
]

STATEMENTS = [
    "{{ messages[0]['items']['type'] is defined }}{{ messages[0].items.type|default('none') }}{{ (messages[0]|items).type is defined }}",
    "{{ ([1]|map('string')).x is defined }}{{ range.x is defined }}{{ 'a'.split.x is defined }}{{ 1.5.x is defined }}{{ messages[0].keys().x is defined }}",
    "{% macro f() %}{% endmacro %}{{ f.type is defined }}{{ f['type'] is defined }}{{ f|attr('type') is defined }}", "{{ range['x'] }}{{ range.start }}{{ namespace.y }}", "{{ messages[0].items.type.more }}",
    "{% for x in [1, 2, 3] %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}",
    "{% for x in 'abc' %}{{ loop.previtem }}{{ loop.nextitem }}{{ loop.first }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.cycle('o', 'e') }}{{ loop.changed(x == 'c') }};{% endfor %}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }} {% else %}none{% endfor %}",
    "{% for x in [] %}x{% else %}empty{% endfor %}", "{% for x in missing %}x{% else %}empty{% endfor %}", "{% for x in none %}{% endfor %}", "{% for x in 3 %}{% endfor %}",
    "{% for x in range(10) if x is odd %}{{ loop.index0 }}:{{ x }} {% endfor %}", "{% for x in range(9) %}{% if x == 2 %}{% continue %}{% endif %}{% if x > 4 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [(1,)] %}{% endfor %}", "{% for x in [1] %}{{ loop.nothing is defined }}{{ loop.depth }}{% endfor %}",
    "{% for x in [1, 2] %}{% for y in 'ab' %}{{ loop.index }}{{ x }}{{ y }}{% endfor %}{{ loop.index }}{% endfor %}", "{% for x in [[1, 2], [3]] %}{% for y in x %}{{ loop.last }}{% else %}-{% endfor %}{% endfor %}{{ loop is defined }}",
    "{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "{% if true %}{% set x = 1 %}{% endif %}{{ x }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set x = 1, 2 %}{{ x }}",
    "{% set ns = namespace(n=0, l=[]) %}{% for i in range(5) %}{% set ns.n = ns.n + i %}{% set ns.l = ns.l + [i] %}{% endfor %}{{ ns.n }}{{ ns.l }}", "{% set d = {} %}{% set d.a = 1 %}", "{% set ns = namespace({'a': 1}, b=2) %}{{ ns.a }}{{ ns.b }}{{ ns.c }}|{{ ns['a'] }}",
    "{% set x %}a{{ 1 + 1 }}b{% endset %}[{{ x }}]", "{% set x | upper | trim %} ab {% endset %}[{{ x }}]", "{% filter upper %}a{% set q = 1 %}{{ 'b' }}{% endfilter %}{{ q }}", "{% filter replace('a', 'b') | indent(2, true) %}a\na{% endfilter %}",
    "{% macro m(a, b=2, c='z') %}[{{ a }}{{ b }}{{ c }}]{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(b=1) }}{{ m() }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(q=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(5) }}", "{% macro m(n) %}{{ n }}{% if n > 0 %}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(4) }}", "{% macro m() %}{{ x }}{% endmacro %}{% set x = 3 %}{{ m() }}",
    "{% macro m(x) %}<{{ caller(x) }}>{% endmacro %}{% call(y) m(7) %}y={{ y }}{% endcall %}", "{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}a{% endmacro %}{{ m() + 'b' }}{{ m()|upper }}{{ m is callable }}",
    "{% set x = 1 %}{% macro m() %}{% set x = 2 %}{{ x }}{% endmacro %}{{ m() }}{{ x }}", "{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a }}", "{% generation %}a{% set x = 1 %}b{% endgeneration %}{{ x }}", "{% print 1, 'a' %}",
    "{# c #}a{#- c -#} b {#+ c +#}\n  {# d #}\nc", "a  {%- if true -%}  b  {%- endif -%}  c", "a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "  {%+ if true +%}\n x{% endif %}", "{{ 1 -}}  \n  a  {{- 2 }}", "{% raw %}{{ x }} {% if %}{% endraw %} {{ 1 }}", "a {%- raw -%} {{ x }} {%- endraw -%} b",
    "\n\na\n\n", "a\r\nb\rc\n", "   {% set x = 1 %}   \n{{ x }}", "{{ '{{' }}{{ \"}}\" }}{{ '%}' }}", "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {'b': {}}} }}", "{% if 1 %}a{% elif 0 %}b{% else %}c{% endif %}{% if 0 %}{% elif 1 %}d{% endif %}", "{{ 'a' 'b' \"c\" }}", "{{ 1 if false }}|{{ (1 if false) is defined }}",
    "{{ 1 if true else 2 if false else 3 }}", "{{ 1 < 2 < 3 }}{{ 1 < 3 < 2 }}{{ 1 == 1.0 == true }}", "{{ not 1 in [1] }}{{ 2 not in [1] }}{{ not true == false }}", "{{ -1|abs }}{{ -2 ** 2 }}{{ 2 ** 3 ** 2 }}{{ 2 * 3 ~ 4 + 1 }}", "{{ 1_000 + 0x1F + 0b11 + 0o17 }}{{ 1.5e3 }}{{ 1e3 }}", "{{ 'a\\u00e9\\n\\x41\\101\\q' }}",
    "{{ [1, 2,] }}{{ (1, 2,) }}{{ {'a': 1,} }}{{ dict(a=1) }}{{ dict([('x', 2)], y=3) }}{{ dict({'a': 1}) }}", "{{ raise_exception('no: ' ~ 1) }}", "{{ raise_exception(none) }}", "{{ strftime_now('%d %b %Y %H:%M:%S %A %B %j %% %y %I %p %f %z|%Z|') }}", "{{ range(3)|list }}{{ range(1, 9, 3) }}{{ range(0) }}", "{{ range(100001) }}", "{{ range(1, 5)[1:] }}",
    "{{ missing.x }}", "{{ missing() }}", "{{ missing['x'] }}", "{{ missing + 1 }}", "{{ missing ~ 'a' }}|{{ missing|length }}|{{ missing|default(1) }}|{{ missing == none }}|{{ missing in [1] }}|{{ 1 in missing }}|{{ missing|list }}", "{{ messages[99].role }}", "{{ messages[0].nothing }}|{{ messages[0].nothing is none }}|{{ messages[0]['nothing'] is defined }}",
    "{{ none.x is defined }}{{ (1).x is defined }}", "{{ ('a'|safe) + '<' }}{{ '<' + ('a'|safe) }}{{ '<' ~ ('>'|safe) }}{{ ('<'|e) * 2 }}{{ '%s' % ('<'|e) }}{{ ('<b>'|safe).replace('b', '<') }}{{ [('<'|e)] }}", "{{ [1, [2, (3,)], {'k': none}]|tojson }}", "{{ {1: 2, none: 3, true: 4, 1.5: 5, 'k': 'é\"\\\\/\\n\\t\\x01\\u2028'}|tojson }}", "{{ {'a': [], 'b': {}, 'c': [1, {'d': 2}]}|tojson(indent=4) }}", "{{ '日本🌞\\x7f'|tojson(ensure_ascii=true) }}", "{{ (1, 2)|tojson }}{{ missing|tojson }}",
    "{% set x = messages|selectattr('role', 'equalto', 'user')|list %}{{ x|length }}{% set y = messages|selectattr('role', 'equalto', 'nobody') %}{{ 'true' if y else 'false' }}", "{{ (messages|map(attribute='role'))|list }}{{ messages|map(attribute='role')|join('>') }}", "{% set it = [1, 2]|select %}{{ it|list }}{{ it|list }}", "{{ ([1, 2]|map('string'))|length }}", "{{ messages|groupby('role')|map('first')|list }}", "{% for role, group in messages|groupby('role') %}{{ role }}{{ group|length }}{% endfor %}",
    "{{ add_generation_prompt }}{{ tools }}{{ documents }}{{ bos_token }}", "{{ undefined_function() }}", "{% unknown %}", "{% if %}{% endif %}", "{% if true %}", "{{ 1", "{{ 'a }}", "{{ (1 }}", "{{ 1) }}", "{{ }}", "{% for %}{% endfor %}", "{% for x in %}{% endfor %}", "{% endif %}", "{{ a b }}", "{{ 'a' is }}", "{{ 1 | }}", "{% set %}{% endset %}", "{% break %}", "{% set true = 1 %}", "{{ f(a=1, 2) }}", "{# open", "{% raw %}", "{{ a.1.b }}", "{{ [1, 2].1 }}{{ [[1, 2]].0.1 }}", "{{ 1.5.x }}", "{{ {'a' 1} }}", "{{ x is defined is true }}", "{{ !a }}", "{{ a ? b : c }}",
    "{{ 7 // 2 }}{{ -7 // 2 }}{{ 7 % -3 }}{{ -7 % 3 }}{{ 7.5 // 2 }}{{ -7.5 % 2 }}{{ 1 / 3 }}{{ 6 / 2 }}{{ 2 ** -1 }}{{ 2 ** 0.5 }}{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 1.0 % 0 }}", "{{ true + true }}{{ true * 'a' }}{{ 'ab' * 2 }}{{ [0] * 3 }}{{ -1 * [1] }}", "{{ 100000000000000000000.0 }}{{ 1e300 * 1e10 }}{{ 0.1 + 0.2 }}{{ 1.0 }}{{ -0.0 }}{{ 5e-324 }}", "{{ messages.append(1) }}", "{{ messages.pop is defined }}{{ messages[0].pop is defined }}", "{{ messages[0].update }}|", "{{ 'a'.__class__ }}|{{ 'a'.__class__ is defined }}", "{{ 'x'.__class__.__mro__ }}", "{{ {'items': 1}['items'] }}{{ {'items': 1}.items is callable }}", "{{ cycler is defined }}{{ lipsum is defined }}{{ namespace is defined }}",
    "{{ [3, 1, 2]|sort|join }}{{ ['b', 'a', 'B']|sort }}{{ [1, 'a']|sort }}", "{{ {'b': 1, 'a': 2, 'B': 0}|dictsort }}{{ {'b': 1}|items|list }}", "{{ 'a-b c(d [e <f'|title }}{{ 'hello WORLD'|capitalize }}", "{{ 'a\nb\n\nc'|indent }}|{{ 'a\nb\n\nc'|indent(2, true, true) }}|{{ ''|indent(first=true) }}|{{ 1|indent }}", "{{ '0x1f'|int(base=16) }}{{ '0b11'|int(0, 2) }}{{ ' 12 '|int }}{{ '1_000'|int }}{{ 'x'|int(-1) }}{{ none|int }}{{ 'inf'|float }}{{ 'nan'|float }}{{ '1e3'|int }}", "{{ 2.57|round(1, 'floor') }}{{ 2.5|round }}{{ 3.5|round }}{{ 2.675|round(2) }}{{ 42|round }}{{ 42.7|round|int }}{{ -2.5|round }}{{ 1.25|round(1, 'ceil') }}", "{{ [1, 2]|sum }}{{ [[1], [2]]|sum(start=[]) }}{{ ['a']|sum }}", "{{ [none, 0, '', 'x']|select|list }}{{ [1, 2, 3]|map('pow', 2)|list }}",
]


def _random_expression(rng, depth):
    if depth == 0:
        return rng.choice(VALUES)
    inner = lambda: _random_expression(rng, rng.randrange(depth))
    kind = rng.randrange(9)
    if kind == 0:
        return f"({inner()} {rng.choice(BINARY[:6] + BINARY[7:])} {inner()})"
    if kind == 1:
        return f"{inner()}|{rng.choice(FILTERS)}"
    if kind == 2:
        return f"({inner()} is {rng.choice(TESTS)})"
    if kind == 3:
        return f"({inner()}).{rng.choice(METHODS)}"
    if kind == 4:
        return f"(messages and {inner()}){rng.choice(INDICES)}"
    if kind == 5:
        return f"({inner()} if {inner()} else {inner()})"
    if kind == 6:
        return f"[{inner()}, {inner()}]"
    if kind == 7:
        return f"{{'a': {inner()}, 'k': {inner()}}}"
    return f"(not {inner()})"


def expressions(count=6000, seed=7):
    sources = list(STATEMENTS)
    sources += [f"{{{{ {value}|{filter_} }}}}" for value, filter_ in itertools.product(VALUES, FILTERS)]
    sources += [f"{{{{ {value} is {test} }}}}" for value, test in itertools.product(VALUES, TESTS)]
    sources += [f"{{{{ ({value}).{method} }}}}" for value, method in itertools.product(VALUES, METHODS)]
    # jinja2 folds constants by other rules than those of its compiled code: a variable keeps it from folding
    sources += [f"{{% set v = {value} %}}{{{{ v{index} }}}}" for value, index in itertools.product(VALUES, INDICES)]
    sources += [f"{{{{ {template.format(value)} }}}}" for value, template in itertools.product(VALUES, FORMATS)]
    sources += [f"{{{{ {a} {op} {b} }}}}" for a, op, b in itertools.product(VALUES[::2], BINARY, VALUES[1::3])]
    rng = random.Random(seed)
    sources += ["{{ " + _random_expression(rng, 4) + " }}" for _ in range(count)]
    return sources
