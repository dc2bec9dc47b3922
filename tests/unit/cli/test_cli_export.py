"""`keelmark export` and `keelmark verify DOSSIER`: exit codes, words, and what each refuses."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from tests.corpus.dossiers import EVIL, ground, keep, without_analysis
from tests.corpus.releases import NOW, write

from keelmark.cli.main import run
from keelmark.core.clock import SystemClock
from keelmark.trust import stored_zip
from keelmark.workflows import release as job
from keelmark.workflows import verify_dossier as verifying

OWN = ("--key", "../key.pem", "--owner", "Head of Platform")
TRUST = ("--key", "../key.pem.pub")


@pytest.fixture
def place(tmp_path: Path, monkeypatch, own_environment) -> Path:
    """A released project whose assessment is made by hand; keys beside it, and a clock that steps on."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(SystemClock, "now", lambda _: NOW + timedelta(seconds=next(ticks)))
    without_analysis(monkeypatch)
    root = write(tmp_path / "project")
    monkeypatch.chdir(root)
    for name in ("key", "risk"):
        assert run(["key", "new", "-o", f"../{name}.pem", "--no-password"]) == 0
    monkeypatch.setattr(job, "ground_of", lambda root, *_, **__: ground(root))
    assert run(["release", *OWN]) == 0
    keep(root, ground(root).evidence.assessment)
    return root


def exported(level: str, *more: str) -> list[str]:
    output = ("-o", f"../{level}.dossier.zip")
    return ["export", "--dossier", level, "--key", "../key.pem", "--quiet", *output, *more]


