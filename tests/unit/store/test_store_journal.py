"""Any bytes are a journal, a journal with a torn tail, or damage that is named."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.log import TreeHead
from keelmark.errors import StoreError
from keelmark.store.journal import frame, header, scan

BASE = TreeHead(origin="example.org/log", size=7, root=b"r" * 32)
WHOLE = header(BASE) + frame(7, [b"a", b""]) + frame(9, [b"c"])


def test_journal_is_read_back() -> None:
    found = scan(WHOLE)
    assert (found.base, found.size, found.torn, found.end) == (BASE, 10, 0, len(WHOLE))
    assert list(found.entries(7)) == [b"a", b"", b"c"]
    assert list(found.entries(8)) == [b"", b"c"]
    assert list(found.entries(10)) == []


@given(st.integers(0, len(WHOLE) - 1))
def test_every_cut_is_a_torn_tail_or_no_journal(length: int) -> None:
    if length < len(header(BASE)):
        with pytest.raises(StoreError, match="at its beginning"):
            scan(WHOLE[:length])
        return
    found = scan(WHOLE[:length])
    assert found.end + found.torn == length
    assert list(found.entries(7)) in ([], [b"a", b""])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with pytest.raises(StoreError):
        scan(data)
    with contextlib.suppress(StoreError):
        assert scan(WHOLE + data).end >= len(WHOLE)


def test_batches_follow_each_other() -> None:
    with pytest.raises(StoreError, match="begins at entry 9, not 7"):
        scan(header(BASE) + frame(9, [b"c"]))


def test_a_frame_that_lies_about_its_count_is_damage() -> None:
    good = frame(7, [b"a", b"b"])
    import struct
    import zlib

    body = good[24:]
    head = struct.pack(">4sQII", b"KMB1", 7, 3, len(body))
    lying = head + struct.pack(">I", zlib.crc32(body, zlib.crc32(head))) + body
    with pytest.raises(StoreError, match="batch at entry 7"):
        list(scan(header(BASE) + lying).entries(7))
