"""Reads one dependency file the way an assessment does."""

from __future__ import annotations

from keelmark.formats.dependencies import READERS
from keelmark.formats.source import Source

SHA = "sha256:" + "a" * 64
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def readings(text, path):
    source = Source.of_bytes(text.encode(), path=path)
    (reader,) = [reader for reader in READERS if reader.recognises(source)]
    return reader.read(source)


def read(text, path):
    (reading,) = readings(text, path)
    return reading


def by_name(reading):
    return {item.name: item for item in reading.manifest.requirements}
