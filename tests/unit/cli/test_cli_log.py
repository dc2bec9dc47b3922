"""`keelmark log` end to end: what it proves, what it refuses, and its exit codes."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keelmark.cli.main import run
from keelmark.core.clock import FixedClock
from keelmark.core.log import LogEntry, LogKind
from keelmark.errors import StoreError, TrustError, UsageError
from keelmark.trust.keys import load_private
from keelmark.trust.leaf import digest_of
from keelmark.workflows.log import LOG_FOLDER, find_log, record

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


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
def place(tmp_path, monkeypatch, own_environment):
    (tmp_path / "My project!").mkdir()
    monkeypatch.chdir(tmp_path / "My project!")
    for name in ("key", "other", "witness"):
        write_key(name, ed25519.Ed25519PrivateKey.generate())
    write_key("p256", ec.generate_private_key(ec.SECP256R1()))
    write_key("p384", ec.generate_private_key(ec.SECP384R1()))
    return tmp_path / "My project!" / LOG_FOLDER


def key_of(name: str):
    return load_private(Path(f"{name}.pem").read_bytes())


def add(*names: str, key: str | None = "key", place: Path = LOG_FOLDER, **options) -> tuple[int, ...]:
    made = [
        LogEntry(kind=LogKind.FINDINGS, subjects=(digest_of(name.encode()),), record=name.encode())
        for name in names
    ]
    signer = key_of(key) if key else None
    return record(place, made, key=signer, clock=options.pop("clock", FixedClock(NOON)), **options)


def vkey(capsys, name: str = "key") -> str:
    origin = (LOG_FOLDER / "checkpoint").read_text("utf-8").partition("\n")[0]
    capsys.readouterr()
    assert run(["log", "vkey", f"{name}.pub", "--name", origin]) == 0
    return capsys.readouterr().out.strip()


def test_a_signed_log_verifies_with_its_key(capsys, place) -> None:
    assert add("a", "b") == (0, 1)
    assert add("c") == (2,)
    assert (place.parent / ".gitignore").read_text("utf-8") == "*\n"
    for key in ("key.pub", vkey(capsys)):
        assert run(["log", "verify", "--key", key]) == 0
    Path("vkey.txt").write_text(vkey(capsys) + "\n", "utf-8")
    assert run(["log", "verify", str(place), "--key", "vkey.txt"]) == 0
    out = capsys.readouterr().out
    assert "verifies" in out
    assert "keelmark-log/My-project-/" in out
    assert "3 read, digests right" in out


def test_nobody_known_signed_is_not_verified(capsys) -> None:
    add("a")
    assert run(["log", "verify"]) == 3
    assert "no key was given" in capsys.readouterr().out
    assert run(["log", "verify", "--key", "other.pub"]) == 1
    assert "none of the trusted keys" in capsys.readouterr().out
    add("b", place=Path("unsigned"), key=None)
    assert run(["log", "verify", "unsigned"]) == 3
    assert "is not signed" in capsys.readouterr().out
    assert run(["log", "verify", "unsigned", "--key", "key.pub"]) == 1
    assert run(["log", "sign", "unsigned", "--key", "key.pem"]) == 0
    assert run(["log", "verify", "unsigned", "--key", "key.pub"]) == 0


def test_what_cannot_run_says_so(capsys) -> None:
    assert run(["log", "verify"]) == 2
    assert "there is no log here" in capsys.readouterr().err
    add("a")
    Path("junk").write_text("junk", "utf-8")
    Path("long").write_text("x" * 65_537, "utf-8")
    for arguments in (
        ["verify", "--key", "missing"], ["verify", "--key", "long"], ["verify", "--key", "junk"], ["verify", "--key", "a\0b"],
        ["verify", "--against", "junk"], ["verify", "--against", "missing"],
        ["check", "junk"], ["check", "missing"], ["prove"], ["prove", "--leaf", "1", "--record", "x"],
        ["prove", "--leaf", "1"], ["prove", "--leaf", "-1"], ["prove", "--record", "00"], ["sign", "--key", "junk"],
        ["sign", "--key", "p384.pem"], ["witness", ".", "--key", "witness.pem"],
        ["witness", ".", "--key", "p256.pem", "--log-key", "key.pub"],
        ["witness", ".", "--key", "witness.pem", "--log-key", "key.pub", "--name", "a b"],
        ["vkey", "key.pub", "--name", "a b"], ["vkey", "junk", "--name", "a"], [],
    ):  # fmt: skip
        assert run(["log", *arguments]) == 2, arguments
    with pytest.raises(UsageError, match="signs no logs"):
        add("b", key="p384", place=Path("never"))
    assert not Path("never").exists()
    with pytest.raises(StoreError, match="no log here"):
        find_log(Path("never"))


def test_ecdsa_keys_sign_logs(capsys) -> None:
    add("a", key="p256")
    assert run(["log", "verify", "--key", "p256.pub"]) == 0
    assert run(["log", "verify", "--key", vkey(capsys, "p256")]) == 0


def test_a_changed_record_or_entry_does_not_verify(capsys, place) -> None:
    add("a", "b")
    file = next(path for path in (place / "records").rglob("*") if path.is_file())
    good = file.read_bytes()
    file.unlink()
    assert run(["log", "verify", "--key", "key.pub", "-f", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "fail"
    assert "is missing" in found["problems"][0]["message"]
    assert run(["log", "verify", "--key", "key.pub", "--no-records"]) == 0
    file.write_bytes(good)
    entries = place / "tile/entries/000.p/2"
    entries.write_bytes(entries.read_bytes().replace(b"findings", b"requests"))
    assert run(["log", "verify", "--key", "key.pub"]) == 1


def test_an_earlier_checkpoint_finds_a_log_that_was_written_anew(capsys, place) -> None:
    add("a", "b", "c")
    shutil.copy(place / "checkpoint", "earlier")
    origin = (place / "checkpoint").read_text("utf-8").partition("\n")[0]
    add("d")
    assert run(["log", "verify", "--key", "key.pub", "--against", "earlier"]) == 0
    shutil.rmtree(place)
    add("a", "b")
    assert run(["log", "verify", "--key", "key.pub"]) == 0
    assert run(["log", "verify", "--key", "key.pub", "--against", "earlier"]) == 1
    assert "different logs" in capsys.readouterr().out
    assert origin != (place / "checkpoint").read_text("utf-8").partition("\n")[0]


def test_an_earlier_checkpoint_with_a_forged_signature_is_a_problem(capsys, place) -> None:
    add("a")
    text, _, line = (place / "checkpoint").read_text("utf-8").partition("\n\n")
    forged = Path("forged")
    forged.write_text(f"{text}\n\n{line[:-8]}AAAA{line[-4:]}", "utf-8")
    assert run(["log", "verify", "--key", "key.pub", "--against", "forged"]) == 1
    forged.write_text(f"{text}\n\n", "utf-8")
    assert run(["log", "verify", "--key", "key.pub", "--against", "forged"]) == 0
    assert "none of the keys signed the earlier checkpoint" in capsys.readouterr().out


def test_a_signature_is_never_lost_by_recording_without_the_key(capsys) -> None:
    add("a")
    assert add("b", "c", key=None) == (1, 2)
    capsys.readouterr()
    assert run(["log", "verify", "--key", "key.pub"]) == 0
    assert "2 entries are not under the checkpoint yet" in capsys.readouterr().out
    assert run(["log", "show"]) == 0
    assert capsys.readouterr().out.count("not yet") == 2
    assert run(["log", "prove", "--leaf", "2"]) == 2
    assert run(["log", "sign", "--key", "key.pem", "-f", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["head"]["size"] == 3
    assert run(["log", "prove", "--leaf", "2"]) == 0


def test_a_proof_is_checked_without_the_log(capsys, place) -> None:
    add("a")
    shutil.copy(place / "checkpoint", "earlier")
    known = vkey(capsys)
    add(*"bcdefgh")
    made = digest_of(b"d")
    assert run(["log", "prove", "--record", made, "--consistent-with", "earlier", "-o", "proof.json"]) == 0
    assert run(["log", "prove", "--leaf", "3"]) == 0
    assert json.loads(capsys.readouterr().out)["index"] == 3
    shutil.rmtree(place.parent)
    Path("d.bin").write_bytes(b"d")
    assert run(["log", "check", "proof.json", "--key", known, "--record", "d.bin"]) == 0
    out = capsys.readouterr().out
    assert "goes on from the one of 1 entries" in out
    assert made in out
    assert run(["log", "check", "proof.json"]) == 3
    assert run(["log", "check", "proof.json", "--key", "other.pub"]) == 1
    Path("d.bin").write_bytes(b"e")
    assert run(["log", "check", "proof.json", "--key", known, "--record", "d.bin", "-f", "json"]) == 1
    document = json.loads(Path("proof.json").read_text("utf-8"))
    for key, value in (("index", 4), ("entry", document["entry"].replace("findings", "requests"))):
        Path("changed.json").write_text(json.dumps({**document, key: value}), "utf-8")
        assert run(["log", "check", "changed.json", "--key", known]) == 1


def test_a_proof_from_a_log_that_does_not_go_on_is_not_made(capsys, place) -> None:
    add("a", "b")
    shutil.copy(place / "checkpoint", "earlier")
    longer = Path("earlier").read_text("utf-8").replace("\n2\n", "\n9\n")
    Path("longer").write_text(longer, "utf-8")
    assert run(["log", "prove", "--leaf", "0", "--consistent-with", "longer"]) == 1
    assert "truncated" in capsys.readouterr().err
    shutil.rmtree(place)
    add("a", "x")
    assert run(["log", "prove", "--leaf", "0", "--consistent-with", "earlier"]) == 1
    assert "another log" in capsys.readouterr().err


WITNESS = ["--key", "witness.pem", "--log-key", "key.pub", "--name", "witness.example/1"]


def test_a_witness_signs_what_goes_on_and_nothing_else(capsys, place) -> None:
    add("a", "b")
    assert run(["log", "witness", ".", *WITNESS, "-o", "first"]) == 0
    said = capsys.readouterr().err
    assert "first time" in said
    known = said.split()[-1]
    backup = Path("backup")
    shutil.copytree(place, backup)
    add("c")
    assert run(["log", "witness", ".", *WITNESS, "-o", "second", "-f", "json"]) == 0
    found = json.loads(Path("second").read_text("utf-8"))
    assert (found["before"], found["head"]["size"]) == (2, 3)
    Path("second").write_text(found["note"], "utf-8")
    assert Path("second").read_text("utf-8").count("witness.example/1") == 1
    # The witness's own signature is enough to know that nothing was rewritten since.
    assert run(["log", "verify", "--against", "second", "--key", known, "--key", "key.pub"]) == 0
    assert run(["log", "witness", str(backup), *WITNESS]) == 1
    assert "truncated" in capsys.readouterr().err
    add("x", "y", place=backup)
    assert run(["log", "witness", str(backup), *WITNESS]) == 1
    assert "does not go on" in capsys.readouterr().err
    assert run(["log", "witness", str(place / "checkpoint"), *WITNESS]) == 0
    assert run(["log", "witness", "second", *WITNESS, "-o", "third"]) == 0
    assert Path("third").read_text("utf-8").count("witness.example/1") == 1


def test_a_witness_needs_a_proof_or_the_log(capsys, place) -> None:
    add("a")
    assert run(["log", "witness", str(place / "checkpoint"), *WITNESS, "-o", "first"]) == 0
    add("b", "c")
    assert run(["log", "witness", str(place / "checkpoint"), *WITNESS]) == 2
    assert "does not show that it goes on" in capsys.readouterr().err
    assert run(["log", "prove", "--leaf", "2", "-o", "plain.json"]) == 0
    assert run(["log", "witness", "plain.json", *WITNESS]) == 2
    assert run(["log", "prove", "--leaf", "2", "--consistent-with", "first", "-o", "proof.json"]) == 0
    assert run(["log", "witness", "proof.json", *WITNESS]) == 0
    assert "goes on from 1 entries" in capsys.readouterr().err


def test_a_witness_signs_only_for_the_key_of_the_log(capsys) -> None:
    add("a", key="other")
    assert run(["log", "witness", ".", *WITNESS]) == 1
    assert "none of the trusted keys" in capsys.readouterr().err
    assert not Path("witness.pem.seen.json").exists()


def test_a_witness_that_forgot_does_not_begin_anew(capsys) -> None:
    add("a")
    assert run(["log", "witness", ".", *WITNESS, "--state", "seen.json"]) == 0
    for junk in ("", "{}", '{"logs":{"x":{"size":1,"root":"!"}},"format":"keelmark-witness/v1"}'):
        Path("seen.json").write_text(junk, "utf-8")
        assert run(["log", "witness", ".", *WITNESS, "--state", "seen.json"]) == 2
    assert "does not say what was seen" in capsys.readouterr().err
    assert run(["log", "witness", ".", *WITNESS, "--state", "nowhere/seen.json"]) == 2
    unsigned = Path("unsigned")
    add("a", place=unsigned, key=None)
    (unsigned / "checkpoint").unlink()
    assert run(["log", "witness", "unsigned", *WITNESS]) == 2
    assert run(["log", "prove", "unsigned", "--leaf", "0"]) == 2
    assert run(["log", "verify", "unsigned", "--key", "key.pub"]) == 3


def test_a_torn_end_is_told_by_who_cuts_it_off(capsys, place) -> None:
    add("a")
    with (place / "entries.journal").open("ab") as stream:
        stream.write(b"KMB1 torn")
    assert run(["log", "verify", "--key", "key.pub"]) == 3
    assert "torn" in capsys.readouterr().out
    said: list[str] = []
    add("b", report=said.append)
    assert "9 torn bytes" in said[0]
    assert run(["log", "verify", "--key", "key.pub"]) == 0


def test_a_clock_that_was_set_back_is_refused_or_recorded(place) -> None:
    add("a")
    early = FixedClock(NOON - timedelta(days=30))
    with pytest.raises(StoreError, match="the clock says"):
        add("b", clock=early)
    assert add("b", clock=early, accept_lag=True) == (1,)
    assert run(["log", "show", "-f", "json", "--limit", "1"]) == 0


def test_links_in_the_project_are_not_followed(place, tmp_path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    place.parent.symlink_to(elsewhere)
    with pytest.raises(StoreError, match="cannot be made"):
        add("a")
    assert list(elsewhere.iterdir()) == []


def test_show_reads_foreign_logs_as_data(capsys, place) -> None:
    add(*map(str, range(70)))
    capsys.readouterr()
    assert run(["log", "show"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 51
    assert lines[1].startswith("20 ")
    entries = place / "tile/entries/000.p/70"
    entries.write_bytes(entries.read_bytes().replace(b"findings", b"gossip!!"))
    assert run(["log", "show"]) == 2


def test_a_log_that_somebody_brought_is_not_signed_unasked(place, monkeypatch) -> None:
    add("theirs", key="other")
    with pytest.raises(TrustError, match="not signed with this key"):
        add("ours")
    assert run(["log", "sign", "--key", "key.pem"]) == 0
    assert add("ours") == (1,)
    unsigned = Path("unsigned")
    add("theirs", key=None, place=unsigned)
    with pytest.raises(TrustError, match="keelmark-log/unsigned/"):
        add("ours", place=unsigned)
    (unsigned / "checkpoint").unlink()
    with pytest.raises(TrustError):
        add("ours", place=unsigned)


def test_a_first_run_that_was_killed_is_gone_on_from(monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(
            "keelmark.store.log.FileLog.append", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            add("a")
    assert add("b") == (0,)
    empty = Path("empty")
    add(key=None, place=empty)
    assert add("c", place=empty) == (0,)
    assert run(["log", "verify", "empty", "--key", "key.pub"]) == 0
