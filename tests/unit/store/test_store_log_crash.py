"""A crash at any call of the system loses nothing that was acknowledged."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.unit.store.written_log import is_whole, opened, sign, subjects_of

from keelmark.errors import StoreError
from keelmark.store.log_files import LogFiles
from keelmark.trust import leaf

if TYPE_CHECKING:
    from pathlib import Path


class Crash(BaseException):
    """The machine stops here."""


CALLS = ("open", "pwrite", "fsync", "fdatasync", "mkdir", "replace", "unlink", "ftruncate", "rmdir", "close")


def run_until(place: Path, steps: int, monkeypatch) -> tuple[list[str], bool]:
    """Append and publish until so many calls of the operating system were made; what was acknowledged."""
    acknowledged: list[str] = []
    left = [steps]

    def stopping(name: str):
        real = getattr(os, name)

        def call(*args, **more):
            left[0] -= 1
            if left[0] > 0 or name == "close":
                return real(*args, **more)
            if left[0] == 0 and name == "pwrite":
                real(args[0], bytes(args[1])[: len(args[1]) // 2], args[2])
            raise Crash

        return call

    with monkeypatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, stopping(name))
        try:
            for batch in range(4):
                with opened(place) as writer:
                    names = [f"{batch} {number}" for number in range(90)]
                    writer.append(subjects_of(names))
                    acknowledged.extend(names)
                    if batch % 2:
                        writer.publish(sign)
        except (Crash, StoreError):
            return acknowledged, False
    return acknowledged, True


@pytest.mark.parametrize("start", [0, 200])
def test_a_crash_at_any_call_loses_nothing_acknowledged(tmp_path: Path, monkeypatch, start: int) -> None:
    before = tmp_path / "before"
    if start:
        with opened(before) as writer:
            writer.append(subjects_of([f"{number}" for number in range(start)]))
            writer.publish(sign)
    is_done, steps = False, 0
    while not is_done:
        steps += 1 if steps < 30 else 5
        place = tmp_path / f"{steps}"
        if start:
            shutil.copytree(before, place)
        acknowledged, is_done = run_until(place, steps, monkeypatch)
        with opened(place) as writer:
            assert writer.total in range(start + len(acknowledged), start + len(acknowledged) + 91)
        files = LogFiles(place)
        found = [*files.entries(0, files.size), *files.journal().entries(files.size)]
        held = [leaf.parse(entry).subjects[0] for entry in found][start : start + len(acknowledged)]
        assert held == [leaf.digest_of(name.encode()) for name in acknowledged]
        assert is_whole(place)
    assert steps > 50
