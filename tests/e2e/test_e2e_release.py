"""The example project, released, verified, tampered with, used again and revoked as people do it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from keelmark.cli.main import run
from keelmark.core.clock import SystemClock
from keelmark.report.release_json import schema
from keelmark.trust import dsse

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/helpdesk/secured"
OWNER = "Head of Support Platform"
BEGIN = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_environment: Path) -> Path:
    """A copy of the example, keys beside it, and a clock that steps on each time it is asked."""
    ticks = iter(range(10**6))
    monkeypatch.setattr(SystemClock, "now", lambda _: BEGIN + timedelta(seconds=next(ticks)))
    ignored = shutil.ignore_patterns(".keelmark", "__pycache__", ".git")
    shutil.copytree(EXAMPLE, tmp_path / "project", ignore=ignored)
    monkeypatch.chdir(tmp_path)
    for name in ("key", "risk"):
        assert run(["key", "new", "-o", f"{name}.pem", "--no-password"]) == 0
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def released(*more: str) -> list[str]:
    return ["release", "--key", "../key.pem", "--owner", OWNER, "--quiet", *more]


def newest(place: Path) -> str:
    files = sorted((place / ".keelmark/releases").glob("2*Z-????????????????.dsse.json"))
    return str(files[-1].relative_to(place))


def test_example_is_released_verified_tampered_with_and_revoked(place: Path, capsys) -> None:
    capsys.readouterr()
    assert run(released("-o", "../release.dsse.json", "--log", "--format", "json")) == 0
    made = json.loads(capsys.readouterr().out)
    release = made["release"]
    assert (release["system"], release["verdict"], made["pending"]) == ("helpdesk", "release", False)
    assert {each["dimension"] for each in release["envelope"]["declared"]} >= {"users", "tools"}
    assert release["envelope"]["computed"]
    assert {each["kind"] for each in release["assets"]} >= {"prompt", "tool", "dataset", "hosted-model"}
    assert release["evidence"]["log"]["index"] == 0

    away = place.parent / "away"
    shutil.copytree(place, away, ignore=shutil.ignore_patterns(".keelmark"))
    verify = ["verify", "../release.dsse.json", "--key", "../key.pem.pub"]
    assert run(verify) == 0
    assert run(["verify", "../release.dsse.json", "../away", "--key", "../key.pem.pub"]) == 0
    assert capsys.readouterr().out.count("VALID  helpdesk 1.0.0") == 2
    prompt = place / "src/helpdesk/prompts.py"
    text = prompt.read_text("utf-8")
    prompt.write_text(f"{text} ", "utf-8")
    assert run(verify) == 1
    assert "changed     src/helpdesk/prompts.py" in capsys.readouterr().out
    prompt.write_text(text, "utf-8")
    assert run(verify) == 0

    # Again on the same day, with nothing changed: no rule runs a second time.
    assert run(released()) == 0
    assert "of an earlier run of today" in capsys.readouterr().out
    assert run(verify) == 1
    assert "NOT VALID  superseded" in capsys.readouterr().out
    assert run(["verify", newest(place), "--key", "../key.pem.pub"]) == 0
    assert (
        run(["release", "revoke", "latest", "--reason", "leak", "--owner", OWNER, "--key", "../key.pem"]) == 0
    )
    capsys.readouterr()
    assert run(["verify", newest(place), "--key", "../key.pem.pub"]) == 1
    assert "revoked at 2026-11-23" in capsys.readouterr().out
    assert run(["log", "verify", "--key", "../key.pem.pub"]) == 0
    assert run(["release", "list"]) == 0
    assert run(["release", "show"]) == 0
    shown = capsys.readouterr().out
    assert "revoked  helpdesk 1.0.0" in shown
    assert "injected-text-changes-answer: accept" in shown


def test_changed_file_other_settings_and_another_key_need_a_new_run(place: Path, capsys) -> None:
    assert run(released("--log")) == 0
    changed = place / "docs/adr/0003-index-as-json.md"
    changed.write_bytes(changed.read_bytes() + b"\nMore.\n")
    for again in (released(), ["release", "--key", "../risk.pem", "--owner", "Risk owner", "--quiet"]):
        capsys.readouterr()
        assert run(again) == 0
        assert "of an earlier run" not in capsys.readouterr().out
    assert run(released("--profile", "strict")) == 3
    assert "NOT ENOUGH EVIDENCE" in capsys.readouterr().out


def test_predicate_fits_its_published_schema(place: Path, capsys) -> None:
    assert run(released()) == 0
    statement = json.loads(dsse.parse((place / newest(place)).read_bytes()).payload)
    Draft202012Validator(schema()).validate(statement["predicate"])
    capsys.readouterr()
    assert run(["schema", "release"]) == 0
    assert json.loads(capsys.readouterr().out)["$id"] == "urn:keelmark:schema:release:1.0"


def test_project_as_found_is_not_released_and_told_as_assess_does(
    place: Path, capsys, tmp_path: Path, monkeypatch
) -> None:
    found = EXAMPLE.parent / "as-found"
    shutil.copytree(found, tmp_path / "found", ignore=shutil.ignore_patterns(".keelmark", "__pycache__"))
    monkeypatch.chdir(tmp_path / "found")
    assert run(["assess", "--quiet"]) == 1
    capsys.readouterr()
    assert run(["assess", "--quiet"]) == 1
    said = capsys.readouterr().out
    assert run(released()) == 1
    captured = capsys.readouterr()
    assert captured.out == said
    assert "nothing was released" in captured.err
    assert not (tmp_path / "found/.keelmark/releases").exists()


def test_two_people_release_a_critical_system(place: Path, capsys) -> None:
    second = ["--second-owner", "Risk owner", "--second-key", "../risk.pem.pub"]
    assert run(released(*second)) == 0
    (pending,) = (place / ".keelmark/releases").glob("*.pending.dsse.json")
    keys = ["--key", "../key.pem.pub", "--key", "../risk.pem.pub"]
    capsys.readouterr()
    assert run(["verify", str(pending), *keys]) == 3
    assert "CANNOT TELL  incomplete" in capsys.readouterr().out
    assert run(["release", "--sign", str(pending), "--key", "../key.pem"]) == 2
    assert run(["release", "--sign", str(pending), "--key", "../risk.pem"]) == 0
    assert run(["verify", newest(place), *keys]) == 0
    assert run(["verify", newest(place), "--key", "../key.pem.pub"]) == 3
    assert run(["verify", newest(place), "--key", "../key.pem.pub", "--also-key", "../risk.pem.pub"]) == 0


def test_example_is_exported_in_four_levels_that_tell_of_the_same_release(place: Path, capsys) -> None:
    assert run(released()) == 0
    levels = ("public", "customer", "authority", "sealed")
    for level in levels:
        output = ["-o", f"../{level}.dossier.zip"]
        assert run(["export", "--dossier", level, "--key", "../key.pem", "--quiet", *output]) == 0
    for level, other in zip(levels, (*levels[1:], levels[0]), strict=True):
        verify = ["verify", f"../{level}.dossier.zip", "--key", "../key.pem.pub"]
        assert run([*verify, "--against", f"../{other}.dossier.zip", "--release", newest(place)]) == 0
    assert capsys.readouterr().out.count("one release, one root, the same facts") == 4
    public = (place.parent / "public.dossier.zip").read_bytes()
    assert b"Head of Support" not in public
    assert b"src/helpdesk" not in public
    assert b"src/helpdesk" in (place.parent / "authority.dossier.zip").read_bytes()

    prompt = place / "src/helpdesk/prompts.py"
    prompt.write_text(f"{prompt.read_text('utf-8')} ", "utf-8")
    assert run(["export", "--dossier", "public", "--key", "../key.pem", "--quiet"]) == 2
    assert "1 of its files are not as released" in capsys.readouterr().err
