"""A leaf has one spelling, and says nothing of what its record holds."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.log import Leaf, LogBounds, LogEntry, LogKind
from keelmark.errors import LimitExceededError, ParseError, UsageError
from keelmark.trust import leaf

NOW = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)
SUBJECT = "sha256:" + "ab" * 32


def leaf_of(entry: LogEntry, *, time: datetime, clock: datetime | None = None) -> Leaf:
    _, body = leaf.body_of(entry)
    return leaf.parse(leaf.stamped([body], time=time, clock=clock)[0])


ENTRY = LogEntry(
    kind=LogKind.WAIVER, subjects=(SUBJECT, "sha512:" + "0" * 128, SUBJECT), record=b"secret words"
)


def test_leaf_is_canonical_and_holds_digests_alone() -> None:
    made = leaf_of(ENTRY, time=NOW)
    assert made.subjects == (SUBJECT, "sha512:" + "0" * 128)
    data = leaf.encode(made)
    assert data.startswith(b'{"kind":"waiver","record":"sha256:')
    assert data.endswith(b'"time":"2026-01-31T12:00:00.000005Z","v":1}')
    assert b"secret" not in data
    assert leaf.parse(data) == made


@given(
    st.sampled_from(LogKind),
    st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
    st.lists(st.binary(min_size=16, max_size=64).map(lambda raw: f"x9:{raw.hex()}"), max_size=4),
    st.booleans(),
)
def test_every_leaf_is_read_back(kind, time, subjects, lags) -> None:
    if time.year < 2 or time.year > 9998:
        time = time.replace(year=2000)
    entry = LogEntry(kind=kind, subjects=tuple(subjects), record=b"r")
    made = leaf_of(entry, time=time, clock=time if lags else None)
    assert leaf.parse(leaf.encode(made)) == made
    assert len(leaf.encode(made)) <= LogBounds().max_entry_bytes


def test_the_longest_leaf_fits_a_bundle() -> None:
    subjects = tuple(f"{'a' * 16}:{number:0128x}" for number in range(leaf.MAX_SUBJECTS))
    made = leaf_of(LogEntry(kind=LogKind.ACKNOWLEDGEMENT, subjects=subjects, record=b""), time=NOW, clock=NOW)
    assert len(leaf.encode(made)) < LogBounds().max_entry_bytes


GOOD = leaf.encode(leaf_of(LogEntry(kind=LogKind.FINDINGS, subjects=(SUBJECT,), record=b"r"), time=NOW))


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b"\xff", b"[" * 5000, GOOD + b" ", GOOD.replace(b":", b": ", 1), GOOD.replace(b"findings", b"gossip"),
     GOOD.replace(b'"v":1', b'"v":2'), GOOD.replace(b"000005Z", b"000005+00:00"), GOOD.replace(b"000005Z", b"000005+01:00"),
     GOOD.replace(b"2026-01-31T", b"2026-01-32T"), GOOD.replace(b"sha256:ab", b"sha256:AB"), GOOD.replace(b'"size":1', b'"size":-1'),
     GOOD.replace(b'"size":1', b'"size":1.0'), GOOD.replace(b'"record":"sha256:', b'"record":"md5:'),
     GOOD.replace(b'"v":1', b'"v":1,"x":1'), GOOD.replace(b'"v":1', b'"v":1,"v":1'), GOOD.replace(b"T12", b" 12")],
)  # fmt: skip
def test_every_other_spelling_is_refused(data: bytes) -> None:
    assert leaf.parse(GOOD)
    with pytest.raises(ParseError):
        leaf.parse(data)


@given(st.binary(max_size=120))
def test_any_bytes_are_a_leaf_or_none(data: bytes) -> None:
    with pytest.raises(ParseError):
        leaf.parse(data)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_any_byte_changed_is_another_leaf_or_none(at: int, value: int) -> None:
    changed = GOOD[:at] + bytes([value]) + GOOD[at + 1 :]
    with contextlib.suppress(ParseError):
        assert leaf.encode(leaf.parse(changed)) == changed


@pytest.mark.parametrize(
    "subject",
    ["", "sha256", "sha256:", "sha256:" + "g" * 64, "sha256:" + "ab" * 15, "sha256:" + "ab" * 65, "SHA256:" + "ab" * 32,
     "sha256:" + "AB" * 32, "a:" + "ab" * 32, "sha-256:" + "ab" * 32, "sha256:" + "ab" * 16 + " " + "ab" * 16, "é2:" + "ab" * 32],
)  # fmt: skip
def test_a_subject_is_a_digest(subject: str) -> None:
    with pytest.raises(UsageError, match="no digest"):
        leaf_of(LogEntry(kind=LogKind.RELEASE, subjects=(subject,), record=b""), time=NOW)


def test_bounds_are_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    many = (SUBJECT,) * (leaf.MAX_SUBJECTS + 1)
    with pytest.raises(LimitExceededError, match="subjects"):
        leaf_of(LogEntry(kind=LogKind.RELEASE, subjects=many, record=b""), time=NOW)
    monkeypatch.setattr(leaf, "_BOUNDS", LogBounds(max_record_bytes=3))
    with pytest.raises(LimitExceededError, match="3 bytes"):
        leaf_of(LogEntry(kind=LogKind.RELEASE, record=b"four"), time=NOW)


def test_leaves_compare_by_what_they_say() -> None:
    made = leaf.parse(GOOD)
    assert made == Leaf(
        kind=LogKind.FINDINGS, time=NOW, subjects=(SUBJECT,), record=leaf.digest_of(b"r"), size=1
    )
