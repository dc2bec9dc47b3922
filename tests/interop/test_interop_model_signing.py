"""Signatures of models, both ways with the command line of the model-signing package: what one makes, the other accepts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from tests.corpus.certificates import Chain, extended, new_key, pem, private_pem, public_pem, usage

from keelmark.cli.main import run
from keelmark.trust.keys import new_private

pytest.importorskip("model_signing", reason="the package model-signing is not installed")
pytest.importorskip("OpenSSL", reason="model-signing needs the package pyOpenSSL")

PEER = Path(sys.executable).with_name("model_signing")
CURVES = {"p256": ec.SECP256R1, "p384": ec.SECP384R1, "p521": ec.SECP521R1}


def chain_of_today() -> Chain:
    """Certificates that are valid now: the other program reads the clock of the machine."""
    now = datetime.now(tz=UTC)
    return Chain(start=now - timedelta(days=1), end=now + timedelta(days=30))


@pytest.fixture
def place(tmp_path, monkeypatch):
    model = tmp_path / "model"
    for name in ("w.bin", "sub/a.json", "sub.txt", "sub/deep/b", "ä ö.txt"):
        file = model / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode() * 500)
    monkeypatch.chdir(tmp_path)
    for name, curve in CURVES.items():
        key = new_key(curve)
        (tmp_path / f"{name}.pem").write_bytes(private_pem(key))
        (tmp_path / f"{name}.pub").write_bytes(public_pem(key))
    return tmp_path


def hide(place) -> None:
    for name in (".gitignore", ".gitattributes", ".github/ci.yml", ".git/config"):
        file = place / "model" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(name)


def peer(*arguments: str) -> bool:
    done = subprocess.run([PEER, *arguments], check=False, capture_output=True, text=True, timeout=60)
    print(done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.returncode == 0


def peer_verifies(curve: str, *more: str) -> bool:
    return peer("verify", "key", "model", "--signature", "m.sig", "--public_key", f"{curve}.pub", *more)


def verdict(capsys, *arguments: str) -> tuple[int, dict[str, str]]:
    capsys.readouterr()
    code = run(["verify", "model", "--signature", "m.sig", "--format", "json", *arguments])
    found = json.loads(capsys.readouterr().out)
    return code, {each["path"]: each["change"] for each in found["differences"]}


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_what_we_sign_with_a_key_the_peer_accepts(place, curve) -> None:
    assert run(["sign", "model", "--key", f"{curve}.pem", "-o", "m.sig"]) == 0
    assert peer_verifies(curve)
    assert not peer_verifies("p384" if curve == "p256" else "p256")
    (place / "model/w.bin").write_bytes(b"other")
    assert not peer_verifies(curve)


@pytest.mark.parametrize("curve", sorted(CURVES))
def test_what_the_peer_signs_with_a_key_we_accept(place, capsys, curve) -> None:
    assert peer("sign", "key", "model", "--signature", "m.sig", "--private_key", f"{curve}.pem")
    assert verdict(capsys, "--key", f"{curve}.pub") == (0, {})
    assert verdict(capsys, "--key", "p384.pub" if curve == "p256" else "p256.pub")[0] == 1


def test_hidden_files_are_in_what_we_sign_and_the_peer_sees_them_when_told(place) -> None:
    hide(place)
    assert run(["sign", "model", "--key", "p256.pem", "-o", "m.sig"]) == 0
    assert peer_verifies("p256", "--no-ignore-git-paths")
    assert not peer_verifies("p256")


def test_hidden_files_that_the_peer_leaves_out_are_findings(place, capsys) -> None:
    assert peer("sign", "key", "model", "--signature", "m.sig", "--private_key", "p256.pem")
    hide(place)
    assert peer_verifies("p256"), "the other program does not look at them"
    code, found = verdict(capsys, "--key", "p256.pub")
    assert code == 1
    assert found == dict.fromkeys(
        (".git/config", ".gitattributes", ".github/ci.yml", ".gitignore"), "left out"
    )
    allowed = [part for name in found for part in ("--allow-unsigned", name)]
    assert verdict(capsys, "--key", "p256.pub", *allowed) == (0, {})


def test_paths_left_out_are_understood_both_ways(place, capsys) -> None:
    assert run(["sign", "model", "--key", "p256.pem", "-o", "m.sig", "--ignore", "model/sub"]) == 0
    assert peer_verifies("p256")
    assert verdict(capsys, "--key", "p256.pub")[1] == {"sub/a.json": "left out", "sub/deep/b": "left out"}
    assert peer(
        "sign",
        "key",
        "model",
        "--signature",
        "m.sig",
        "--private_key",
        "p256.pem",
        "--ignore-paths",
        "model/sub",
    )
    assert verdict(capsys, "--key", "p256.pub")[1] == {"sub/a.json": "left out", "sub/deep/b": "left out"}


def test_signature_may_lie_in_the_folder_both_ways(place, capsys) -> None:
    assert run(["sign", "model", "--key", "p256.pem", "-o", "model/model.sig"]) == 0
    verify = ("verify", "key", "model", "--signature", "model/model.sig", "--public_key", "p256.pub")
    assert peer(*verify)
    assert peer("sign", "key", "model", "--signature", "model/model.sig", "--private_key", "p256.pem")
    assert run(["verify", "model", "--key", "p256.pub"]) == 0


def test_single_files_both_ways(place) -> None:
    assert run(["sign", "model/w.bin", "--key", "p256.pem", "-o", "w.sig"]) == 0
    assert peer("verify", "key", "model/w.bin", "--signature", "w.sig", "--public_key", "p256.pub")
    assert peer("sign", "key", "model/w.bin", "--signature", "w.sig", "--private_key", "p256.pem")
    assert run(["verify", "model/w.bin", "--signature", "w.sig", "--key", "p256.pub"]) == 0


def test_links_to_files_both_ways(place, capsys) -> None:
    (place / "blob").write_bytes(b"blob")
    (place / "model/l").symlink_to("../blob")
    assert run(["sign", "model", "--key", "p256.pem", "-o", "m.sig", "--allow-symlinks"]) == 0
    assert peer_verifies("p256", "--allow_symlinks")
    assert not peer_verifies("p256")
    assert peer(
        "sign", "key", "model", "--signature", "m.sig", "--private_key", "p256.pem", "--allow_symlinks"
    )
    assert verdict(capsys, "--key", "p256.pub") == (0, {})


def test_second_signature_does_not_disturb_the_peer(place, capsys) -> None:
    (place / "pq.pem").write_bytes(new_private("ml-dsa-65", password=None))
    assert run(["sign", "model", "--key", "p256.pem", "--also-key", "pq.pem", "-o", "m.sig"]) == 0
    assert peer_verifies("p256")


@pytest.fixture
def chain(place):
    made = chain_of_today()
    (place / "leaf.key").write_bytes(private_pem(made.key))
    (place / "leaf.pem").write_bytes(pem(made.leaf))
    (place / "issuer.pem").write_bytes(pem(made.issuer))
    (place / "root.pem").write_bytes(pem(made.root))
    (place / "stranger.pem").write_bytes(pem(chain_of_today().root))
    return made


def test_what_we_sign_with_a_certificate_the_peer_accepts(place, chain) -> None:
    certificates = ["--certificate", "leaf.pem", "--certificate", "issuer.pem"]
    assert run(["sign", "model", "--key", "leaf.key", *certificates, "-o", "m.sig"]) == 0
    verify = ("verify", "certificate", "model", "--signature", "m.sig", "--certificate_chain")
    assert peer(*verify, "root.pem")
    assert not peer(*verify, "stranger.pem")


def test_what_the_peer_signs_with_a_certificate_we_accept(place, chain, capsys) -> None:
    assert peer(
        *("sign", "certificate", "model", "--signature", "m.sig", "--private_key", "leaf.key"),
        *("--signing_certificate", "leaf.pem", "--certificate_chain", "issuer.pem"),
    )
    assert verdict(capsys, "--root", "root.pem") == (0, {})
    assert verdict(capsys, "--root", "root.pem", "--identity", "ml@example.org") == (0, {})
    assert verdict(capsys, "--root", "root.pem", "--identity", "else@example.org")[0] == 1
    assert verdict(capsys, "--root", "stranger.pem")[0] == 1
    assert verdict(capsys, "--root", "root.pem", "--as-of", "2020-01-01")[0] == 1


def test_web_servers_and_expired_certificates_count_for_the_peer_not_for_us(place, capsys) -> None:
    now, day = datetime.now(tz=UTC), timedelta(days=1)
    server = ((usage(digital_signature=True), True), (extended(ExtendedKeyUsageOID.SERVER_AUTH), False))
    for more in ({"end": now - day}, {"end": now + day, "extensions": server}):
        made = Chain(start=now - 9 * day, **more)
        (place / "leaf.key").write_bytes(private_pem(made.key))
        for name, certificate in (("leaf", made.leaf), ("issuer", made.issuer), ("root", made.root)):
            (place / f"{name}.pem").write_bytes(pem(certificate))
        assert peer(
            *("sign", "certificate", "model", "--signature", "m.sig", "--private_key", "leaf.key"),
            *("--signing_certificate", "leaf.pem", "--certificate_chain", "issuer.pem"),
        )
        assert peer(
            "verify", "certificate", "model", "--signature", "m.sig", "--certificate_chain", "root.pem"
        )
        assert verdict(capsys, "--root", "root.pem")[0] == 1


def test_what_lies_behind_a_link_to_a_folder_is_unseen_by_the_peer_not_by_us(place, capsys) -> None:
    (place / "beside").mkdir()
    (place / "model/folder").symlink_to("../beside")
    assert peer(
        "sign", "key", "model", "--signature", "m.sig", "--private_key", "p256.pem", "--allow_symlinks"
    )
    (place / "beside/evil.py").touch()
    assert peer_verifies("p256", "--allow_symlinks")
    assert verdict(capsys, "--key", "p256.pub") == (1, {"folder": "link"})


TAMPERS = {
    "flipped": (lambda m: (m / "w.bin").write_bytes(b"x"), {"w.bin": "changed"}),
    "added": (lambda m: (m / "new.py").write_bytes(b"x"), {"new.py": "added"}),
    "removed": (lambda m: (m / "sub.txt").unlink(), {"sub.txt": "removed"}),
    "renamed": (
        lambda m: (m / "sub.txt").rename(m / "sub2.txt"),
        {"sub.txt": "removed", "sub2.txt": "added"},
    ),
    "linked": (
        lambda m: (shutil.move(m / "w.bin", m.parent / "w"), (m / "w.bin").symlink_to("../w")),
        {"w.bin": "link"},
    ),
}


@pytest.mark.parametrize("defect", sorted(TAMPERS))
def test_both_catch_who_tampers_and_we_name_the_file(place, capsys, defect) -> None:
    assert run(["sign", "model", "--key", "p256.pem", "-o", "m.sig"]) == 0
    tamper, expected = TAMPERS[defect]
    tamper(place / "model")
    assert not peer_verifies("p256")
    assert verdict(capsys, "--key", "p256.pub") == (1, expected)


@pytest.mark.parametrize("method", ["files", "shards"])
@pytest.mark.parametrize("algorithm", ["sha256", "blake2", "blake3"])
def test_other_digests_and_pieces_of_the_peer_verify(place, capsys, method, algorithm) -> None:
    import model_signing

    hashing = model_signing.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    if method == "files":
        hashing.use_file_serialization(hashing_algorithm=algorithm)
    else:
        hashing.use_shard_serialization(hashing_algorithm=algorithm, shard_size=1_000, chunk_size=0)
    signing = model_signing.signing.Config().use_elliptic_key_signer(private_key="p256.pem")
    signing.set_hashing_config(hashing).sign(place / "model", place / "m.sig")
    assert verdict(capsys, "--key", "p256.pub") == (0, {})
    (place / "model/w.bin").write_bytes(b"w.biN" * 500)
    assert verdict(capsys, "--key", "p256.pub") == (1, {"w.bin": "changed"})
