"""Advisory files: OSV in all its wrappings, and the compact lines."""

import contextlib
import gzip
import io
import json
import zipfile
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.advisory import match
from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.advisories import Bounds, read_advisories
from keelmark.formats.source import Source

COMPACT = {
    "id": "PYSEC-1",
    "aliases": ["CVE-1"],
    "pkg": "Lib",
    "events": [[{"introduced": "4.0"}, {"fixed": "4.3"}]],
    "versions": [],
    "pub": "2021-07-30",
    "mod": "2021-09-26",
    "sum": "words",
    "sev": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}],
}
OSV = {
    "id": "GHSA-1",
    "modified": "2024-05-01T00:00:00Z",
    "published": "2024-04-01T00:00:00Z",
    "summary": "bad",
    "database_specific": {"severity": "MODERATE"},
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "@s/lib"},
            "ranges": [
                {"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.2.0"}]},
                {"type": "GIT", "events": [{"introduced": "abc"}]},
            ],
        },
        {"package": {"ecosystem": "PyPI", "name": "Lib"}, "versions": ["1.0"]},
    ],
}


def read(data, **bounds):
    source = Source.of_bytes(data, path="advisories/file")
    return read_advisories(source, bounds=Bounds(**bounds))


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def test_compact_lines_plain_and_compressed():
    data = json.dumps(COMPACT).encode() + b"\n\n" + json.dumps({**COMPACT, "id": "PYSEC-2"}).encode()
    for form in (data, gzip.compress(data), b"\xef\xbb\xbf" + data):
        taken, gaps = read(form)
        assert (taken.count, taken.newest, taken.ecosystems, gaps) == (2, date(2021, 9, 26), ("pypi",), ())
        found = match(taken, ecosystem="pypi", name="lib", version="4.1")
        assert (found[0].id, found[0].severity, found[0].fixes) == ("PYSEC-1", "critical", ("4.3",))
    assert taken.source == "file"
    assert len(taken.digest) == 64


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(OSV).encode(),
        json.dumps(OSV, indent=2).encode(),
        json.dumps([OSV]).encode(),
        json.dumps(OSV).encode() + b"\n" + json.dumps({**OSV, "id": "X", "withdrawn": "2024-01-01"}).encode(),
        zipped(**{"GHSA-1.json": json.dumps(OSV), "README.md": "no"}),
    ],
)
def test_osv_in_all_wrappings(data):
    taken, gaps = read(data)
    assert (taken.count, taken.ecosystems, gaps) == (2, ("npm", "pypi"), ())
    (found,) = match(taken, ecosystem="npm", name="@s/lib", version="1.1.9")
    assert (found.severity, found.published) == ("medium", date(2024, 4, 1))
    assert not match(taken, ecosystem="npm", name="@s/lib", version="1.2.0")
    assert match(taken, ecosystem="pypi", name="lib", version="1.0.0")


def test_git_only_entries_match_nothing():
    taken, gaps = read(
        json.dumps({"id": "A", "modified": "2024-01-01", "affected": [{"ranges": []}]}).encode()
    )
    assert (taken.count, gaps) == (1, ())


def test_malformed_rows_are_gaps_with_their_line():
    data = (
        json.dumps(COMPACT).encode()
        + b'\n{"id": "X"}\n[1]\n{broken\n{"id": "Y", "pkg": 1}\n{"id": "Z", "affected": 1}\n'
    )
    data += b'{"id": "Z", "affected": [1]}\n{"id": "Z", "affected": [{"package": {"name": ""}}]}\n'
    taken, gaps = read(data)
    assert taken.count == 1
    assert [gap.line for gap in gaps] == [2, 3, 4, 5, 6, 7, 8]
    assert {gap.reason for gap in gaps} == {GapReason.MALFORMED}


def test_many_malformed_rows_are_counted():
    _, gaps = read(json.dumps(COMPACT).encode() + b"\n{}" * 50, max_gaps=3)
    assert len(gaps) == 4
    assert "47 more" in gaps[-1].detail


def test_file_without_any_advisory_is_a_parse_error():
    for data in (b"hello\nworld\n", b'{"a": 1}', b"[1, 2]", b"[" * 100_000):
        with pytest.raises(ParseError):
            read(data)


def test_empty_file_is_an_empty_snapshot():
    taken, gaps = read(b"")
    assert (taken.count, taken.newest, gaps) == (0, None, ())


def test_bounds_are_outcomes():
    rows = b"\n".join([json.dumps(COMPACT).encode()] * 5)
    with pytest.raises(LimitExceededError):
        read(rows, max_bytes=10)
    with pytest.raises(LimitExceededError):
        read(rows, max_entries=4)
    with pytest.raises(LimitExceededError):
        read(gzip.compress(rows), max_unpacked_bytes=100)
    many = zipped(**{f"{n}.json": json.dumps(OSV) for n in range(5)})
    with pytest.raises(LimitExceededError):
        read(many, max_entries=4)
    with pytest.raises(LimitExceededError):
        read(many, max_unpacked_bytes=1000)
    _, gaps = read(zipped(**{"a.json": json.dumps(OSV), "b.json": "x" * 5000}), max_entry_bytes=2000)
    assert [gap.reason for gap in gaps] == [GapReason.TOO_LARGE]
    _, gaps = read(rows + b"\n" + b" " * 5000 + b"1", max_entry_bytes=2000)
    assert [(gap.reason, gap.line) for gap in gaps] == [(GapReason.TOO_LARGE, 6)]


def test_damaged_archives():
    with pytest.raises(ParseError):
        read(b"PK\x03\x04 broken")
    with pytest.raises(ParseError):
        read(gzip.compress(b"x" * 1000)[:-20])
    data = bytearray(zipped(**{"a.json": json.dumps(OSV), "b.json": json.dumps(OSV)}))
    data[40] ^= 0xFF
    _, gaps = read(bytes(data))
    assert [gap.reason for gap in gaps] == [GapReason.UNREADABLE]


@settings(max_examples=200, deadline=None)
@given(
    prefix=st.sampled_from(
        [b"", b"PK\x03\x04", b"\x1f\x8b", b"{", b"[", json.dumps(COMPACT).encode() + b"\n"]
    ),
    data=st.binary(max_size=200),
)
def test_any_bytes_never_crash(prefix, data):
    with contextlib.suppress(KeelmarkError):
        read(prefix + data)
