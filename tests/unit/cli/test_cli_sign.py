"""`keelmark sign`, `verify` and `key`: exit codes, keys from files and the environment, and no secret on the screen."""

from __future__ import annotations

import json
import os
import stat

import pytest
from tests.corpus.certificates import Chain, pem, private_pem, public_pem

from keelmark.cli import signing
from keelmark.cli.main import run
from keelmark.trust.keys import load_private, new_private

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/w.bin").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", PASSWORD)
    assert run(["key", "new", "-o", "key.pem"]) == 0
    return tmp_path


def test_model_is_signed_and_verified(place, capsys) -> None:
    capsys.readouterr()
    assert run(["sign", "model", "--key", "key.pem", "-o", "model/model.sig"]) == 0
    assert "signed 1 file (7 bytes) of model" in capsys.readouterr().out
    assert run(["verify", "model", "--key", "key.pem.pub"]) == 0
    assert capsys.readouterr().out.startswith("VALID  1 file (7 bytes) as signed")
    (place / "model/w.bin").write_bytes(b"Weights")
    assert run(["verify", "model", "--key", "key.pem.pub"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("DOES NOT VERIFY  1 file not as signed")
    assert "changed   w.bin" in out


def test_answers_for_programs(place, capsys) -> None:
    capsys.readouterr()
    run(["sign", "model", "--key", "key.pem", "--format", "json"])
    signed = json.loads(capsys.readouterr().out)
    assert signed["files"] == 1
    assert run(["verify", "model", "--key", "key.pem.pub", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == "pass"
    assert found["digest"] == signed["digest"]
    assert found["signers"] == signed["signers"]


def test_long_answers_are_cut_and_shown_in_full_when_asked(place, capsys) -> None:
    run(["sign", "model", "--key", "key.pem"])
    for number in range(30):
        (place / f"model/n{number}").touch()
    capsys.readouterr()
    assert run(["verify", "model", "--key", "key.pem.pub"]) == 1
    assert "… and 10 more; --verbose shows all" in capsys.readouterr().out
    assert run(["verify", "model", "--key", "key.pem.pub", "--verbose"]) == 1
    assert capsys.readouterr().out.count("added") == 30
    assert run(["verify", "model", "--key", "key.pem.pub", "--allow-unsigned", "./"]) == 0
    assert "… and 10 more that are not signed" in capsys.readouterr().out


@pytest.mark.parametrize("empty", ["", "/", "/model"])
def test_empty_variable_allows_nothing(place, capsys, empty) -> None:
    assert run(["sign", "model", "--key", "key.pem"]) == 0
    assert run(["verify", "model", "--key", "key.pem.pub", "--allow-unsigned", empty]) == 2
    assert "is no path" in capsys.readouterr().err


def test_foreign_names_cannot_drive_the_terminal(place, capsys) -> None:
    run(["sign", "model", "--key", "key.pem"])
    (place / "model/\x1b[2Jevil").touch()
    capsys.readouterr()
    run(["verify", "model", "--key", "key.pem.pub"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "model"],
        ["verify", "absent", "--key", "key.pem.pub"],
        ["verify", "model", "--key", "key.pem.pub"],
        ["verify", "model", "--key", "absent.pub", "-s", "x"],
        ["verify", "model", "--key", "key.pem", "-s", "x"],
        ["verify", "model", "--key", "env:NOT_SET", "-s", "x"],
        ["verify", "model", "--key", "key.pem.pub", "-s", "x", "--as-of", "soon"],
        ["verify", "model", "--root", "key.pem.pub", "-s", "x"],
        ["verify", "a\0b", "--key", "key.pem.pub"],
        ["sign", "model", "--key", "absent.pem"],
        ["sign", "model", "--key", "key.pem.pub"],
        ["sign", "model", "--key", "a\0b"],
        ["sign", "model", "--key", "pkcs11:token=x"],
        ["sign", "model", "--key", "key.pem", "--certificate", "key.pem"],
        ["key", "new", "-o", "key.pem"],
        ["key", "new", "-o", "no/folder/key.pem"],
    ],
)
def test_what_could_not_run_ends_with_two(arguments, capsys) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_wrong_password_ends_with_two_and_is_not_shown(capsys, monkeypatch) -> None:
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", "not the password")
    assert run(["sign", "model", "--key", "key.pem"]) == 2
    assert "not the password" not in capsys.readouterr().err
    monkeypatch.delenv("KEELMARK_KEY_PASSWORD")
    assert run(["sign", "model", "--key", "key.pem"]) == 2
    assert "needs a password" in capsys.readouterr().err


def test_keyless_signature_ends_with_three(place, capsys) -> None:
    chain = Chain()
    key = load_private(private_pem(chain.key))
    from keelmark.trust import bundle, statement

    made = bundle.sign(statement.PAYLOAD_TYPE, b"{}", signers=[key], certificates=chain.der)
    tree = json.loads(bundle.encode(made))
    tree["verificationMaterial"]["tlogEntries"] = [{}]
    (place / "model.sig").write_text(json.dumps(tree))
    (place / "root.pem").write_bytes(pem(chain.root))
    capsys.readouterr()
    assert run(["verify", "model", "--root", "root.pem", "--as-of", "2026-06-01"]) == 3
    out = capsys.readouterr().out
    assert out.startswith("CANNOT TELL")
    assert "VALID" not in out
    assert "as of 2026-06-01" in out


def test_certificate_shows_who_signed(place, capsys) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(tz=UTC)
    chain = Chain(start=now - timedelta(days=1), end=now + timedelta(days=1))
    (place / "leaf.key").write_bytes(private_pem(chain.key))
    (place / "chain.pem").write_bytes(pem(chain.leaf, chain.issuer))
    capsys.readouterr()
    assert run(["sign", "model", "--key", "leaf.key", "--certificate", "chain.pem"]) == 0
    assert "CN=Model team, vouched for by CN=Test issuer" in capsys.readouterr().out
    assert run(["sign", "model", "--key", "chain.pem"]) == 2
    assert "belongs behind --certificate" in capsys.readouterr().err


def test_devices_are_asked_for_their_pin(monkeypatch, capsys) -> None:
    from contextlib import contextmanager

    seen = []

    @contextmanager
    def device(uri, *, pin, module):
        seen.append((uri.label, repr(pin), pin.reveal(), module))
        yield load_private(new_private("p256", password=None))

    monkeypatch.setattr(signing, "open_device_key", device)
    monkeypatch.setenv("KEELMARK_PKCS11_PIN", "314159")
    monkeypatch.setenv("KEELMARK_PKCS11_MODULE", "/m.so")
    assert run(["sign", "model", "--key", "pkcs11:object=k"]) == 0
    assert seen == [("k", "***", b"314159", "/m.so")]
    assert "314159" not in "".join(capsys.readouterr())


def test_large_models_are_told_in_words(place, capsys) -> None:
    (place / "model/w.bin").write_bytes(bytes(1_500_000))
    assert run(["sign", "model", "--key", "key.pem", "--ignore", "model/w.bin", "-o", "m.sig"]) == 2
    assert run(["sign", "model", "--key", "key.pem"]) == 0
    assert "(1.5 MB)" in capsys.readouterr().out
    (place / "model/w2.bin").touch()
    assert run(["sign", "model", "--key", "key.pem", "--ignore", "model/w.bin"]) == 0
    assert "left out of the signature: w.bin" in capsys.readouterr().out


def test_damaged_signature_ends_with_one(place, capsys) -> None:
    (place / "model.sig").write_bytes(b"{}")
    assert run(["verify", "model", "--key", "key.pem.pub"]) == 1
    assert "the signature is not accepted" in capsys.readouterr().out


def test_keys_come_from_the_environment(place, monkeypatch) -> None:
    monkeypatch.setenv("SIGNING_KEY", (place / "key.pem").read_text())
    monkeypatch.setenv("PUBLIC_KEY", (place / "key.pem.pub").read_text())
    assert run(["sign", "model", "--key", "env:SIGNING_KEY"]) == 0
    assert run(["verify", "model", "--key", "env:PUBLIC_KEY"]) == 0


def test_second_key_has_a_password_of_its_own(place, monkeypatch) -> None:
    (place / "pq.pem").write_bytes(new_private("ml-dsa-65", password=b"another password"))
    assert run(["sign", "model", "--key", "key.pem", "--also-key", "pq.pem"]) == 2
    monkeypatch.setenv("KEELMARK_ALSO_KEY_PASSWORD", "another password")
    assert run(["sign", "model", "--key", "key.pem", "--also-key", "pq.pem"]) == 0
    public = load_private((place / "pq.pem").read_bytes(), password=b"another password").public
    (place / "pq.pub").write_text(public.pem)
    assert run(["verify", "model", "--key", "key.pem.pub", "--also-key", "pq.pub"]) == 0


def test_new_key_is_for_its_owner_and_encrypted(place, capsys) -> None:
    assert stat.S_IMODE((place / "key.pem").stat().st_mode) == 0o600
    assert b"ENCRYPTED" in (place / "key.pem").read_bytes()
    capsys.readouterr()
    assert run(["key", "public", "key.pem"]) == 0
    assert capsys.readouterr().out == (place / "key.pem.pub").read_text()


@pytest.mark.parametrize("algorithm", ["p384", "ed25519", "ml-dsa-65"])
def test_other_kinds_of_keys_are_made_and_used(algorithm) -> None:
    assert run(["key", "new", "-o", "other.pem", "--algorithm", algorithm]) == 0
    assert run(["sign", "model", "--key", "other.pem"]) == 0
    assert run(["verify", "model", "--key", "other.pem.pub"]) == 0


def test_new_key_overwrites_nothing_and_leaves_nothing_half_done(place, capsys, monkeypatch) -> None:
    (place / "new.pem.pub").write_text("precious")
    assert run(["key", "new", "-o", "new.pem"]) == 2
    assert not (place / "new.pem").exists()
    assert (place / "new.pem.pub").read_text() == "precious"
    monkeypatch.setattr(os.path, "lexists", lambda path: False)
    assert run(["key", "new", "-o", "new.pem"]) == 2
    assert not (place / "new.pem").exists()


def test_new_key_needs_a_password(place, capsys, monkeypatch) -> None:
    monkeypatch.setenv("KEELMARK_KEY_PASSWORD", "short")
    assert run(["key", "new", "-o", "a.pem"]) == 2
    monkeypatch.delenv("KEELMARK_KEY_PASSWORD")
    assert run(["key", "new", "-o", "a.pem"]) == 2
    assert "--no-password" in capsys.readouterr().err
    assert run(["key", "new", "-o", "a.pem", "--no-password"]) == 0
    assert run(["sign", "model", "--key", "a.pem"]) == 0


def test_password_is_asked_for_at_a_terminal(place, capsys, monkeypatch) -> None:
    monkeypatch.delenv("KEELMARK_KEY_PASSWORD")
    monkeypatch.setattr(signing.sys.stdin, "isatty", lambda: True, raising=False)
    typed = iter([PASSWORD, "twelve letters", "other letters", "twelve letters", "twelve letters"])
    monkeypatch.setattr(signing.getpass, "getpass", lambda words: next(typed))
    assert run(["sign", "model", "--key", "key.pem"]) == 0
    assert run(["key", "new", "-o", "b.pem"]) == 2
    assert "differ" in capsys.readouterr().err
    assert run(["key", "new", "-o", "b.pem"]) == 0


def test_files_that_are_too_long_are_no_keys(place) -> None:
    (place / "long.pem").write_bytes(b"x" * (9 * 1024**2))
    assert run(["sign", "model", "--key", "long.pem"]) == 2
    (place / "k.pub").write_bytes(public_pem(Chain().key))
