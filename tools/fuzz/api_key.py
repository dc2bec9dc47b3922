"""API keys: no text makes reading fail, only the exact form is one, and only the very key is let in."""

from __future__ import annotations

import re
import zlib
from datetime import UTC, datetime, timedelta

from tools.fuzz.core import promise

from keelmark.core.secret import Secret
from keelmark.deployment.access.keys import KeyRecord, KeyTable, digest_of, id_of

__all__ = ["SEEDS", "WORDS", "one"]

_FORM = re.compile(r"km_([0-9a-z]{12})\.([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_PEPPER = Secret(bytes(range(32)))


def _sum(body: str) -> str:
    number, found = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, rest = divmod(number, 62)
        found = _DIGITS[rest] + found
    return found


def _key(id_: str, secret: str) -> str:
    body = f"{id_}.{secret}"
    return f"km_{body}{_sum(body)}"


def _record(id_: str, secret: str, **more: datetime) -> KeyRecord:
    times = {"created": _NOW, "not_before": _NOW, "expires": _NOW + timedelta(days=1), **more}
    return KeyRecord(id=id_, digest=digest_of(_key(id_, secret), _PEPPER), name="n", owner="o", **times)


_RIGHT = _key("a1b2c3d4e5f6", "x" * 43)
_TABLE = KeyTable(
    (
        _record("a1b2c3d4e5f6", "x" * 43),
        _record("000000000000", "y" * 43, revoked=_NOW),
        _record("zzzzzzzzzzzz", "z" * 43, expires=_NOW),
    )
)

SEEDS = (
    _RIGHT.encode(),
    _key("000000000000", "y" * 43).encode(),
    _key("zzzzzzzzzzzz", "z" * 43).encode(),
    _key("a1b2c3d4e5f6", "w" * 43).encode(),
    _key("unknown00000", "X" * 43).encode(),
    b"km_",
    b"",
    "km_a1b2c3d4e5f\u0661.".encode() + b"x" * 49,
)
WORDS = (
    b"km_",
    b".",
    b"a1b2c3d4e5f6",
    b"x" * 43,
    b"\xc3\xa4",
    b"\xd9\xa1",
    b"\0",
    b" ",
    b"\n",
    b"A",
    b"0" * 12,
    b"-",
    b"_",
)


def one(data: bytes) -> None:
    """One text, as headers are read and as what follows is."""
    for text in (data.decode("latin-1"), data.decode("utf-8", "replace")):
        _judge(text)
        # Most texts have a wrong sum; the same with the right one gets further.
        if len(text) == len(_RIGHT):
            _judge(text[:-6] + _sum(text[3:-6]))


def _judge(text: str) -> None:
    found = id_of(text)
    form = _FORM.fullmatch(text)
    is_right = form is not None and _sum(text[3:-6]) == form[3]
    promise(found == (form[1] if form is not None and is_right else None), "the form of a key", text, found)
    record = _TABLE.match(text, pepper=_PEPPER, now=_NOW)
    promise((record is not None) == (text == _RIGHT), "another key is let in, or the right one is not", text)
