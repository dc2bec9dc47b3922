"""Chat templates: what reaches further than text is found, what formats a conversation is left alone."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import Technique
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.models.templates import Bounds, hazards_of_template

REACHES, OUTSIDE = Technique.TEMPLATE_REACHES_OBJECTS, Technique.TEMPLATE_OUTSIDE_SET

HARMFUL = {
    "attribute": ("{{ ''.__class__.__mro__[1].__subclasses__() }}", REACHES),
    "globals of a helper": ("{{ cycler.__init__.__globals__.os.popen('true').read() }}", REACHES),
    "lipsum": ("{{ lipsum.__globals__['os'].popen('true') }}", REACHES),
    "subscript": ("{{ messages['__class__'] }}", REACHES),
    "escaped subscript": (r"{{ messages['\x5f\x5fclass\x5f\x5f'] }}", REACHES),
    "sum of pieces": ("{{ messages['__cl' + 'ass__'] }}", REACHES),
    "joined pieces": ("{{ messages['__cl' ~ 'ass__'] }}", REACHES),
    "joined list": ("{{ messages[['__', 'class', '__']|join] }}", REACHES),
    "reversed": ("{{ messages['__ssalc__'|reverse] }}", REACHES),
    "replaced": ("{{ messages['xxclassxx'|replace('x', '_')] }}", REACHES),
    "set beforehand": ("{% set a = '__cl' %}{% set b = a ~ 'ass__' %}{{ x[b] }}", OUTSIDE),
    "set to a name": ("{% set a = '__class__' %}{{ x[a] }}", REACHES),
    "filter attr": ("{{ x|attr('__class__') }}", REACHES),
    "filter attr of a variable": ("{{ x|attr(y) }}", OUTSIDE),
    "filter attr of a harmless name": ("{{ x|attr('role') }}", OUTSIDE),
    "map attribute": ("{{ messages|map(attribute='__class__')|list }}", REACHES),
    "map dotted attribute": ("{{ messages|map(attribute='a.__init__.__globals__')|list }}", REACHES),
    "map attr": ("{{ messages|map('attr', '__class__')|list }}", REACHES),
    "selectattr": ("{{ messages|selectattr('__class__')|list }}", REACHES),
    "format field": ("{{ '{0.__class__}'.format(x) }}", REACHES),
    "format field of pieces": ("{{ ('{0.__cl' + 'ass__}').format(x) }}", REACHES),
    "format item": ("{{ '{0.config}'.format(x) }}", OUTSIDE),
    "percent pieces": ("{{ x['%s%s' % ('__cla', 'ss__')] }}", OUTSIDE),
    "keyword": ("{{ x[dict(__class__=1)|first] }}", REACHES),
    "keyword pieces": ("{{ x[dict(__cl=1, ass__=2)|join] }}", OUTSIDE),
    "computed by concatenation": ("{{ x[a ~ b] }}", OUTSIDE),
    "frames": ("{{ x.gi_frame.f_back }}", REACHES),
    "dunder name": ("{{ __builtins__ }}", REACHES),
    "include": ("{% include '/etc/passwd' %}", OUTSIDE),
    "import": ("{% import 'x' as y %}", OUTSIDE),
    "from": ("{% from 'x' import y %}", OUTSIDE),
    "extends": ("{% extends 'x' %}", OUTSIDE),
    "function of an application": ("{{ url_for('x') }}", OUTSIDE),
    "open": ("{{ open('/etc/passwd').read() }}", OUTSIDE),
    "unknown method": ("{{ x.popen('true') }}", OUTSIDE),
    "unknown filter": ("{{ x|shell }}", OUTSIDE),
    "unknown test": ("{{ x is callable_by_me }}", OUTSIDE),
    "endless loop": ("{% for i in range(99999999999) %}x{% endfor %}", OUTSIDE),
    "loops in loops": (
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        OUTSIDE,
    ),
    "loops in loops with steps": (
        "{% for a in range(0, 99999, 2) %}{% if a %}{% for b in range(1, 99) %}x{% endfor %}{% endif %}{% endfor %}",
        OUTSIDE,
    ),
    "endless filling": ("{{ 'x'.ljust(9999999999) }}", OUTSIDE),
    "endless indent": ("{{ x|indent(width=9999999999) }}", OUTSIDE),
    "endless power": ("{% for i in range(9**9**9) %}x{% endfor %}", OUTSIDE),
    "endless text": ("{{ 'x' * 99999999999 }}", OUTSIDE),
    "call of what was computed": ("{{ x[0]('true') }}", OUTSIDE),
    "in a macro": ("{% macro f(a) %}{{ a.__class__ }}{% endmacro %}{{ f(1) }}", REACHES),
    "in a condition": ("{% if x.__class__ %}{% endif %}", REACHES),
    "in a block that marks": ("{% generation %}{{ x.__class__ }}{% endgeneration %}", REACHES),
}

HARMLESS = {
    "filling": "{{ 'x'.ljust(80) }}{{ x|indent(4) }}{{ x|center(width=40) }}",
    "joiner and cycler": (
        "{% set sep = joiner(', ') %}{% set row = cycler('a', 'b') %}{% for m in messages %}{{ sep() }}{{ row.next() }}{% endfor %}"
    ),
    "short loops in loops": (
        "{% for a in range(10) %}{% for b in range(10) %}{{ messages[a] }}{% endfor %}{% endfor %}"
        "{% for a in range(messages|length) %}{% for b in range(0) %}x{% endfor %}{% endfor %}"
    ),
    "chatml": "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] }}{% endfor %}",
    "text that looks like code": "os.system('x') __class__ {# __globals__ #} <__init__>",
    "neighbours": "{% for m in messages %}{{ messages[loop.index0 - 1].role }}{{ messages[1:] }}{% endfor %}",
    "tools": "{{ tools|tojson(indent=4) }}{{ tool.function.arguments|items }}{{ x|map(attribute='name')|join(', ') }}",
    "namespace": "{% set ns = namespace(found=false) %}{% set ns.found = true %}{{ ns.found }}",
    "macro": "{% macro f(a) %}{{ a|trim }}{% endmacro %}{% set g = f %}{{ f('x') ~ g('y') }}",
    "recursion": "{% for x in y recursive %}{{ loop(x.children) }}{% endfor %}",
    "errors": "{{ raise_exception('roles must alternate') }}{{ strftime_now('%d %b %Y') }}",
    "methods": "{{ m.content.split('</think>')[-1].lstrip('\n').replace('a', 'b').startswith('x') }}",
    "table": "{% set code = m['code']|replace('_', '-') %}{{ {'en-GB': 'English'}[code] }}{{ languages[code] }}",
    "placeholders": "{{ '{}: {}'.format(a, b) }}{{ '%s' % x }}{{ '{:>10}'.format(x) }}",
    "lists": "{% set a = [] %}{% do a.append('x') %}{% set a = a + [('name', m.name)] %}{{ a[0] }}",
    "loop controls": "{% for m in messages %}{% if m.x %}{% break %}{% endif %}{% continue %}{% endfor %}",
    "marks": "{% generation %}{{ m.content }}{% endgeneration %}",
    "tests": "{{ x is defined and x is not none and x is mapping and x is string and x is iterable }}",
    "private-looking keys": "{{ fn.get('_xtml') }}{{ m['_id'] }}{{ m._name }}",
    "underscores": "{{ '____' + x }}{{ '_' * 3 }}{{ '__' ~ x }}",
    "computed content": "{% set text = '<a>' ~ x ~ '</a>' %}{{ text }}{{ text[0] }}{{ text[2:] }}",
    "slices": "{{ messages[-1]['content'][:100] }}{{ messages[(i + 1) % 2] }}",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_reaches_further_is_found(name) -> None:
    text, technique = HARMFUL[name]
    found = hazards_of_template(f"{HARMLESS['chatml']}\n{text}", subject="chat_template")
    assert technique in {hazard.technique for hazard in found}
    assert all(hazard.subject == "chat_template" and "(line 2" in hazard.detail for hazard in found)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_formats_a_conversation_is_left_alone(name) -> None:
    assert hazards_of_template(HARMLESS[name], subject="chat_template") == []


def test_other_templates_may_include_files_but_not_reach_objects() -> None:
    text = "{% include 'header.html' %}{{ url_for('index') }}{{ x|attr('name') }}"
    assert hazards_of_template(text, subject="page.html.j2", is_chat=False) == []
    (found,) = hazards_of_template(f"{text}{{{{ x.__class__ }}}}", subject="page.html.j2", is_chat=False)
    assert found.technique is REACHES


def test_the_code_of_a_finding_is_the_place_in_the_line() -> None:
    text = "{{ '" + "a" * 5_000 + "' }}{{ x.__globals__ }}" + "b" * 5_000
    (found,) = hazards_of_template(text, subject="t")
    assert "{{ x.__globals__ }}" in found.code
    assert len(found.code) <= 300


@pytest.mark.parametrize("text", ["{% if %}", "{{ x", "{% endfor %}", "{% nosuchtag %}"])
def test_what_is_no_template_is_said_so(text) -> None:
    with pytest.raises(ParseError, match="no Jinja template"):
        hazards_of_template(text, subject="t")


@pytest.mark.parametrize(
    "text", ["{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}", "{{ " + "-" * 50_000 + "1 }}"]
)
def test_what_is_too_long_or_too_deep_is_named(text) -> None:
    with pytest.raises(KeelmarkError):
        hazards_of_template(text, subject="t")


def test_what_is_longer_than_any_template_is_no_formatting() -> None:
    (found,) = hazards_of_template("a" * 2_000_000, subject="t")
    assert found.technique is Technique.TEMPLATE_OUTSIDE_SET
    with pytest.raises(LimitExceededError):
        hazards_of_template("a" * 2_000_000, subject="t", is_chat=False)


def test_what_has_too_many_nodes_is_named() -> None:
    with pytest.raises(LimitExceededError):
        hazards_of_template("{{ x }}" * 100, subject="t", bounds=Bounds(max_nodes=50))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["{{", "}}", "{%", "%}", "for", "x", "in", ".", "__class__", "|", "attr", "(", ")", "'", "[", "]", "~", "set", "=", " ", "-", "1", "\n", "é"]), max_size=40))  # fmt: skip
def test_any_text_is_a_valid_input(parts) -> None:
    with contextlib.suppress(KeelmarkError):
        hazards_of_template("".join(parts), subject="t")
