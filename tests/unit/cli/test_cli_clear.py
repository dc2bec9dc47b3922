"""`keelmark clear`: a signed entry clears one finding of one file for a time, and nothing else."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from keelmark.cli.main import run

UNKNOWN = b"cacme.models\nNet\n)R."
HARMFUL = b"cos\nsystem\n(S'true'\ntR."
SOON = (datetime.now(tz=UTC).date() + timedelta(days=30)).isoformat()


def write_keys(folder, name: str) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    (folder / f"{name}.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / f"{name}.pub").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    write_keys(tmp_path, "key")
    write_keys(tmp_path, "other")
    (tmp_path / "net.pkl").write_bytes(UNKNOWN)
    (tmp_path / "bad.pkl").write_bytes(HARMFUL)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def clear(*, file="net.pkl", subject="acme.models.Net", key="key.pem", expires=SOON, reason="read it") -> int:
    return run(
        ["clear", file, subject, "--reason", reason, "--owner", "ML team", "--expires", expires, "--key", key, "--to", "c.json"]
    )  # fmt: skip


def scan(key="key.pub") -> int:
    return run(["scan", "net.pkl", "--clearances", "c.json", "--trusted-key", key])


def test_a_signed_entry_clears_the_finding(capsys) -> None:
    assert run(["scan", "net.pkl"]) == 1
    assert clear() == 0
    capsys.readouterr()
    assert scan() == 0
    assert "cleared by ML team" in run_verbose(capsys)


def run_verbose(capsys) -> str:
    capsys.readouterr()
    run(["scan", "net.pkl", "--clearances", "c.json", "--trusted-key", "key.pub", "--verbose"])
    return capsys.readouterr().out


def test_it_counts_for_these_very_bytes(place) -> None:
    clear()
    (place / "net.pkl").write_bytes(UNKNOWN + b" ")
    assert scan() == 1


def test_it_counts_only_when_a_trusted_key_signed_it(capsys) -> None:
    clear()
    assert scan(key="other.pub") == 2
    assert "none of the trusted keys" in capsys.readouterr().err
    assert run(["scan", "net.pkl", "--clearances", "c.json"]) == 2
    assert run(["scan", "net.pkl", "--trusted-key", "key.pub"]) == 2


def test_a_changed_file_is_refused(place) -> None:
    clear()
    text = (place / "c.json").read_text()
    (place / "c.json").write_text(text.replace('"payload": "', '"payload": "IA'))
    assert scan() == 2


def test_nobody_signs_what_others_stated(capsys) -> None:
    clear()
    assert clear(key="other.pem") == 2
    assert clear(reason="read it again") == 0
    assert run_verbose(capsys).count("read it again") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subject": "acme.models.Other"}, "findings are about: acme.models.Net"),
        ({"file": "bad.pkl", "subject": "os.system"}, "cannot be cleared"),
        ({"expires": "2020-01-01"}, "has passed"),
        ({"expires": "soon"}, "is no day"),
        ({"reason": " "}, "needs a reason"),
        ({"key": "gone.pem"}, "cannot be read"),
        ({"key": "net.pkl"}, "no private key"),
        ({"file": "gone.pkl"}, "does not exist"),
    ],
)
def test_what_cannot_be_cleared_is_said_so(change, words, place, capsys) -> None:
    assert clear(**change) == 2
    assert words in capsys.readouterr().err
    assert not (place / "c.json").exists()


def test_clearance_is_recorded_where_there_is_a_log(place, capsys) -> None:
    arguments = ["clear", "net.pkl", "acme.models.Net", "--reason", "r", "--owner", "o", "--expires", SOON]
    arguments += ["--key", "key.pem", "--to", "c.json"]
    assert run([*arguments]) == 0
    assert not (place / ".keelmark").exists()
    assert run([*arguments, "--log"]) == 0
    assert run([*arguments, "--no-log"]) == 0
    capsys.readouterr()
    assert run(["log", "show", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["leaf"]["kind"] == "waiver"
    assert row["leaf"]["subjects"] == [f"sha256:{hashlib.sha256(UNKNOWN).hexdigest()}"]