def test_levels_are_exported_and_verified_against_each_other(place, capsys) -> None:
    for level in ("public", "customer", "authority", "sealed"):
        capsys.readouterr()
        assert run(exported(level)) == 0
        out = capsys.readouterr().out
        assert out.startswith(f"EXPORTED  helpdesk 1.2.3, {level} dossier\n")
        assert f"Next: keelmark verify ../{level}.dossier.zip --key PUBLIC-KEY" in out
    (release,) = (place / ".keelmark/releases").glob("*Z-*.dsse.json")
    verify = ["verify", "../public.dossier.zip", *TRUST, "--against", "../sealed.dossier.zip"]
    assert run([*verify, "--release", str(release)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("VALID  helpdesk 1.2.3, public dossier\n")
    assert "the same as the sealed dossier" in out
    assert run([*verify, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["outcome"], found["state"], found["against"]) == ("pass", "valid", "sealed")
    assert run(["verify", str(release), ".", *TRUST]) == 0


def test_json_tells_where_it_lies_and_what_was_signed(place, capsys) -> None:
    capsys.readouterr()
    assert run(["export", "--dossier", "public", "--key", "../key.pem", "-q", "--format", "json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert Path(done["file"]).parent == place / ".keelmark/dossiers"
    assert done["statement"]["level"] == "public"
    assert run(["verify", done["file"], *TRUST]) == 0


def test_changed_dossier_is_not_valid_and_told_for_what_it_is(place, capsys) -> None:
    assert run(exported("public")) == 0
    file = place.parent / "public.dossier.zip"
    content = file.read_bytes()
    for at in (0, 31, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        capsys.readouterr()
        assert run(["verify", str(file), *TRUST]) == 1
        assert capsys.readouterr().out.startswith("NOT VALID  damaged")
    file.write_bytes(b"")
    assert run(["verify", str(file), *TRUST]) == 1
    plain = place.parent / "renamed.bin"
    plain.write_bytes(b"\0" + content[1:])
    assert run(["verify", str(plain), *TRUST]) == 1


def test_dossier_of_another_key_release_or_secret_is_not_valid(place, capsys) -> None:
    assert run(exported("public")) == 0
    assert run(["verify", "../public.dossier.zip", "--key", "../risk.pem.pub"]) == 1
    assert "not signed by a trusted key" in capsys.readouterr().out
    (release,) = (place / ".keelmark/releases").glob("*Z-*.dsse.json")
    spoiled = place.parent / "other.dsse.json"
    spoiled.write_bytes(release.read_bytes() + b"\n")
    assert run(["verify", "../public.dossier.zip", *TRUST, "--release", str(spoiled)]) == 1
    assert capsys.readouterr().out.startswith("NOT VALID  of another release  helpdesk")
    (secret,) = (place / ".keelmark/dossiers").glob("*.secret")
    secret.rename(place.parent / "away.secret")
    assert run(exported("customer")) == 0
    capsys.readouterr()
    assert run(["verify", "../public.dossier.zip", *TRUST, "--against", "../customer.dossier.zip"]) == 1
    assert capsys.readouterr().out.startswith("NOT VALID  other facts")
    (place.parent / "customer.dossier.zip").write_bytes(b"noise")
    assert run(["verify", "../public.dossier.zip", *TRUST, "--against", "../customer.dossier.zip"]) == 1
    assert "the other dossier: it was changed, or is no dossier" in capsys.readouterr().out


def test_dossier_of_another_version_is_valid_and_the_reader_is_told(place, capsys, monkeypatch) -> None:
    assert run(exported("public")) == 0
    monkeypatch.setattr(verifying, "__version__", "9.9.9")
    capsys.readouterr()
    assert run(["verify", "../public.dossier.zip", *TRUST]) == 0
    assert "made by Keelmark 0.1.0" in capsys.readouterr().out


def test_form_of_a_later_version_cannot_be_told(place, capsys, monkeypatch) -> None:
    from keelmark.deployment.release import dossier_statement, dossier_verification

    assert run(exported("public")) == 0
    for module in (dossier_statement, dossier_verification):
        monkeypatch.setattr(module, "DOSSIER_TYPE", "urn:keelmark:predicate:dossier:v0")
    capsys.readouterr()
    assert run(["verify", "../public.dossier.zip", *TRUST]) == 3
    assert "use a newer one" in capsys.readouterr().out
    assert run(["verify", "../public.dossier.zip", "--key", "../risk.pem.pub"]) == 1


def test_reader_is_told_when_the_release_has_ended(place, capsys) -> None:
    assert run(exported("public")) == 0
    capsys.readouterr()
    assert run(["verify", "../public.dossier.zip", *TRUST, "--as-of", "2027-11-01"]) == 0
    assert "note: the release that it is about ended on 2027-01-01" in capsys.readouterr().out


def test_model_card_needs_no_private_key(place, capsys) -> None:
    capsys.readouterr()
    assert run(["export", "--model-card", "--trusted-key", "../key.pem.pub", "-q"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("## Security evaluation\n")
    assert run(["export", "--model-card", "--key", "../key.pem", "-q", "-o", "../card.md"]) == 0
    assert (place.parent / "card.md").read_text("utf-8") == out
    assert not (place / ".keelmark/dossiers").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["export"],
        ["export", "--dossier", "public"],
        ["export", "--dossier", "king", "--key", "../key.pem"],
        ["export", "--dossier", "public", "--model-card", "--key", "../key.pem"],
        ["export", "--model-card"],
        ["export", "--model-card", "--trusted-key", "../key.pem.pub", "--format", "json"],
        ["export", "--model-card", "--trusted-key", "../risk.pem.pub"],
        ["export", "absent", "--dossier", "public", "--key", "../key.pem"],
        ["export", "--dossier", "public", "--key", "../absent.pem"],
        ["export", "--dossier", "public", "--key", "../risk.pem"],
        ["export", "--dossier", "public", "--key", "../key.pem", "--release", "x"],
        ["export", "--dossier", "public", "--key", "../key.pem", "-o", "in.dossier.zip"],
        ["verify", "../d.dossier.zip"],
        ["verify", "../d.dossier.zip", *TRUST, "--against", "absent"],
        ["verify", "../d.dossier.zip", *TRUST, "--release", "absent"],
        ["verify", "../d.dossier.zip", *TRUST, "--also-key", "../risk.pem.pub"],
        ["verify", "../d.dossier.zip", *TRUST, "--identity", "x"],
        ["verify", "../d.dossier.zip", ".", *TRUST],
        ["verify", "app.py", "-s", "app.py", *TRUST, "--against", "app.py"],
    ],
)
def test_what_could_not_run_ends_with_two(place, capsys, arguments) -> None:
    (place.parent / "d.dossier.zip").write_bytes(stored_zip.build({"a": b""}))
    capsys.readouterr()
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert EVIL not in error


def test_schema_of_dossiers_is_printed(capsys) -> None:
    assert run(["schema", "dossier"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:keelmark:schema:dossier:1.0"
