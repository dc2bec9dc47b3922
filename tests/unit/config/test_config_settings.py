from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from keelmark.config import settings as module
from keelmark.config.settings import AssessSettings, resolve
from keelmark.core.declaration import Profile
from keelmark.errors import ConfigurationError


def origins(settings: AssessSettings) -> dict[str, str]:
    return {entry.name: entry.origin for entry in settings.origins}


def test_default_is_the_most_secure() -> None:
    found = resolve({}, environment={})
    assert found.write
    assert not found.only_new
    assert found.baseline is None
    assert found.profile is Profile.DEFAULT  # There is none weaker.
    assert set(origins(found).values()) == {"default"}


def test_command_line_wins_over_environment_over_default() -> None:
    environment = {"KEELMARK_PROFILE": "strict", "KEELMARK_MAX_SECONDS": "5", "KEELMARK_CACHE": "no"}
    found = resolve({"profile": Profile.DEFAULT, "max_seconds": None}, environment=environment)
    assert found.profile is Profile.DEFAULT
    assert found.max_seconds == 5.0
    assert found.cache is False
    named = origins(found)
    assert named["profile"] == "command line"
    assert named["max_seconds"] == "KEELMARK_MAX_SECONDS"
    assert named["cache"] == "KEELMARK_CACHE"
    assert named["write"] == "default"


def test_false_on_the_command_line_is_given() -> None:
    found = resolve({"write": False}, environment={"KEELMARK_WRITE": "yes"})
    assert found.write is False
    assert origins(found)["write"] == "command line"


def test_every_setting_says_where_it_came_from_once() -> None:
    found = resolve({"as_of": date(2026, 1, 31)}, environment={})
    names = [entry.name for entry in found.origins]
    assert len(names) == len(set(names))
    assert set(names) == set(AssessSettings.__dataclass_fields__) - {"origins"}
    assert next(entry.value for entry in found.origins if entry.name == "as_of") == "2026-01-31"


@pytest.mark.parametrize("text", ["1", "true", "YES", "True"])
def test_flag_words_for_yes(text: str) -> None:
    assert resolve({}, environment={"KEELMARK_PLUGINS": text}).plugins is True


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("KEELMARK_PROFILE", "lenient"),
        ("KEELMARK_CACHE", "perhaps"),
        ("KEELMARK_MAX_FILES", "many"),
        ("KEELMARK_MAX_FILES", "1.5"),
        ("KEELMARK_MAX_FILES", "0"),
        ("KEELMARK_MAX_FILES", "-1"),
        ("KEELMARK_MAX_SECONDS", "soon"),
        ("KEELMARK_MAX_SECONDS", "nan"),
        ("KEELMARK_MAX_SECONDS", "inf"),
        ("KEELMARK_MAX_SECONDS", "-3"),
    ],
)
def test_value_that_a_setting_cannot_have_is_an_error(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be"):
        resolve({}, environment={variable: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0, -1.0])
def test_bound_without_end_is_refused_on_the_command_line_too(value: float) -> None:
    with pytest.raises(ConfigurationError, match="max_seconds"):
        resolve({"max_seconds": value}, environment={})


def test_empty_variable_is_not_given() -> None:
    assert resolve({}, environment={"KEELMARK_PROFILE": ""}).profile is Profile.DEFAULT


def test_cache_follows_the_xdg_folder_unless_named() -> None:
    assert resolve({}, environment={"XDG_CACHE_HOME": "/x"}).cache_dir == Path("/x/keelmark")
    both = {"XDG_CACHE_HOME": "/x", "KEELMARK_CACHE_DIR": "/y"}
    assert resolve({}, environment=both).cache_dir == Path("/y")


def test_relative_xdg_folder_is_ignored() -> None:
    found = resolve({}, environment={"XDG_CACHE_HOME": "here"})
    assert found.cache_dir.is_absolute()
    assert origins(found)["cache_dir"] == "default"


def test_user_without_home_runs_without_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    class Homeless(type(Path())):  # type: ignore[misc]
        def expanduser(self):
            raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(module, "Path", Homeless)
    found = resolve({}, environment={})
    assert found.cache is False
    assert origins(found)["cache"] == "no home folder"


def test_no_setting_shows_a_path_of_the_machine() -> None:
    found = resolve(
        {"baseline": Path("/home/somebody/known.json")}, environment={"KEELMARK_CACHE_DIR": "/srv/c"}
    )
    assert not any("/" in entry.value for entry in found.origins)


def test_environment_of_the_process_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEELMARK_PROFILE", "strict")
    assert resolve({}).profile is Profile.STRICT
