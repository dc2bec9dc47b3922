"""`keelmark access key`: the key alone on standard output, and every change in the file the gateway reads."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime, timedelta

import pytest

from keelmark.cli.main import run
from keelmark.core.clock import FixedClock
from keelmark.core.secret import Secret
from keelmark.deployment.access.keys import id_of, parse_pepper
from keelmark.store.api_keys import KeyFile, read_pepper
from keelmark.workflows.access_keys import find_pepper, open_ring

ADD = ["access", "key", "add", "--name", "nightly", "--owner", "ana", "--scope", "infer:small"]
SECOND = 10**9


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("KEELMARK_PEPPER", raising=False)
    return tmp_path / ".keelmark/access"


def added(capsys, *more: str) -> str:
    assert run([*ADD, *more]) == 0
    return capsys.readouterr().out.strip()


def listed(capsys) -> list[dict]:
    assert run(["access", "key", "list", "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def ring(place):
    return open_ring(KeyFile(place / "keys.json"), parse_pepper(read_pepper(place / "pepper")))


def now() -> datetime:
    return datetime.now(UTC)


def test_key_stands_alone_on_standard_output_and_works(place, capsys) -> None:
    assert run(ADD) == 0
    shown = capsys.readouterr()
    text = shown.out.removesuffix("\n")
    assert id_of(text) is not None
    assert text not in shown.err
    assert ring(place).verify(text, now=now(), now_ns=0) is not None
    secret = text.partition(".")[2]
    assert all(secret not in file.read_text() for file in place.iterdir())
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in place.iterdir())
    assert (place / ".gitignore").read_text() == "/pepper\n"


def test_answers_for_programs(capsys) -> None:
    assert run([*ADD, "--team", "ml", "--valid-for", "7", "--format", "json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert id_of(made["key"]) == made["id"]
    (row,) = listed(capsys)
    assert row == {name: value for name, value in made.items() if name != "key"}
    assert (row["team"], row["state"], row["scopes"]) == ("ml", "in force", ["infer:small"])


def test_list_shows_no_secret_and_states(capsys) -> None:
    text = added(capsys)
    assert run(["access", "key", "list"]) == 0
    out = capsys.readouterr().out
    assert id_of(text) in out
    assert "in force" in out
    assert text.partition(".")[2] not in out
    assert "digest" not in json.dumps(listed(capsys))


def test_key_that_begins_later_is_not_yet_in_force(place, capsys) -> None:
    tomorrow = f"{datetime.fromtimestamp(now().timestamp() + 86_400, UTC):%Y-%m-%dT%H:%M:%S}"
    text = added(capsys, "--not-before", tomorrow)
    assert listed(capsys)[0]["state"] == "not yet"
    assert ring(place).verify(text, now=now(), now_ns=0) is None


def test_rotation_and_revocation_reach_a_running_gateway(place, capsys) -> None:
    old = added(capsys)
    keys = ring(place)
    assert keys.verify(old, now=now(), now_ns=0) is not None
    assert run(["access", "key", "rotate", str(id_of(old)), "--overlap-hours", "1"]) == 0
    new = capsys.readouterr().out.strip()
    assert keys.verify(new, now=now(), now_ns=SECOND) is not None
    assert keys.verify(old, now=now(), now_ns=SECOND) is not None
    assert run(["access", "key", "revoke", str(id_of(old)), "--reason", "leaked"]) == 0
    assert keys.verify(old, now=now(), now_ns=2 * SECOND) is None
    assert keys.verify(new, now=now(), now_ns=2 * SECOND) is not None
    capsys.readouterr()
    first, second = listed(capsys)
    assert (first["state"], first["reason"], second["replaces"]) == ("revoked", "leaked", first["id"])
    assert run(["access", "key", "revoke", str(id_of(new)), "--reason", "over", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "revoked"


@pytest.mark.parametrize(
    "arguments",
    [
        ["access", "key", "list"],
        ["access", "key", "revoke", "000000000000", "--reason", "x"],
        ["access", "key", "rotate", "000000000000"],
        ["access", "key", "rotate", "000000000000", "--overlap-hours", "-1"],
        ADD[:-2],
        [*ADD[:-1], "infer"],
        [*ADD, "--valid-for", "400"],
        [*ADD, "--pepper", "missing/../../nowhere\0"],
    ],
)
def test_what_cannot_be_done_is_said_and_exits_with_two(arguments, capsys) -> None:
    assert run(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err


def test_pepper_comes_from_the_environment_or_a_file_and_never_from_both(place, monkeypatch, capsys) -> None:
    monkeypatch.setenv("KEELMARK_PEPPER", "ab" * 32)
    text = added(capsys)
    assert not (place / "pepper").exists()
    pepper = find_pepper(place / "pepper", Secret(b"ab" * 32))
    assert open_ring(KeyFile(place / "keys.json"), pepper).verify(text, now=now(), now_ns=0) is not None
    monkeypatch.setenv("KEELMARK_PEPPER", "cd" * 32)
    assert run(ADD) == 2
    assert "another pepper" in capsys.readouterr().err
    monkeypatch.delenv("KEELMARK_PEPPER")
    assert run(ADD) == 2
    assert "there is no pepper" in capsys.readouterr().err
    (place / "pepper").write_text("ab" * 32)
    (place / "pepper").chmod(0o600)
    assert run(ADD) == 0
    monkeypatch.setenv("KEELMARK_PEPPER", "ab" * 32)
    assert run(ADD) == 2
    assert "two peppers" in capsys.readouterr().err


def test_open_pepper_and_writable_key_file_are_refused(place, capsys) -> None:
    added(capsys)
    (place / "pepper").chmod(0o644)
    assert run(ADD) == 2
    assert "others can read" in capsys.readouterr().err
    (place / "pepper").chmod(0o600)
    (place / "keys.json").chmod(0o660)
    assert run(ADD) == 2
    assert "others can write" in capsys.readouterr().err


def test_expired_key_is_shown_as_such(monkeypatch, capsys) -> None:
    added(capsys, "--valid-for", "1")
    later = FixedClock(now() + timedelta(days=2))
    monkeypatch.setattr("keelmark.cli.access.SystemClock", lambda: later)
    assert listed(capsys)[0]["state"] == "expired"
