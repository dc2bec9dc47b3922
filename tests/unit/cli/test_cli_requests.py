"""`keelmark log requests` end to end: what it proves, what it shows, and its exit codes."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

from keelmark.cli.main import run
from keelmark.core.clock import FixedClock
from keelmark.core.log import LogEntry, LogKind
from keelmark.core.request_event import EventPrincipal, NoticeEvent, RequestEvent, encode
from keelmark.core.request_log import RequestLogBounds
from keelmark.errors import StoreError
from keelmark.trust.keys import load_private
from keelmark.workflows import log as transparency
from keelmark.workflows.request_content import sealer
from keelmark.workflows.request_log import head_publisher, open_worker_log
from keelmark.workflows.request_log_read import published_heads

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
CLOCK = FixedClock(NOON)
BOUNDS = RequestLogBounds(rotate_bytes=2_000, max_batch_events=5, gather_ms=0, max_lock_wait_s=0)


def write_key(name: str, key) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    Path(f"{name}.pem").write_bytes(pem)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    Path(f"{name}.pub").write_bytes(public)


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch, own_environment):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    write_key("key", ed25519.Ed25519PrivateKey.generate())
    write_key("content", x25519.X25519PrivateKey.generate())
    return tmp_path / "project"


def event(number: int, **changes) -> bytes:
    parts = {
        "duration_us": 5,
        "id": f"{number:032x}",
        "model": "small" if number % 2 else "large",
        "outcome": "deny" if number % 5 == 0 else "allow",
        "principal": EventPrincipal(id=f"key{number % 3}", proof="api-key"),
        "reason": "rate-limited" if number % 5 == 0 else "",
        "status": 200,
        "time": NOON.replace(minute=number % 60),
        **changes,
    }
    return encode(RequestEvent(**parts))


def serve(worker: int = 0, count: int = 30, *, key: str | None = "key") -> None:
    """What a worker of the gateway leaves."""
    signer = load_private(Path(f"{key}.pem").read_bytes()) if key else None
    publish = head_publisher(Path(), key=signer, clock=CLOCK)
    with open_worker_log(
        Path(), worker=f"worker-{worker}", clock=CLOCK, bounds=BOUNDS, publish=publish
    ) as log:
        log.append(encode(NoticeEvent(what="start", mode="group", time=NOON)))
        for number in range(count):
            log.append(event(number))


def verify(capsys, *more: str) -> tuple[int, dict]:
    code = run(["log", "requests", "verify", "--format", "json", *more])
    return code, json.loads(capsys.readouterr().out)


def shown(capsys, *more: str) -> list[dict]:
    assert run(["log", "requests", "show", *more]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_whole_log_verifies_with_the_key_of_its_transparency_log(capsys) -> None:
    serve(0)
    serve(1)
    serve(0)
    assert run(["log", "requests", "verify", "--key", "key.pub"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "request log verifies"
    assert "agrees with" in out
    assert run(["log", "requests", "verify", ".keelmark/requests", "--key", "key.pub"]) == 0
    assert run(["log", "requests", "verify", ".keelmark/requests/worker-1", "--key", "key.pub"]) == 0
    assert run(["log", "verify", "--key", "key.pub"]) == 0


def test_without_a_key_or_a_published_head_it_cannot_tell(capsys) -> None:
    serve(key=None)
    code, report = verify(capsys)
    assert (code, report["outcome"], report["problems"]) == (3, "unknown", [])
    assert verify(capsys, "--key", "key.pub")[0] == 1, "a signature that is gone is worse than no key"
    shutil.rmtree(".keelmark/log")
    code, report = verify(capsys)
    assert code == 3
    assert report["unknown"] == [
        "there is no transparency log, so nothing outside says how long the log should be"
    ]
    with open_worker_log(Path(), worker="worker-3", clock=CLOCK):
        pass
    transparency.record(
        Path(".keelmark/log"), [LogEntry(kind=LogKind.WAIVER, record=b"w")], key=None, clock=CLOCK
    )
    assert any("no head of it was published" in words for words in verify(capsys)[1]["unknown"])


def test_heads_that_no_checkpoint_speaks_of_yet_count_too(capsys) -> None:
    serve()
    publish = head_publisher(Path(), key=None, clock=CLOCK)
    with open_worker_log(Path(), worker="worker-0", clock=CLOCK, publish=publish) as log:
        log.append(event(1))
    heads, _ = published_heads(Path(".keelmark/log"))
    (own,) = heads.values()
    assert own[-1].lines > own[0].lines == 1
    assert verify(capsys, "--key", "key.pub")[0] == 0
    last = max(Path(".keelmark/requests/worker-0").glob("*.log"))
    last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:-1]))
    code, report = verify(capsys, "--key", "key.pub")
    assert code == 1
    assert "truncated" in report["problems"][0]["message"]


def test_a_log_that_cannot_be_made_is_said() -> None:
    Path(".keelmark").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be made"):
        open_worker_log(Path(), worker="worker-0", clock=CLOCK)


def test_a_torn_end_cannot_be_told_from_nothing(capsys) -> None:
    serve()
    last = max(Path(".keelmark/requests/worker-0").glob("*.log"))
    last.write_bytes(last.read_bytes() + b'{"chain":"1')
    code, report = verify(capsys, "--key", "key.pub")
    assert (code, report["workers"][0]["torn"]) == (3, 11)


def test_changes_cuts_and_missing_workers_do_not_verify(capsys) -> None:
    serve(0)
    serve(1)
    place = Path(".keelmark/requests")
    kept = place.with_name("kept")
    shutil.copytree(place, kept)
    first, *_, last = sorted((place / "worker-0").glob("*.log"))

    def restored() -> None:
        shutil.rmtree(place)
        shutil.copytree(kept, place)

    first.write_bytes(first.read_bytes().replace(b'"allow"', b'"aLlow"', 1))
    code, report = verify(capsys, "--key", "key.pub")
    assert (code, len(report["problems"])) == (1, 1)
    restored()
    last.write_bytes(b"".join(last.read_bytes().splitlines(keepends=True)[:-1]))
    assert verify(capsys, "--key", "key.pub")[0] == 1
    restored()
    shutil.rmtree(place / "worker-0")
    code, report = verify(capsys, "--key", "key.pub")
    assert code == 1
    assert "is missing: a head of" in report["problems"][0]["message"]


def test_a_head_whose_record_is_gone_or_changed_does_not_verify(capsys) -> None:
    serve()
    heads, wrong = published_heads(Path(".keelmark/log"))
    assert (len(heads), wrong) == (1, [])
    records = sorted(path for path in Path(".keelmark/log/records").rglob("*") if path.is_file())
    whole = records[0].read_bytes()
    records[0].write_bytes(whole + b" ")
    assert verify(capsys, "--key", "key.pub")[0] == 1
    records[0].unlink()
    code, report = verify(capsys, "--key", "key.pub")
    assert code == 1
    assert "record of a head is missing" in report["problems"][0]["message"]
    Path(".keelmark/log/checkpoint").write_bytes(b"junk")
    assert verify(capsys, "--key", "key.pub")[0] == 1


def test_other_records_of_requests_are_passed_over(capsys) -> None:
    serve()
    key = load_private(Path("key.pem").read_bytes())
    other = b'{"chain":"00","form":"x","lines":1,"log":"a","segment":1,"time":"2026-01-31T12:00:00Z","worker":"w"}'
    for record in (b"no json", b'{"chain":"zz"}', other):
        entry = LogEntry(kind=LogKind.REQUESTS, record=record)
        transparency.record(Path(".keelmark/log"), [entry], key=key, clock=CLOCK)
    assert verify(capsys, "--key", "key.pub")[0] == 0


def test_no_log_is_said(capsys) -> None:
    assert run(["log", "requests", "verify"]) == 2
    assert "no request log here" in capsys.readouterr().err
    assert run(["log", "requests"]) == 2


def test_what_is_shown_can_be_narrowed_down(capsys) -> None:
    serve()
    everything = shown(capsys)
    assert len(everything) == 31
    assert everything[0]["what"] == "start"
    assert everything[0]["worker"] == "worker-0"
    assert {each["principal"]["id"] for each in shown(capsys, "--principal", "key1")} == {"key1"}
    assert {each["model"] for each in shown(capsys, "--model", "small")} == {"small"}
    assert len(shown(capsys, "--decision", "deny")) == len(shown(capsys, "--decision", "rate-limited")) == 6
    assert len(shown(capsys, "--decision", "deny", "--model", "small", "--principal", "key2")) == 1
    assert [each["id"][-1] for each in shown(capsys, "--id", f"{7:032x}")] == ["7"]
    assert len(shown(capsys, "--since", "2026-01-31T12:20Z")) == 10
    assert len(shown(capsys, "--since", "2026-01-31T12:20:00")) == 10
    assert len(shown(capsys, "--since", "99999d")) == 31
    assert run(["log", "requests", "show", "--since", "999999d"]) == 2
    assert run(["log", "requests", "show", "--since", "yesterday"]) == 2
    assert "is no moment" in capsys.readouterr().err


def test_damaged_lines_do_not_stop_what_is_shown(capsys) -> None:
    serve()
    first = Path(".keelmark/requests/worker-0/00000001.log")
    lines = first.read_bytes().splitlines(keepends=True)
    first.write_bytes(
        b"".join([*lines[:2], b"junk\n", lines[2].replace(b'"status"', b'"st\xfftus"'), *lines[3:]])
    )
    assert len(shown(capsys)) == 30


def test_sealed_content_is_shown_to_who_has_the_key(capsys) -> None:
    seal = sealer(Path("content.pub"))
    content = seal("1", "asked \x1b[31m", "answered")
    with open_worker_log(Path(), worker="worker-0", clock=CLOCK) as log:
        log.append(event(1, id="1", content=content))
        log.append(event(2, id="2", content=content))
        log.append(event(3))
    assert shown(capsys)[0]["content"]["sealed"] == content.sealed
    one, two, three = shown(capsys, "--content-key", "content.pem")
    assert one["content"] == {"form": "sealed", "request": "asked \x1b[31m", "answer": "answered"}
    assert "another event" in two["content"]["problem"]
    assert "content" not in three
    assert run(["log", "requests", "show", "--content-key", "key.pem"]) != 0


# Removing what is old


PRUNE = (
    "log",
    "requests",
    "prune",
    "--owner",
    "Head of Platform",
    "--reason",
    "kept for 90 days",
    "--log-key",
    "key.pem",
)
ALL = ("--older-than", "2027-01-01", "--key", "key.pub")


def verified(capsys, *more: str) -> tuple[int, dict]:
    """As `verify`, whatever was said before."""
    capsys.readouterr()
    return verify(capsys, *more)


def segments(worker: str = "worker-0") -> list[int]:
    return sorted(int(file.stem) for file in Path(".keelmark/requests", worker).glob("*.log"))


def test_old_segments_go_and_the_rest_verifies_and_says_so(capsys) -> None:
    serve(0)
    serve(1)
    before = segments()
    assert run([*PRUNE, *ALL, "--dry-run"]) == 0
    assert segments() == before
    assert "would be removed" in capsys.readouterr().out
    assert run([*PRUNE, *ALL]) == 0
    assert f"it begins with segment {before[-1]}" in capsys.readouterr().out
    assert segments() == segments("worker-1") == before[-1:]
    code, report = verified(capsys, "--key", "key.pub")
    assert (code, report["problems"]) == (0, [])
    said = [words for words in report["notes"] if "were removed on" in words]
    assert len(said) == 2
    assert "by Head of Platform: kept for 90 days" in said[0]
    # One log alone knows of it as well, and all of it goes on.
    assert verified(capsys, ".keelmark/requests/worker-0", "--key", "key.pub")[0] == 0
    serve(0)
    assert verified(capsys, "--key", "key.pub")[0] == 0
    assert run([*PRUNE, *ALL]) == 0
    assert verified(capsys, "--key", "key.pub")[0] == 0
    assert len(segments()) == 1
    notices = [each for each in (capsys.readouterr(), shown(capsys))[1] if each.get("what") == "prune"]
    assert [each["pruned"]["worker"] for each in notices] == ["worker-0", "worker-1", "worker-0"]


def test_a_log_that_is_being_written_can_be_pruned(capsys) -> None:
    serve(0)
    signer = load_private(Path("key.pem").read_bytes())
    publish = head_publisher(Path(), key=signer, clock=CLOCK)
    with open_worker_log(Path(), worker="worker-0", clock=CLOCK, bounds=BOUNDS, publish=publish) as log:
        for number in range(20):
            log.append(event(number))
        log.flush(30)
        publish(log.head())
        assert run([*PRUNE, *ALL]) == 0
        for number in range(20):
            log.append(event(number))
    assert segments()[0] > 1
    assert verified(capsys, "--key", "key.pub")[0] == 0


@pytest.mark.parametrize(("how", "code"), [("changed", 1), ("no key", 3), ("no log", 3)])
def test_what_does_not_verify_is_not_pruned(capsys, how: str, code: int) -> None:
    serve(0)
    more = list(ALL)
    if how == "changed":
        file = Path(".keelmark/requests/worker-0/00000002.log")
        file.write_bytes(file.read_bytes().replace(b"small", b"smell", 1))
    elif how == "no key":
        more = more[:2]
    else:
        shutil.rmtree(".keelmark/log")
        more = more[:2]
    before = segments()
    assert run([*PRUNE, *more]) == code
    assert "nothing was removed" in capsys.readouterr().out
    assert segments() == before
    assert not Path(".keelmark/requests/pruned").exists()


def test_what_is_young_or_kept_by_size_stays() -> None:
    serve(0)
    before = segments()
    assert run([*PRUNE, "--older-than", "2026-01-31T11:00Z", "--key", "key.pub"]) == 0
    assert run([*PRUNE, *ALL, "--keep", "10G"]) == 0
    assert segments() == before
    sizes = [Path(f".keelmark/requests/worker-0/{number:08d}.log").stat().st_size for number in before]
    assert run([*PRUNE, "--keep", str(sum(sizes[2:])), "--key", "key.pub"]) == 0
    assert segments() == before[2:]


def test_without_a_head_behind_it_nothing_is_removed(capsys) -> None:
    """Only the head of the first line was published: what follows has nobody who vouches for it."""
    serve(0, count=0)
    with open_worker_log(Path(), worker="worker-0", clock=CLOCK, bounds=BOUNDS) as log:
        for number in range(30):
            log.append(event(number))
    before = segments()
    assert run([*PRUNE, *ALL]) == 0
    assert "nothing is old enough" in capsys.readouterr().out
    assert segments() == before


def test_a_removal_that_was_stopped_verifies_and_is_finished(capsys, monkeypatch) -> None:
    serve(0)
    kept = {
        number: Path(f".keelmark/requests/worker-0/{number:08d}.log").read_bytes() for number in segments()
    }
    assert run([*PRUNE, *ALL]) == 0
    (last,) = segments()
    # As if it had been stopped after it was written down, before all was removed.
    for number in (1, last - 1):
        Path(f".keelmark/requests/worker-0/{number:08d}.log").write_bytes(kept[number])
    assert verified(capsys, "--key", "key.pub")[0] == 0
    assert run([*PRUNE, *ALL]) == 0
    assert segments() == [last]
    assert len([each for each in (capsys.readouterr(), shown(capsys))[1] if each.get("what") == "prune"]) == 1


def test_nothing_is_removed_before_its_record_is_published(capsys, monkeypatch) -> None:
    serve(0)
    before = segments()

    def fails(*_, **__):
        def publish(head):
            raise StoreError("disk is full")

        return publish

    with monkeypatch.context() as patched:
        patched.setattr("keelmark.workflows.request_log_prune.head_publisher", fails)
        assert run([*PRUNE, *ALL]) == 2
    assert segments() == before
    # What was written down by then is published by the next one, which removes it.
    assert run([*PRUNE, *ALL]) == 0
    assert len(segments()) == 1
    assert verified(capsys, "--key", "key.pub")[0] == 0


def test_a_removal_that_nobody_wrote_down_is_found(capsys) -> None:
    serve(0)
    assert run([*PRUNE, "--keep", "4000", "--key", "key.pub"]) == 0
    first = segments()[0]
    Path(f".keelmark/requests/worker-0/{first:08d}.log").unlink()
    code, report = verified(capsys, "--key", "key.pub")
    assert (code, "is missing" in report["problems"][0]["message"]) == (1, True)


def test_a_record_of_removals_that_is_gone_is_found(capsys) -> None:
    serve(0)
    assert run([*PRUNE, *ALL]) == 0
    shutil.rmtree(".keelmark/requests/pruned")
    code, report = verified(capsys, "--key", "key.pub")
    assert code == 1
    assert any("is missing" in each["message"] for each in report["problems"])


@pytest.mark.parametrize(
    "more", [["--older-than", "soon"], ["--keep", "much"], [], ["--keep", "1", "--owner", " "]]
)
def test_what_is_not_said_plainly_is_refused(more) -> None:
    serve(0)
    assert run([*PRUNE, *more]) == 2
