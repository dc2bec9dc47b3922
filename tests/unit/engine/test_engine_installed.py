"""Only what settings name is loaded, and what cannot be is an error."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from keelmark.engine import installed
from keelmark.engine.installed import load_named
from keelmark.errors import ConfigurationError


class Part:
    def __init__(self, error: BaseException | None = None) -> None:
        if error is not None:
            raise error


def points(monkeypatch, *found) -> list[str]:
    loaded: list[str] = []

    def point(name, package, brings):
        def load():
            loaded.append(name)
            return brings() if callable(brings) and not isinstance(brings, type) else brings

        return SimpleNamespace(name=name, dist=SimpleNamespace(name=package) if package else None, load=load)

    made = [point(*each) for each in found]
    monkeypatch.setattr(installed.metadata, "entry_points", lambda group: made if group == "g" else [])
    return loaded


def test_a_class_is_made_an_instance_and_nothing_else_is_loaded(monkeypatch):
    loaded = points(monkeypatch, ("wanted", "one", Part), ("other", "two", Part))
    assert isinstance(load_named("g", "wanted", what="part"), Part)
    assert loaded == ["wanted"]


def raises(error: BaseException):
    def load():
        raise error

    return load


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([], "there is no part `wanted`"),
        ([("wantde", "one", Part)], "there is no part `wanted`"),
        ([("wanted", "one", Part), ("wanted", "two", Part)], "brought by one and two"),
        ([("wanted", "one", raises(ImportError("no module")))], "of one cannot be loaded: ImportError: no module"),
        ([("wanted", None, raises(SystemExit(0)))], "cannot be loaded: SystemExit"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_an_error(monkeypatch, found, words):
    points(monkeypatch, *found)
    with pytest.raises(ConfigurationError, match=words) as raised:
        load_named("g", "wanted", what="part")
    if found and found[0][0] == "wantde":
        assert "`wantde`" in raised.value.hint
