"""`keelmark release` and `keelmark verify RELEASE`: exit codes, words, and no secret or foreign text on the screen."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.corpus.releases import NOW, RELEASABLE, declared, ground_for, write

from keelmark.cli.main import run
from keelmark.core.clock import SystemClock
from keelmark.core.outcome import Verdict
from keelmark.trust.keys import new_private
from keelmark.workflows import release as job

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.workflows.release_evidence import Ground

PASSWORD = "correct horse battery"
OWN = ("--key", "../key.pem", "--owner", "Head of Platform")


@pytest.fixture
def clock(monkeypatch):
    class Moment:
        now = NOW

    def now(_):
        Moment.now += timedelta(seconds=1)
        return Moment.now

    monkeypatch.setattr(SystemClock, "now", now)
    return Moment


@pytest.fixture
def place(tmp_path: Path, monkeypatch, own_environment, clock) -> Path:
    """A small project whose assessment is made by hand; keys beside it."""
    root = write(tmp_path / "project")
    monkeypatch.chdir(root)
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", PASSWORD)
    for name in ("key", "risk"):
        assert run(["key", "new", "-o", f"../{name}.pem"]) == 0

    monkeypatch.setattr(job, "ground_of", lambda root, *_, **__: ground_for(root, declared()))
    return root


def made(root: Path) -> str:
    (file,) = (root / ".keelmark/releases").glob("*.dsse.json")
    return str(file)


def with_ground(monkeypatch, change) -> None:
    def ground(root: Path, *_: object, **__: object) -> Ground:
        return change(root)

    monkeypatch.setattr(job, "ground_of", ground)


def test_release_is_made_and_verified(place, capsys) -> None:
    assert run(["release", *OWN]) == 0
    out = capsys.readouterr().out
    assert "RELEASED  helpdesk 1.2.3" in out
    assert "covers      5 files (" in out
    assert "bytes), 0 links, 1 prompt, 1 tool" in out
    assert "rests on    findings alone" in out
    assert run(["verify", made(place), "--key", "../key.pem.pub"]) == 0
    assert capsys.readouterr().out.startswith("VALID  helpdesk 1.2.3\n")
    assert run(["verify", made(place), ".", "--key", "../key.pem.pub", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["state"], found["files"]) == ("pass", "valid", 5)
    assert found["release"]["signers"][0]["name"] == "Head of Platform"


@pytest.mark.parametrize("verdict", [Verdict.DO_NOT_RELEASE, Verdict.NOT_ENOUGH_EVIDENCE])
def test_what_the_gate_keeps_back_ends_as_assess_does(place, capsys, monkeypatch, verdict) -> None:
    with_ground(monkeypatch, lambda root: ground_for(root, decision=replace(RELEASABLE, verdict=verdict)))
    code = {Verdict.DO_NOT_RELEASE: 1, Verdict.NOT_ENOUGH_EVIDENCE: 3}[verdict]
    assert run(["release", *OWN]) == code
    captured = capsys.readouterr()
    assert "nothing was released" in captured.err
    assert run(["release", *OWN, "--format", "json"]) == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code
    assert not (place / ".keelmark/releases").exists()


def test_release_of_files_that_could_not_all_be_read_is_not_enough_evidence(
    place, capsys, monkeypatch
) -> None:
    with_ground(monkeypatch, lambda root: ground_for(root, tree_digest=""))
    assert run(["release", *OWN]) == 3
    assert "not every file could be read whole" in capsys.readouterr().err


def test_two_signers(place, capsys, monkeypatch) -> None:
    with_ground(monkeypatch, lambda root: ground_for(root, decision=replace(RELEASABLE, is_critical=True)))
    assert run(["release", *OWN]) == 2
    assert "two people must sign" in capsys.readouterr().err
    second = ("--second-owner", "Risk owner", "--second-key", "../risk.pem.pub")
    assert run(["release", *OWN, *second[:2]]) == 2
    assert run(["release", *OWN, *second]) == 0
    assert "PENDING: a second signature is missing" in capsys.readouterr().out
    pending = made(place)
    keys = ("--key", "../key.pem.pub", "--key", "../risk.pem.pub")
    assert run(["verify", pending, *keys]) == 3
    (place / "app.py").write_bytes(b"changed")
    sign = ["release", "--sign", pending, "--key", "../risk.pem"]
    capsys.readouterr()
    assert run(sign) == 1
    assert capsys.readouterr().out.startswith(
        "NOT SIGNED  1 file not as the first signer released\n  changed"
    )
    assert run([*sign, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences_total"] == 1
    write(place)
    assert run([*sign, "--format", "json", "-o", "../copy.dsse.json"]) == 0
    assert json.loads(capsys.readouterr().out)["pending"] is False
    assert run(["verify", "../copy.dsse.json", *keys]) == 0
    assert run(sign) == 2


def test_list_show_and_revoke(place, capsys) -> None:
    assert run(["release", "list"]) == 0
    assert "there is no release here" in capsys.readouterr().out
    assert run(["release", *OWN, "--log"]) == 0
    assert run(["release", "show"]) == 0
    assert "signatures are not checked here" in capsys.readouterr().out
    revoke = ["release", "revoke", "latest", "--reason", "leak", "--owner", "CISO", "--key", "../key.pem"]
    assert run([*revoke, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["revocation"]["owner"] == "CISO"
    assert run(revoke) == 2
    capsys.readouterr()
    assert run(["release", "show", "latest", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "revoked"
    assert run(["release", "list", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["releases"]
    assert (row["state"], row["system"], row["supersedes"]) == ("revoked", "helpdesk", None)
    assert run(["release", "list"]) == 0
    assert "revoked  helpdesk 1.2.3" in capsys.readouterr().out
    (file,) = (
        each for each in (place / ".keelmark/releases").glob("*.dsse.json") if "revocation" not in each.name
    )
    assert run(["verify", str(file), "--key", "../key.pem.pub"]) == 1
    assert capsys.readouterr().out.startswith("NOT VALID  revoked")


def test_validity_can_be_judged_for_another_day(place, capsys) -> None:
    assert run(["release", *OWN, "--valid-for", "2"]) == 0
    verify = ["verify", made(place), "--key", "../key.pem.pub", "--as-of"]
    capsys.readouterr()
    assert run([*verify, "2026-11-24"]) == 0
    assert "as of noon of 2026-11-24, not of now" in capsys.readouterr().out
    assert run([*verify, "2026-11-26"]) == 1
    assert "NOT VALID  expired" in capsys.readouterr().out
    assert run([*verify, "2026-11-20"]) == 1
    assert "NOT VALID  not yet valid" in capsys.readouterr().out


def test_long_differences_are_cut_and_shown_in_full_when_asked(place, capsys) -> None:
    assert run(["release", *OWN]) == 0
    for number in range(30):
        (place / f"n{number}\x1b").touch()
    capsys.readouterr()
    assert run(["verify", made(place), "--key", "../key.pem.pub"]) == 1
    out = capsys.readouterr().out
    assert "… and 10 more; --verbose shows all" in out
    assert "\x1b" not in out
    assert run(["verify", made(place), "--key", "../key.pem.pub", "-v"]) == 1
    assert capsys.readouterr().out.count("added") == 30


@pytest.mark.parametrize(
    "arguments",
    [
        ["release", "absent", *OWN],
        ["release", "--key", "../key.pem"],
        ["release", "--key", "../absent.pem", "--owner", "x"],
        ["release", "--key", "../key.pem.pub", "--owner", "x"],
        ["release", *OWN, "--valid-for", "0"],
        ["release", *OWN, "--log-key", "pkcs11:token=x"],
        ["release", *OWN, "--second-owner", "Risk owner"],
        ["release", *OWN, "-o", "release.dsse.json"],
        ["release", "--sign", "absent", "--key", "../key.pem"],
        ["release", "--sign", "app.py", "--key", "../key.pem"],
        ["release", "revoke", "x", "--reason", "r", "--owner", "o", "--key", "../key.pem"],
        ["release", "show"],
        ["verify", "app.py", ".", "--key", "../key.pem.pub"],
        ["verify", "../made.dsse.json", "--key", "../key.pem"],
        ["verify", "../made.dsse.json"],
        ["verify", "../made.dsse.json", "absent", "--key", "../key.pem.pub"],
        ["verify", "../made.dsse.json", "--key", "../key.pem.pub", "--identity", "x"],
        ["verify", "../made.dsse.json", "--key", "../key.pem.pub", "--allow-unsigned", "x"],
        ["verify", "../made.dsse.json", "--key", "../key.pem.pub", "--revocations", "absent"],
        ["verify", "data", "-s", "x", "--key", "../key.pem.pub", "--revocations", "x"],
    ],
)
def test_what_could_not_run_ends_with_two(place, capsys, arguments) -> None:
    if "../made.dsse.json" in arguments:
        assert run(["release", *OWN, "-o", "../made.dsse.json"]) == 0
    capsys.readouterr()
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_wrong_password_is_told_before_any_work_and_not_shown(place, capsys, monkeypatch) -> None:
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", "not the password")
    with_ground(monkeypatch, lambda _: pytest.fail("assessed in vain"))
    assert run(["release", *OWN]) == 2
    assert "not the password" not in capsys.readouterr().err


def test_log_has_a_key_of_its_own_when_asked(place, capsys, monkeypatch) -> None:
    (place.parent / "log.pem").write_bytes(new_private("ed25519", password=b"another password"))
    monkeypatch.setenv("KEELMARK_LOG_KEY_PASSWORD", "another password")
    assert run(["release", *OWN, "--log", "--log-key", "../log.pem"]) == 0
    assert run(["key", "public", "../risk.pem"]) == 0
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", "another password")
    capsys.readouterr()
    assert run(["key", "public", "../log.pem"]) == 0
    (place.parent / "log.pub").write_text(capsys.readouterr().out)
    assert run(["log", "verify", "--key", "../log.pub"]) == 0


def test_damaged_release_is_told_for_what_it_is(place, capsys) -> None:
    assert run(["release", *OWN, "-o", "../made.dsse.json"]) == 0
    file = place.parent / "made.dsse.json"
    file.write_bytes(file.read_bytes()[:-30])
    capsys.readouterr()
    assert run(["verify", "../made.dsse.json", "--key", "../key.pem.pub"]) == 1
    assert capsys.readouterr().out.startswith("NOT VALID  damaged\n  it was changed, or is no release")
