"""JSON is read in one way only, and what goes on reads the same with every parser."""

import json
import math
import re

import jiter
import msgspec
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.strict_json import JsonBounds, decode, decode_foreign

BOUNDS = JsonBounds()


def read(data: bytes, bounds: JsonBounds = BOUNDS):
    return decode(data, bounds).value


def reason(data: bytes, bounds: JsonBounds = BOUNDS) -> str:
    with pytest.raises(RefusedError) as caught:
        decode(data, bounds)
    return caught.value.reason


class Exact:
    """A slow parser that follows RFC 8259 letter by letter, and refuses what the module promises to refuse."""

    number = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")

    def __init__(self, data: bytes) -> None:
        self.text = data.decode("utf-8")
        self.at = 0

    def whole(self):
        value = self.value(0)
        self.blanks()
        assert self.at == len(self.text)
        return value

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t\n\r":
            self.at += 1

    def take(self, mark: str) -> None:
        assert self.text.startswith(mark, self.at)
        self.at += len(mark)

    def value(self, depth: int):
        self.blanks()
        head = self.text[self.at : self.at + 1]
        if head == "{":
            return self.object(depth + 1)
        if head == "[":
            return self.array(depth + 1)
        if head == '"':
            return self.string()
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return value
        found = self.number.match(self.text, self.at)
        assert found
        self.at = found.end()
        if found[1] or found[2]:
            number = float(found[0])
            assert not math.isinf(number)
            return number
        assert len(found[0]) < 30
        number = int(found[0])
        assert -(2**63) <= number < 2**64
        return number

    def object(self, depth: int):
        assert depth <= BOUNDS.max_depth
        self.take("{")
        built: dict = {}
        self.blanks()
        if self.text.startswith("}", self.at):
            self.at += 1
            return built
        while True:
            self.blanks()
            key = self.string()
            assert key not in built
            self.blanks()
            self.take(":")
            built[key] = self.value(depth)
            self.blanks()
            if self.text.startswith("}", self.at):
                self.at += 1
                return built
            self.take(",")

    def array(self, depth: int):
        assert depth <= BOUNDS.max_depth
        self.take("[")
        built: list = []
        self.blanks()
        if self.text.startswith("]", self.at):
            self.at += 1
            return built
        while True:
            built.append(self.value(depth))
            self.blanks()
            if self.text.startswith("]", self.at):
                self.at += 1
                return built
            self.take(",")

    def string(self) -> str:
        self.take('"')
        units: list[str] = []
        while True:
            char = self.text[self.at]
            self.at += 1
            if char == '"':
                break
            assert ord(char) >= 0x20
            if char != "\\":
                units.append(char)
                continue
            kind = self.text[self.at]
            self.at += 1
            if kind == "u":
                digits = self.text[self.at : self.at + 4]
                assert re.fullmatch("[0-9a-fA-F]{4}", digits)
                self.at += 4
                units.append(chr(int(digits, 16)))
            else:
                units.append(
                    {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}[
                        kind
                    ]
                )
        return "".join(units).encode("utf-16", "surrogatepass").decode("utf-16")


def exact(data: bytes):
    """What the slow parser says: a value in a list, or None."""
    try:
        return [Exact(data).whole()]
    except (AssertionError, UnicodeError, IndexError, KeyError, RecursionError):
        return None


