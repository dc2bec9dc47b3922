"""Every parser of the gateway keeps its promises on the seeds of its fuzz target, and on some hundred inputs made of them.

`make fuzz` tries for longer, and other inputs with another `--seed`.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True, scope="module")
def _root() -> Iterator[None]:
    """Targets are found from the root of the project, and imported before any input is drawn."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(ROOT))
        for name in TARGETS:
            runner().target_of(name)
        yield


def runner():
    return importlib.import_module("tools.fuzz.run")


TARGETS = sorted(
    each.stem for each in (ROOT / "tools" / "fuzz").glob("*.py") if each.stem not in {"run", "core"}
)


def test_every_target_is_run_by_its_name() -> None:
    assert sorted(runner().TARGETS) == TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_no_promise_is_broken_by_what_is_made_of_seeds(name: str) -> None:
    seeds = len(runner().target_of(name).SEEDS)
    assert runner().loop(name, seconds=0, seed=1, most=seeds + 300) == seeds + 300


@pytest.mark.parametrize("name", TARGETS)
@given(data=st.binary(max_size=200))
@settings(max_examples=60)
def test_no_promise_is_broken_by_any_bytes(name: str, data: bytes) -> None:
    runner().target_of(name).one(data)


def test_a_broken_promise_ends_the_run_and_shows_its_input(monkeypatch: pytest.MonkeyPatch) -> None:
    sse = runner().target_of("sse")
    core = importlib.import_module("tools.fuzz.core")

    def one(data: bytes) -> None:
        core.promise(not data, "something was there", data)

    monkeypatch.setattr(sse, "one", one)
    with pytest.raises(core.BrokenPromiseError, match="something was there") as caught:
        runner().loop("sse", seconds=0, seed=1, most=5)
    assert "input of sse" in caught.value.__notes__[0]


def test_cut_bytes_are_the_same_bytes() -> None:
    pieces = importlib.import_module("tools.fuzz.core").pieces
    for data in (b"", b"a", b"ab" * 20, bytes(range(256)) * 4):
        parts = pieces(data)
        assert b"".join(parts) == data
        assert len(parts) > 1 or len(data) < 2
