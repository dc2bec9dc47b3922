"""Signing and verifying folders: whatever differs is named, and nothing is valid that nobody trusted has signed."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import NOW, Chain, public_pem
from tests.unit.workflows.signed_models import (
    CHAIN,
    CHAIN_KEY,
    FILES,
    KEY,
    RAW_KEY,
    STRANGER,
    differences,
    flip,
    model_in,
    signed,
    verified,
)

from keelmark.core.clock import FixedClock
from keelmark.core.outcome import Outcome
from keelmark.core.signature import Change
from keelmark.errors import LimitExceededError, TrustError, UsageError
from keelmark.trust.keys import load_private, new_private
from keelmark.workflows import model_files, sign, verify_model
from keelmark.workflows.model_files import FileBounds, list_files
from keelmark.workflows.sign import SignRequest, sign_model
from keelmark.workflows.verify_model import Trust


@pytest.fixture
def model(tmp_path):
    return model_in(tmp_path / "model")


def test_every_file_is_signed_hidden_ones_too(model) -> None:
    made = signed(model)
    assert made.files == len(FILES)
    found = verified(model)
    assert found.outcome is Outcome.PASS
    assert found.files == len(FILES)
    assert found.digest == made.digest
    assert found.signers[0].keyid == KEY.public.keyid
    assert found.differences == ()


def link(model) -> None:
    (model / "w.bin").rename(model.parent / "elsewhere")
    (model / "w.bin").symlink_to("../elsewhere")


TAMPERS = {
    "flipped": (flip, {"w.bin": Change.CHANGED}),
    "longer": (lambda m: (m / "empty").write_bytes(b"1"), {"empty": Change.CHANGED}),
    "added": (lambda m: (m / "sub/new.py").touch(), {"sub/new.py": Change.ADDED}),
    "added_hidden": (lambda m: (m / ".github/evil.yml").touch(), {".github/evil.yml": Change.ADDED}),
    "added_git": (
        lambda m: ((m / ".git").mkdir(), (m / ".git/config").touch()),
        {".git/config": Change.ADDED},
    ),
    "removed": (lambda m: (m / "config.json").unlink(), {"config.json": Change.REMOVED}),
    "removed_folder": (lambda m: shutil.rmtree(m / "sub"), {"sub/x.txt": Change.REMOVED}),
    "renamed": (
        lambda m: (m / "w.bin").rename(m / "v.bin"),
        {"w.bin": Change.REMOVED, "v.bin": Change.ADDED},
    ),
    "swapped": (
        lambda m: (m / "config.json").write_bytes(FILES["sub/x.txt"]),
        {"config.json": Change.CHANGED},
    ),
    "linked": (link, {"w.bin": Change.LINK}),
    "added_link": (lambda m: (m / "l").symlink_to("/etc/hostname"), {"l": Change.LINK}),
    "added_folder_link": (lambda m: (m / "l").symlink_to("/etc"), {"l": Change.LINK}),
    "pipe": (lambda m: os.mkfifo(m / "p"), {"p": Change.SPECIAL}),
    "odd_name": (
        lambda m: Path(os.fsdecode(os.fsencode(m) + b"/\xff")).touch(),
        {"\udcff": Change.SPECIAL},
    ),
    "folder_for_file": (
        lambda m: ((m / "w.bin").unlink(), (m / "w.bin").mkdir()),
        {"w.bin": Change.REMOVED},
    ),
}


@pytest.mark.parametrize("defect", sorted(TAMPERS))
def test_each_way_to_tamper_is_named(model, defect) -> None:
    signed(model)
    tamper, expected = TAMPERS[defect]
    tamper(model)
    found = verified(model)
    assert found.outcome is Outcome.FAIL
    assert differences(found) == expected


def test_allowed_files_are_told_and_nothing_else_is_allowed(model) -> None:
    signed(model)
    (model / "notes").mkdir()
    (model / "notes/a").touch()
    (model / "b").touch()
    found = verified(model, allow_unsigned=("notes",))
    assert differences(found) == {"b": Change.ADDED}
    assert found.allowed == ("notes/a",)
    assert verified(model, allow_unsigned=(".",)).outcome is Outcome.PASS
    flip(model)
    assert differences(verified(model, allow_unsigned=(".",))) == {"w.bin": Change.CHANGED}


def test_a_link_in_the_place_of_a_signed_file_is_never_allowed(model) -> None:
    signed(model)
    link(model)
    assert differences(verified(model, allow_unsigned=(".",))) == {"w.bin": Change.LINK}


def test_what_the_signer_left_out_is_a_finding(model) -> None:
    made = signed(model, ignore=(model / ".github",))
    assert made.left_out == (".github",)
    found = verified(model)
    assert differences(found) == {".github/workflows/ci.yml": Change.LEFT_OUT}
    assert verified(model, allow_unsigned=(".github",)).outcome is Outcome.PASS


def test_signature_in_the_folder_is_left_out_and_can_be_made_again(model) -> None:
    place = model / "model.sig"
    for _ in range(2):
        assert signed(model, place=place).left_out == ("model.sig",)
        assert verified(model, place=place).outcome is Outcome.PASS


def test_a_single_file_is_signed(model) -> None:
    signed(model / "w.bin", place=model.parent / "w.sig")
    assert verified(model / "w.bin", place=model.parent / "w.sig").outcome is Outcome.PASS
    flip(model)
    assert verified(model / "w.bin", place=model.parent / "w.sig").outcome is Outcome.FAIL
    found = verified(model, place=model.parent / "w.sig")
    assert "name it, not its folder" in found.reasons[0]
    signed(model)
    assert "name it, not a file" in verified(model / "w.bin", place=model.parent / "model.sig").reasons[0]


def test_nobody_but_the_trusted_is_believed(model) -> None:
    signed(model, signers=[STRANGER])
    found = verified(model)
    assert found.outcome is Outcome.FAIL
    assert found.signers == ()
    assert "none of the trusted keys" in found.reasons[0]
    with pytest.raises(UsageError, match="nobody is trusted"):
        verified(model, Trust())


def test_key_that_the_signature_does_not_name_is_not_enough(model) -> None:
    signed(model)
    place = model.parent / "model.sig"
    tree = json.loads(place.read_bytes())
    tree["verificationMaterial"]["publicKey"]["hint"] = STRANGER.public.hint
    place.write_text(json.dumps(tree))
    assert verified(model).outcome is Outcome.FAIL


def test_second_signature_is_demanded_when_it_is_asked_for(model) -> None:
    second = load_private(new_private("ml-dsa-65", password=None))
    signed(model, signers=[KEY, second])
    both = Trust(keys=(KEY.public,), also_keys=(second.public,))
    found = verified(model, both)
    assert found.outcome is Outcome.PASS
    assert [each.algorithm for each in found.signers] == ["ecdsa-p256-sha256", "ml-dsa-65"]
    assert verified(model).outcome is Outcome.PASS
    signed(model)
    assert "did not sign as well" in verified(model, both).reasons[0]


def test_certificates_prove_the_signer(model) -> None:
    signed(model, signers=[CHAIN_KEY], certificates=CHAIN.der)
    found = verified(model, Trust(roots=CHAIN.roots, identities=("ml@example.org",)))
    assert found.outcome is Outcome.PASS
    assert found.signers[0].subject == "CN=Model team"
    assert any("revoked" in note for note in found.notes)
    wrong = verified(model, Trust(roots=CHAIN.roots, identities=("other@example.org",)))
    assert "not by other@example.org" in wrong.reasons[0]
    stranger = verified(model, Trust(roots=Chain().roots))
    assert stranger.outcome is Outcome.FAIL
    assert stranger.signers == ()
    assert "--root" in verified(model).reasons[0]
    # A key that the verifier trusts by itself needs no chain.
    assert verified(model, Trust(keys=(CHAIN_KEY.public,))).outcome is Outcome.PASS


def test_expired_certificates_prove_nothing(model) -> None:
    signed(model, signers=[CHAIN_KEY], certificates=CHAIN.der)
    later = FixedClock(NOW.replace(year=NOW.year + 2))
    found = verified(model, Trust(roots=CHAIN.roots), clock=later)
    assert "expired" in found.reasons[0]
    with pytest.raises(TrustError, match="is valid from"):
        sign_model(
            SignRequest(path=model, output=model.parent / "o.sig"),
            signers=[CHAIN_KEY],
            certificates=CHAIN.der,
            clock=later,
        )


def test_plain_key_is_no_certificate(model) -> None:
    signed(model)
    assert "plain key" in verified(model, Trust(roots=CHAIN.roots)).reasons[0]
    assert "without a name" in verified(model, Trust(keys=(KEY.public,), identities=("a",))).reasons[0]


def test_certificate_of_another_key_does_not_sign(model) -> None:
    with pytest.raises(TrustError, match="not that of the key"):
        signed(model, certificates=CHAIN.der)


def test_keyless_signatures_are_unknown_never_valid(model) -> None:
    signed(model, signers=[CHAIN_KEY], certificates=CHAIN.der)
    place = model.parent / "model.sig"
    tree = json.loads(place.read_bytes())
    tree["verificationMaterial"]["tlogEntries"] = [{"logIndex": "1"}]
    place.write_text(json.dumps(tree))
    found = verified(model, Trust(roots=CHAIN.roots))
    assert found.outcome is Outcome.UNKNOWN
    assert "Sigstore" in found.reasons[0]


def test_no_byte_of_the_signature_can_change(model) -> None:
    signed(model)
    place = model.parent / "model.sig"
    data = place.read_bytes()
    for at in range(0, len(data), 7):
        bent = bytearray(data)
        bent[at] ^= 1 << (at % 8)
        place.write_bytes(bent)
        assert verified(model).outcome is not Outcome.PASS, at


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_byte_of_any_file_can_change(model, data) -> None:
    if not (model.parent / "model.sig").exists():
        signed(model)
    name = data.draw(st.sampled_from([name for name in FILES if FILES[name]]))
    at = data.draw(st.integers(0, len(FILES[name]) - 1))
    bent = bytearray(FILES[name])
    bent[at] ^= data.draw(st.integers(1, 255))
    (model / name).write_bytes(bent)
    assert differences(verified(model)) == {name: Change.CHANGED}
    (model / name).write_bytes(FILES[name])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_signature_that_does_not_verify(model, data) -> None:
    (model.parent / "model.sig").write_bytes(data)
    assert verified(model).outcome is Outcome.FAIL


def test_links_are_refused_unless_asked_for(model) -> None:
    (model.parent / "blob").write_bytes(b"blob")
    (model / "l").symlink_to("../blob")
    with pytest.raises(UsageError, match="symbolic links"):
        signed(model)
    signed(model, allow_symlinks=True)
    assert verified(model).outcome is Outcome.PASS
    (model.parent / "blob").write_bytes(b"bloB")
    assert differences(verified(model)) == {"l": Change.CHANGED}
    (model.parent / "blob").unlink()
    assert differences(verified(model)) == {"l": Change.LINK}
    (model / "l").unlink()
    (model / "l").symlink_to("/etc")
    with pytest.raises(UsageError, match="symbolic links"):
        signed(model, allow_symlinks=True)


def test_link_that_leads_to_itself_is_no_file(model) -> None:
    (model / "l").symlink_to("l")
    with pytest.raises(UsageError, match="`l`: symbolic links"):
        signed(model, allow_symlinks=True)


def test_signature_of_a_certificate_holds_for_its_payload_alone(model) -> None:
    signed(model, signers=[CHAIN_KEY], certificates=CHAIN.der)
    place = model.parent / "model.sig"
    tree = json.loads(place.read_bytes())
    tree["dsseEnvelope"]["payload"] = base64.b64encode(b"{}").decode()
    place.write_text(json.dumps(tree))
    assert "does not hold" in verified(model, Trust(roots=CHAIN.roots)).reasons[0]


def test_links_are_followed_when_asked_even_to_the_folder(model) -> None:
    other = model.parent / "other"
    other.symlink_to(model)
    signed(other, allow_symlinks=True)
    assert verified(model).outcome is Outcome.PASS


def test_many_links_are_told_in_short(model) -> None:
    for number in range(12):
        (model / f"l{number}").symlink_to("x")
    with pytest.raises(UsageError, match="and 4 more"):
        signed(model)


def test_what_cannot_be_signed_is_refused(model, tmp_path) -> None:
    os.mkfifo(model / "p")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        signed(model)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UsageError, match="holds no file"):
        signed(tmp_path / "nothing")
    with pytest.raises(UsageError, match="cannot be read"):
        signed(tmp_path / "absent")
    with pytest.raises(UsageError, match="neither a file"):
        signed(model / "p")
    (tmp_path / "l").symlink_to(model)
    with pytest.raises(UsageError, match="symbolic link"):
        signed(tmp_path / "l")
    with pytest.raises(UsageError, match="cannot be a path"):
        list_files(model / "a\0b")


def test_nothing_but_a_signature_is_overwritten(model, tmp_path) -> None:
    (tmp_path / "precious").write_bytes(b"data")
    for place in (tmp_path / "precious", tmp_path, tmp_path / "no" / "folder.sig"):
        with pytest.raises(UsageError):
            signed(model, place=place)
    assert (tmp_path / "precious").read_bytes() == b"data"


def test_signature_that_cannot_be_written_is_told(model, monkeypatch) -> None:
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sign, "write_whole", full)
    with pytest.raises(UsageError, match="No space left"):
        signed(model)
    monkeypatch.setattr(Path, "is_dir", full)
    with pytest.raises(UsageError, match="cannot be written"):
        signed(model)


def test_device_that_fails_while_it_is_read_is_told(model, monkeypatch) -> None:
    def failing(*_):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(model_files.os, "readv", failing)
    with pytest.raises(TrustError, match="Input/output"):
        signed(model)


def test_paths_to_ignore_lie_inside(model, tmp_path) -> None:
    for path in (tmp_path, model, model / "absent"):
        with pytest.raises(UsageError, match="does not lie in"):
            signed(model, ignore=(path,))


def test_file_that_changes_while_it_is_read_is_refused(model, monkeypatch) -> None:
    real, writes = os.readv, iter([b"Weights" * 999])

    def writing(descriptor, buffers):
        for content in writes:
            (model / "w.bin").write_bytes(content)
        return real(descriptor, buffers)

    monkeypatch.setattr(model_files.os, "readv", writing)
    with pytest.raises(TrustError, match=r"`w\.bin` changed while"):
        signed(model)
    assert not (model.parent / "model.sig").exists()


def test_file_that_gets_shorter_while_it_is_read_is_refused(model, monkeypatch) -> None:
    monkeypatch.setattr(model_files.os, "readv", lambda *_: 0)
    with pytest.raises(TrustError, match="changed while"):
        signed(model)


@pytest.mark.parametrize("job", ["sign", "verify"])
def test_file_that_comes_while_others_are_read_is_refused(model, monkeypatch, job) -> None:
    signed(model)
    module = {"sign": sign, "verify": verify_model}[job]
    real = module.digest_spans

    def adding(*arguments, **more):
        (model / "late").touch()
        return real(*arguments, **more)

    monkeypatch.setattr(module, "digest_spans", adding)
    with pytest.raises(TrustError, match="came, went or changed"):
        signed(model) if job == "sign" else verified(model)


def test_file_that_cannot_be_read_is_no_pass(model, monkeypatch) -> None:
    signed(model)

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(model_files.os, "open", refused)
    with pytest.raises(TrustError, match="cannot be read"):
        verified(model)
    monkeypatch.undo()
    with pytest.raises(UsageError, match="cannot be read"):
        verified(model, place=model.parent / "absent.sig")


@pytest.mark.parametrize(
    "bounds", [FileBounds(max_files=3), FileBounds(max_bytes=100), FileBounds(max_depth=0)]
)
def test_bounds_are_reached_aloud(model, bounds) -> None:
    with pytest.raises(LimitExceededError):
        list_files(model, bounds=bounds)
    assert list_files(model, bounds=FileBounds(max_path=12)).others


def test_systems_that_tell_less_are_served(model, monkeypatch) -> None:
    digest = signed(model).digest
    monkeypatch.delattr(model_files.os, "sched_getaffinity")
    monkeypatch.delattr(model_files.os, "posix_fadvise")
    assert signed(model).digest == digest


def test_one_thread_reads_as_well_as_many(model, monkeypatch) -> None:
    many = signed(model).digest
    monkeypatch.setattr(model_files.os, "sched_getaffinity", lambda _: {0})
    assert signed(model).digest == many
    monkeypatch.setattr(model_files.os, "sched_getaffinity", lambda _: set(range(8)))
    assert signed(model).digest == many


def test_pem_of_the_public_key_is_that_of_the_library() -> None:
    assert KEY.public.hint == hashlib.sha256(public_pem(RAW_KEY)).hexdigest()