def same(one, other) -> bool:
    """Equal, with the same types; truth values are no numbers, and fractions no whole numbers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


def check_against_exact(data: bytes) -> None:
    expected = exact(data)
    try:
        found = decode(data, BOUNDS)
    except RefusedError:
        assert expected is None, data
        return
    assert expected is not None, data
    assert same(found.value, expected[0]), data
    for parser in (json.loads, msgspec.json.decode, orjson.loads, jiter.from_json):
        assert same(parser(found.canonical), found.value), (parser, data)
    assert decode(found.canonical, BOUNDS).canonical == found.canonical


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"{", b"[1,]", b'{"a":1,}', b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"01", b"1.", b".5",
        b"+1", b"0x1", b"'a'", b'"\\x41"', b'"\x01"', b'"a', b"1 2", b"{} {}", b"\xef\xbb\xbf{}", b"\xff\xfe1\0", b"tru",
        b'{"a" 1}', b"{1:2}", b"/*x*/1", b"[1 2]", b'"\\u12"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\ud800"',
        b'"\\udc00\\ud800"', b'"\\ud83dx\\ude00"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf5\x80\x80\x80"',
        b'{"\\ud800":1}', b"18446744073709551616", b"-9223372036854775809", b"1" * 30, b"1" * 5000, b'{"a":' + b"9" * 400 + b"}",
        b'{"\\u0061":1,"\\u003a":"\\ud800 long enough to be read"}', b'["\\u003a\\udfff"]', b"[12345678901234567890123, NaN]",
        b"[12345678901234567890.5e999]", b"\x00", b'{"a":1}\x00', b"\x0b1", b"\xc2\xa01",
    ],
)  # fmt: skip
def test_what_is_no_strict_json_is_refused(data):
    assert reason(data) == "bad-json"
    assert exact(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}', b'{"a":1,"\\u0061":2}', b'[{"b":{"a":1,"a":1}}]', b'{"":1,"":2}',
        # An escape makes a colon where a dropped key takes one.
        b'{"a":"\\u003a","a":1}', b'{"x":"\\u003A","a":1,"a":2}', b'{"a":":","a":"\\u003a\\u003a"}',
        b'{"a\\u003ab":1,"a:b":2}', b'{"a":{"b":1},"a":"::\\u003a"}', b'{"\xc3\xa9":1,"\\u00e9":2}',
        b'{"\\/":1,"/":2}', b'{"a":":::","a":":"}', b'{"n":12345678901234567890123.0,"n":1}',
    ],
)  # fmt: skip
def test_a_key_that_stands_twice_is_refused(data):
    assert reason(data) == "bad-json"
    assert exact(data) is None


@pytest.mark.parametrize(
    "data",
    [
        b"1", b" 1 ", b"-0", b"-0.0", b"1e5", b"1E+5", b"1e-999", b"18446744073709551615", b"-9223372036854775808",
        b"0.12345678901234567890123", b"123456789012345678901234567890.0", b'"\\ud83d\\ude00"', b'"\xf0\x9f\x98\x80"',
        b'"\\u0000"', b'"\x7f"', b'"12345678901234567890123"', b'{"a:b":"c:d"}', b'{"a":1,"A":2}', b'{"a\\u003a":1,"a":2}',
        b"[]", b"{}", b'{"a":{"a":{"a":1}}}', b'"\\\\u003a"', b'{"\\\\":"\\\\","b":":"}', b"1.7976931348623157e308",
        b'"\\/\\b\\f\\n\\r\\t\\"\\\\"', b'"\xe2\x80\xa8"', b"9007199254740993",
    ],
)  # fmt: skip
def test_strict_json_is_read_as_the_exact_parser_reads_it(data):
    assert exact(data) is not None
    check_against_exact(data)


def test_bytes_are_bounded():
    bounds = JsonBounds(max_bytes=10)
    assert reason(b"[" + b" " * 10 + b"]", bounds) == "too-large"
    assert read(b"[      ]", bounds) == []


def test_depth_is_bounded():
    assert read(b"[" * 64 + b"]" * 64) == read(b" " + b"[" * 64 + b"]" * 64)
    assert reason(b"[" * 65 + b"]" * 65) == "too-deep"
    assert reason(b'{"a":' * 65 + b"1" + b"}" * 65) == "too-deep"
    assert reason(b"[" * 40_000) == "too-deep"
    assert reason(b"[" * 100_000) == "too-large"
    assert reason(b'["\\u003a",' + b"[" * 40_000) == "too-deep"
    assert reason(b'["\\u003a",' + b"[" * 80 + b"]" * 81) == "too-deep"
    # Many beside each other are not deep, and brackets in texts are none.
    assert len(read(b"[" + b"[],{}," * 1000 + b"[]]")) == 2001
    assert read(b'"' + b"[" * 1000 + b'"') == "[" * 1000


def test_values_are_bounded():
    bounds = JsonBounds(max_nodes=100)
    assert len(read(b"[" + b"1," * 98 + b"1]", bounds)) == 99
    assert reason(b"[" + b"1," * 99 + b"1]", bounds) == "too-large"
    assert reason(b"[" + b"[]," * 99 + b"[]]", bounds) == "too-large"
    # What stands in texts counts for nothing, also behind escaped quotes.
    assert read(b'["' + b'\\\\,[\\"{,' * 200 + b'"]', bounds) == ['\\,["{,' * 200]


def test_foreign_answers_are_bounded_too():
    assert decode_foreign(b'{"a":1,"a":2}') == {"a": 2}
    for data in (b"[" * 200 + b"]" * 200, b"[" * 100_000, b"{", b"\xff", b"NaN"):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
            decode_foreign(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text() | st.sampled_from([":", "\\u003a", '"', "\\", "a:b"]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(JSON, st.booleans())
@settings(max_examples=200, deadline=None)
def test_whatever_python_writes_is_read_back(value, ascii_only):
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    check_against_exact(data)


# Pieces that meet in every way: what one parser takes for a colon, a key or the end of a text, another must too.
PIECES = [
    b"{", b"}", b"[", b"]", b":", b",", b'"', b'"a"', b'"a":', b'"b":1', b'"a":1,', b"1", b"-", b"0", b".5", b"e9", b"e999",
    b"true", b"null", b"NaN", b"\\", b"\\u003a", b"\\u003A", b"\\u0061", b"\\ud800", b"\\udc00", b'"\\u003a"', b'":"', b'\\"',
    b" ", b"\n", b"\xc3\xa9", b"\xed\xa0\x80", b"\xff", b"\0", b"18446744073709551616", b"9" * 20, b'{"a":":",', b'"a":"\\u003a"}',
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12))
@settings(max_examples=600, deadline=None)
def test_any_pieces_are_read_as_the_exact_parser_reads_them(pieces):
    check_against_exact(b"".join(pieces))


@given(st.lists(st.tuples(st.sampled_from(["a", "\\u0061", "b", ":", "\\u003a", "\\u003A", "é", "\\u00e9"]),
       st.sampled_from(['":"', '"\\u003a"', "1", '{"a":1}', '{"a":1,"a":2}', '"::"', "12345678901234567890", "1e999"])), max_size=5))  # fmt: skip
@settings(max_examples=400, deadline=None)
def test_keys_and_colons_in_any_spelling_are_told_apart(pairs):
    check_against_exact(("{" + ",".join(f'"{key}":{value}' for key, value in pairs) + "}").encode())


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_value_or_refused(data):
    check_against_exact(data)
