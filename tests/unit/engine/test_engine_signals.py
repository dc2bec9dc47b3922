from __future__ import annotations

from keelmark.engine.signals import TEXT_READER
from keelmark.formats.source import Source


def test_binary_behind_a_readable_head_is_named_and_not_called_broken() -> None:
    data = b"%PDF-1.4\n" + b"words " * 3_000 + b"\x00\x01"
    source = Source.of_bytes(data, path="a.pdf")
    assert TEXT_READER.recognises(source)
    (reading,) = TEXT_READER.read(source)
    assert (reading.format, [gap.matters for gap in reading.gaps]) == ("binary", [False])


def test_text_is_searched() -> None:
    (reading,) = TEXT_READER.read(Source.of_bytes(b"plain words\n", path="a.txt"))
    assert (reading.format, reading.gaps) == ("text", ())
