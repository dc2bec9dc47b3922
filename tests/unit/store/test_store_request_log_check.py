"""Whatever is changed, removed, reordered, repeated or cut off in a request log is found."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from keelmark.core.clock import FixedClock
from keelmark.core.request_log import ChainHead, RequestLogBounds
from keelmark.errors import ParseError, StoreError
from keelmark.store.request_chain import GENESIS, SegmentHeader, chained, header_line, name_of, parse_header
from keelmark.store.request_log import FileRequestLog
from keelmark.store.request_log_check import check_requests, events_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
BOUNDS = RequestLogBounds(rotate_bytes=4_000, max_lock_wait_s=0, gather_ms=0)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, list[ChainHead]]:
    place = tmp_path_factory.mktemp("made") / "requests" / "worker-0"
    heads = []
    with FileRequestLog(place, clock=FixedClock(NOON), bounds=BOUNDS) as log:
        for number in range(60):
            log.append(json.dumps({"id": f"{number}", "model": "m" * (number % 40)}).encode())
            if number % 3:
                log.flush()
            if number % 20 == 10:
                heads.append(log.head())
        log.flush()
        heads.append(log.head())
    assert len(list(place.glob("*.log"))) >= 3
    return place, heads


@pytest.fixture
def place(written, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written[0], tmp_path / "requests" / "worker-0"))


def published(written) -> dict[str, list[ChainHead]]:
    return {written[1][0].log: written[1]}


def lines_in(place: Path, number: int) -> list[bytes]:
    return (place / name_of(number)).read_bytes().splitlines(keepends=True)


def words_of(place: Path, **more) -> str:
    return " | ".join(f"{each.where}: {each.message}" for each in check_requests(place, **more).problems)


def test_a_whole_log_verifies(place: Path, written) -> None:
    found = check_requests(place, published=published(written))
    assert (found.problems, found.torn, found.published) == ([], 0, len(written[1]))
    assert found.lines == written[1][-1].lines == 60 + found.segments
    assert found.chain == written[1][-1].chain
    assert len(list(events_of(place))) == 60


def test_any_flipped_bit_is_found(place: Path) -> None:
    chance = random.Random()
    files = [*sorted(place.glob("*.log")), place / "HEAD"]
    for _ in range(200):
        file = chance.choice(files)
        whole = file.read_bytes()
        at = chance.randrange(len(whole))
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])
        assert check_requests(place).problems, (file.name, at)
        file.write_bytes(whole)
    assert not check_requests(place).problems


def test_any_removed_repeated_or_moved_line_is_found(place: Path) -> None:
    chance = random.Random()
    numbers = [int(file.stem) for file in sorted(place.glob("*.log"))]
    for _ in range(200):
        number = chance.choice(numbers)
        lines = lines_in(place, number)
        changed = list(lines)
        at = chance.randrange(len(lines))
        match chance.randrange(3):
            case 0:
                del changed[at]
            case 1:
                changed.insert(at, lines[at])
            case _:
                other = chance.randrange(len(lines))
                changed[at], changed[other] = changed[other], changed[at]
        if changed == lines:
            continue
        file = place / name_of(number)
        file.write_bytes(b"".join(changed))
        assert check_requests(place).problems, (number, at)
        file.write_bytes(b"".join(lines))
    assert not check_requests(place).problems


def test_any_cut_of_the_end_is_found(place: Path) -> None:
    last = max(place.glob("*.log"))
    whole = last.read_bytes()
    for length in sorted({0, len(whole) - 1, *range(1, len(whole), 11)}):
        last.write_bytes(whole[:length])
        assert check_requests(place).problems, length
    last.unlink()
    assert "truncated" in words_of(place)


def test_segments_that_were_removed_swapped_or_added_are_found(place: Path) -> None:
    first, second, *_, last = sorted(place.glob("*.log"))
    one, two = first.read_bytes(), second.read_bytes()
    first.write_bytes(two)
    second.write_bytes(one)
    assert "is segment 2: it was moved" in words_of(place)
    first.write_bytes(one)
    second.unlink()
    assert "00000002.log: is missing" in words_of(place)
    second.write_bytes(two)
    first.unlink()
    assert "00000001.log: is missing" in words_of(place)
    first.write_bytes(one)
    added = place / name_of(int(last.stem) + 1)
    added.write_bytes(two)
    assert "is segment 2: it was moved" in words_of(place)


def test_segments_taken_away_on_purpose_can_be_said(place: Path, written) -> None:
    (place / name_of(1)).unlink()
    assert check_requests(place).problems
    found = check_requests(place, published=published(written), first=2)
    assert found.problems == []
    assert any("taken away" in words for words in found.notes)
    assert found.published


def made_anew(place: Path, log: str, count: int) -> None:
    """What somebody writes who may write the folder: a log that is right in itself, its head included."""
    for file in place.glob("*.log"):
        file.unlink()
    header = SegmentHeader(
        form="keelmark-requests/v1", log=log, number=1, previous=GENESIS.hex(), time="2026-01-31T12:00:00"
    )
    line, chain = header_line(header, lines=0)
    data, _ = chained([b'{"id":"%d"}' % number for number in range(count)], after=chain, lines=1)
    (place / name_of(1)).write_bytes(line)
    (place / "HEAD").unlink()
    FileRequestLog(place, clock=FixedClock(NOON)).close()
    (place / name_of(1)).write_bytes(line + data)
    FileRequestLog(place, clock=FixedClock(NOON)).close()


def test_a_log_written_anew_is_found_against_a_published_head(place: Path, written) -> None:
    log = written[1][0].log
    made_anew(place, log, 500)
    assert not check_requests(place).problems
    assert "was written anew" in words_of(place, published=published(written))
    made_anew(place, log, 3)
    assert not check_requests(place).problems
    assert "a published head speaks of" in words_of(place, published=published(written))


def test_two_published_heads_that_contradict_are_found(place: Path, written) -> None:
    head = written[1][0]
    other = replace(head, chain="00" * 32)
    assert "written anew" in words_of(place, published={head.log: [head, other]})


def test_a_log_that_is_being_written_can_be_checked(tmp_path: Path) -> None:
    place = tmp_path / "requests" / "worker-0"
    with FileRequestLog(place, clock=FixedClock(NOON), bounds=BOUNDS) as log:
        log.append(b'{"id":"1"}')
        log.flush()
        with (place / name_of(1)).open("ab") as stream:
            stream.write(b'{"chain":"half')
        found = check_requests(place)
        assert (found.problems, found.torn, found.lines) == ([], 0, 2)
    assert check_requests(place).torn == 14


def test_what_is_no_log_is_said(tmp_path: Path, place: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="no request log here"):
        check_requests(tmp_path / "empty")
    with pytest.raises(StoreError, match="cannot be read"):
        check_requests(tmp_path / "nowhere")
    (place / "HEAD").write_bytes(bytes(2_000))
    assert "longer than" in words_of(place)
    (place / "HEAD").unlink()
    assert "HEAD: is missing or damaged" in words_of(place)
    segment = place / name_of(2)
    segment.unlink()
    segment.symlink_to(place / name_of(1))
    assert "cannot be read" in words_of(place)
    assert list(events_of(tmp_path / "empty")) == []


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{}\n",
        b'{"chain":"","n":1,"segment":{"form":"x"}}\n',
        b'{"chain":"00","n":0,"segment":{"form":"keelmark-requests/v1","log":"a","number":1,"previous":"zz","time":""}}\n',
    ],
)
def test_what_is_no_first_line_is_refused(line: bytes) -> None:
    with pytest.raises(ParseError):
        parse_header(line)


def test_a_first_segment_begins_at_the_beginning(tmp_path: Path) -> None:
    place = tmp_path / "worker-0"
    place.mkdir()
    header = SegmentHeader(form="keelmark-requests/v1", log="a", number=1, previous="11" * 32, time="")
    (place / name_of(1)).write_bytes(header_line(header, lines=7)[0])
    assert "does not begin at the beginning" in words_of(place)
