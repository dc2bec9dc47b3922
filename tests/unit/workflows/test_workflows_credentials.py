"""The key of the register, what asks it, and what the gateway needs to sign images."""

from __future__ import annotations

import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from keelmark.cli.made_here import said_of
from keelmark.cli.main import run
from keelmark.config.gateway import CredentialSettings, parse
from keelmark.core.clock import FixedClock
from keelmark.core.fingerprint import Coverage, MadeText, Missed
from keelmark.errors import ConfigurationError, LimitExceededError, StoreError, UsageError
from keelmark.operation.credentials.images import ImageSettings
from keelmark.operation.credentials.made_here import MadeHere, Source, Verdict
from keelmark.operation.credentials.registrar import FingerprintSettings
from keelmark.operation.credentials.winnowing import Marker
from keelmark.store.fingerprints import SqliteFingerprints
from keelmark.workflows.credential_key import find_key, find_or_make_key
from keelmark.workflows.made_here import FINGERPRINTS_FOLDER, MadeHereRequest, form_of, made_here, read_text
from keelmark.workflows.serve_credentials import images_of, registrar_of

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
TEXT = " ".join(f"word{number}" for number in range(60))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose register holds one text."""
    marker = Marker(find_or_make_key(tmp_path / FingerprintSettings().key))
    store = SqliteFingerprints(
        tmp_path / FINGERPRINTS_FOLDER / "worker-0", form=form_of(marker), clock=FixedClock(NOON)
    )
    marks = marker.made(TEXT)
    store.keep([
        MadeText(request="r1", time=NOON, part=0, model="small", release="", words=60, marks=marks.values)
    ])  # fmt: skip
    store.miss("queue-full", 2, now=NOON)
    store.close()
    return tmp_path


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "credentials" / "key"
    first = find_or_make_key(file).reveal()
    assert find_or_make_key(file).reveal() == find_key(file).reveal() == first
    assert len(first) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(each.name for each in file.parent.iterdir()) == [".gitignore", "key"]


def test_workers_that_start_at_once_get_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {
            key.reveal() for key in pool.map(lambda _: find_or_make_key(tmp_path / "k" / "key"), range(32))
        }
    assert len(keys) == 1


@pytest.mark.parametrize("content", ["", "00" * 31, "zz" * 32, "00" * 33])
def test_what_is_no_key_is_refused_and_never_replaced(tmp_path: Path, content: str) -> None:
    file = tmp_path / "key"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(ConfigurationError, match="no key"):
        find_or_make_key(file)
    assert file.read_text() == content


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("00" * 32)
    file.chmod(0o640)
    with pytest.raises(StoreError, match="others can read it"):
        find_or_make_key(file)


def test_nothing_is_made_where_nothing_is_registered(tmp_path: Path) -> None:
    made = registrar_of(CredentialSettings(), tmp_path, worker="w", clock=FixedClock(NOON), told=print)
    assert made is None
    assert list(tmp_path.iterdir()) == []


def test_a_registered_text_is_found(project: Path) -> None:
    found = made_here(MadeHereRequest(text=TEXT.upper(), root=project))
    assert (found.verdict, found.sources[0].request) == (Verdict.YES, "r1")
    copy = project / "copy"
    copy.write_bytes((project / FingerprintSettings().key).read_bytes())
    copy.chmod(0o600)
    assert made_here(MadeHereRequest(text=TEXT, root=project, key=copy)).verdict is Verdict.YES


def test_without_a_register_or_its_key_nothing_is_said(project: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no fingerprint register"):
        made_here(MadeHereRequest(text=TEXT, root=tmp_path / "elsewhere"))
    (project / FingerprintSettings().key).unlink()
    with pytest.raises(StoreError):
        made_here(MadeHereRequest(text=TEXT, root=project))
    assert not (project / FingerprintSettings().key).exists()


def test_a_text_is_read_whatever_its_bytes_are(tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(b"one \xff two")
    assert read_text(file) == "one \ufffd two"
    file.write_bytes(b"a" * (1024**2 + 1))
    with pytest.raises(LimitExceededError):
        read_text(file)
    with pytest.raises(UsageError):
        read_text(tmp_path / "none")


def test_the_command_says_what_is_known_and_what_is_not(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / "text"
    file.write_text(TEXT)
    assert run(["incident", "made-here", str(file), "--folder", str(project)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "yes: 100 % of the text agrees with what this system made",
        "100 %  r1  2026-01-31T12:00:00Z  model small",
        "the register holds 1 texts, of 2026-01-31 to 2026-01-31",
        "not registered: 2 texts found no room, last on 2026-01-31",
    ]


def test_what_stands_in_a_register_does_not_drive_the_terminal() -> None:
    source = Source(request="r\x1b[31m", time=NOON, model="m", release="rel", worker="w", share=0.5, marks=9)
    missed = Missed(reason="other", texts=1, last=NOON)
    found = MadeHere(
        verdict=Verdict.PARTLY, words=60, share=0.5, sources=(source,),
        coverage=Coverage(texts=1, first=NOON, last=NOON, missed=(missed,), unread=("w/f: damaged",)),
    )  # fmt: skip
    assert said_of(found)[0].startswith("partly: 50 %")
    assert "release rel" in said_of(found)[1]
    assert said_of(found)[-2:] == [
        "not registered: 1 texts other, last on 2026-01-31",
        "not read: w/f: damaged",
    ]


def test_without_the_package_images_are_not_silently_left_unsigned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    (tmp_path / "c.pem").write_bytes(b"certificate")
    settings = CredentialSettings(images=ImageSettings(certificate="c.pem", key="env:KEY"))
    made = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        images_of(settings, tmp_path, system=lambda: "", environment={"KEY": made.decode()})
    assert "keelmark[c2pa]" in caught.value.hint
    with pytest.raises(ConfigurationError, match="no private key"):
        images_of(settings, tmp_path, system=lambda: "", environment={"KEY": "secret"})
    (tmp_path / "c.pem").unlink()
    with pytest.raises(ConfigurationError, match="cannot be read"):
        images_of(settings, tmp_path, system=lambda: "", environment={"KEY": made.decode()})
    assert images_of(CredentialSettings(), tmp_path, system=lambda: "") is None


YAML = "version: 1\nupstreams: [{name: u, url: http://127.0.0.1:1}]\nrelease: {keys: [k]}\n"


@pytest.mark.parametrize("wrong", ["keep_days: 0", "keep_days: 4000", "max_bytes: 1000", "key: ''"])
def test_a_register_has_a_key_days_and_room(wrong: str) -> None:
    today = NOON.date()
    assert parse(YAML, today=today).credentials.fingerprints is None
    assert (
        parse(f"{YAML}credentials: {{fingerprints: {{}}}}\n", today=today).credentials.fingerprints
        == FingerprintSettings()
    )
    with pytest.raises(ConfigurationError, match=r"credentials\.fingerprints"):
        parse(f"{YAML}credentials: {{fingerprints: {{{wrong}}}}}\n", today=today)


def test_the_example_of_the_documentation_is_sound() -> None:
    page = (Path(__file__).parents[3] / "docs" / "credentials.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    settings = parse(YAML + example, today=NOON.date()).credentials
    assert settings.disclosure.field
    assert settings.fingerprints == FingerprintSettings()
    assert settings.images is not None
