from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError
from keelmark.formats.datasets import READER, Bounds, _Reader, form_of, sample
from keelmark.formats.parquet import Bounds as FooterBounds
from keelmark.formats.parquet import footer
from keelmark.formats.source import Source


def source(data: str | bytes, path: str) -> Source:
    return Source.of_bytes(data if isinstance(data, bytes) else data.encode(), path=path)


def dataset(data: str | bytes, path: str):
    item = source(data, path)
    assert READER.recognises(item)
    return READER.read(item)[0].dataset


def test_rows_of_csv_are_exact():
    found = dataset('name,text\na,"two\nlines"\nb,c\n', "x.csv")
    assert (found.format, found.rows, found.columns) == ("csv", 2, ("name", "text"))


def test_tables_that_a_library_writes_of_a_run_are_no_dataset():
    table = "iter\tRMSE\n0\t14.3\n1\t14.1\n"
    assert form_of(source(table, "catboost_info/learn_error.tsv")) == ""
    assert form_of(source(table, "catboost/learn_error.tsv")) == "tsv"


def test_csv_without_header_counts_its_first_row():
    found = dataset("1,2\n3,4\n", "x.csv")
    assert (found.rows, found.columns) == (2, ())


@pytest.mark.parametrize(("mark", "path"), [(";", "a.csv"), ("\t", "a.tsv"), ("|", "a.csv")])
def test_delimiters_are_told(mark, path):
    assert dataset(f"a{mark}b\nx,1{mark}y\n", path).columns == ("a", "b")


def test_jsonl_counts_lines_and_names_broken_ones():
    item = source('{"a": 1}\n\n{"b": 2}\nbroken\n', "x.jsonl")
    (reading,) = READER.read(item)
    assert (reading.dataset.rows, reading.dataset.columns) == (3, ("a", "b"))
    assert (reading.gaps[0].line, reading.gaps[0].reason) == (4, GapReason.MALFORMED)


def test_jsonl_that_is_none_is_a_fault():
    with pytest.raises(ParseError):
        READER.read(source("a\nb\n", "x.jsonl"))


def test_json_array_of_records():
    records = [{"q": "a", "a": 1}] * 4
    assert dataset(json.dumps(records), "x.json").rows == 4
    assert READER.read(source(json.dumps([{"a": 1}, {"b": 1}, {"c": 1}]), "x.json")) == ()
    assert not READER.recognises(source('{"a": 1}', "x.json"))
    assert not READER.recognises(source(json.dumps(records), "package-lock.json"))


def test_file_behind_the_bound_is_not_counted():
    reader = _Reader(bounds=Bounds(max_bytes=10))
    (reading,) = reader.read(source("a,b\n" + "1,2\n" * 100, "x.csv"))
    assert reading.dataset.rows is None
    assert reading.gaps[0].reason is GapReason.TOO_LARGE


@pytest.mark.parametrize(
    ("magic", "form"),
    [
        (b"ARROW1\x00\x00", "arrow"),
        (b"FEA1", "feather"),
        (b"SQLite format 3\x00", "sqlite"),
        (b"PAR1", "parquet"),
    ],
)
def test_formats_are_told_by_content(magic, form):
    assert form_of(source(magic + b"\x00" * 20, "anything.bin")) == form


def test_text_that_begins_like_a_magic_is_no_dataset():
    assert form_of(source("PARENT_DIRECTORY\n", "a.rst")) == ""


def element(name: bytes, children: int | None = None) -> bytes:
    body = b"\x48" + bytes([len(name)]) + name  # field 4, binary
    if children is not None:
        body += b"\x15" + bytes([children * 2])  # field 5, i32
    return body + b"\x00"


def parquet(rows: int = 150) -> bytes:
    schema = [element(b"schema", 2), element(b"id"), element(b"point", 2), element(b"x"), element(b"y")]
    meta = b"\x15\x04"  # field 1: version
    meta += b"\x19" + bytes([(len(schema) << 4) | 12]) + b"".join(schema)  # field 2: list of structures
    meta += b"\x16" + varint(rows * 2)  # field 3: rows
    meta += b"\x19\x1c\x00"  # field 4: one empty row group
    meta += b"\x28\x06writer\x00"  # field 6
    return b"PAR1" + b"\x00" * 8 + meta + len(meta).to_bytes(4, "little") + b"PAR1"


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def test_parquet_footer_states_rows_and_columns():
    found = dataset(parquet(), "x.parquet")
    assert (found.rows, found.columns) == (150, ("id", "point"))
    assert footer(memoryview(parquet())).writer == "writer"


def test_truncated_parquet_is_a_fault():
    for end in range(4, len(parquet())):
        with pytest.raises(ParseError):
            READER.read(source(parquet()[:end], "x.parquet"))


def test_encrypted_parquet_is_a_gap():
    (reading,) = READER.read(source(b"PARE" + b"\x00" * 20, "x.parquet"))
    assert reading.gaps[0].reason is GapReason.ENCRYPTED


def test_long_footer_is_a_limit():
    with pytest.raises(LimitExceededError):
        footer(memoryview(parquet()), bounds=FooterBounds(max_footer_bytes=4))


@given(st.binary(max_size=80))
def test_any_footer_ends(data):
    whole = b"PAR1" + data + len(data).to_bytes(4, "little") + b"PAR1"
    with contextlib.suppress(KeelmarkError):
        footer(memoryview(whole))


def test_sample_yields_values_with_their_place():
    assert list(sample(source("name,mail\na,b@c.org\nd,\n", "x.csv"))) == [
        (2, "name", "a"), (2, "mail", "b@c.org"), (3, "name", "d"),
    ]  # fmt: skip
    assert list(sample(source('{"a": {"b": ["x", 1]}}\nbroken\n', "x.jsonl"))) == [
        (1, "a.b", "x"),
        (1, "a.b", "1"),
    ]
    assert list(sample(source('[{"a": "x"}]', "x.json"))) == [(1, "a", "x")]
    assert list(sample(source(parquet(), "x.parquet"))) == []


def test_sample_is_bounded():
    text = "a,b\n" + "x,y\n" * 100
    assert len(list(sample(source(text, "x.csv"), max_rows=3))) == 6
    assert len(list(sample(source(text, "x.csv"), max_bytes=20))) <= 10


def test_lone_surrogates_do_not_break_the_text():
    (value,) = sample(source('{"a": "\\ud800x"}\n', "x.jsonl"))
    assert value == (1, "a", "?x")


@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.tsv", "a.jsonl", "a.json", "a.bin"]))
def test_any_bytes_end_in_a_reading_or_a_named_fault(data, path):
    item = source(data, path)
    with contextlib.suppress(KeelmarkError):
        if READER.recognises(item):
            READER.read(item)
            list(sample(item))
    item.close()


@pytest.mark.parametrize("path", ["x.arrow", "x.parquet", "x.db"])
def test_records_that_nobody_looked_into_are_named(path):
    data = {"x.arrow": b"ARROW1\x00\x00" + b"\x00" * 9, "x.db": b"SQLite format 3\x00" + b"\x00" * 9}
    (reading,) = READER.read(source(data.get(path) or parquet(), path))
    assert [gap.matters for gap in reading.gaps] == [False]
    assert "personal data" in reading.gaps[0].detail
