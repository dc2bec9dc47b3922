"""Patterns over bytes match bytes, whatever text they may be."""

from __future__ import annotations

import pytest

from keelmark.formats.bytes_pattern import bytes_pattern


def test_every_byte_is_one_character() -> None:
    dot = bytes_pattern(rb"(?s)a.b")
    other = bytes_pattern(rb"a[^\n]b")
    assert all(dot.fullmatch(b"a%cb" % byte) for byte in range(256))
    assert [byte for byte in range(256) if not other.fullmatch(b"a%cb" % byte)] == [10]


@pytest.mark.parametrize("byte", [0x00, 0x7F, 0x80, 0xC2, 0xEF, 0xFF])
def test_an_escape_stands_for_its_byte_alone(byte: int) -> None:
    pattern = bytes_pattern(rb"\x%02x" % byte)
    assert [other for other in range(256) if pattern.fullmatch(bytes([other]))] == [byte]
    assert pattern.search(b"ab" + bytes([byte])).span() == (2, 3)
