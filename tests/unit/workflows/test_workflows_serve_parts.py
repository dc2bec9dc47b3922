"""Everything that the settings of a gateway name by a path starts from their folder, wherever the gateway is started."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from keelmark.errors import ConfigurationError
from keelmark.workflows.serve_parts import ended, secret_from


def test_a_secret_in_a_file_is_looked_for_beside_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project/key").write_text("of the project\n")
    (tmp_path / "elsewhere/key").write_text("of nobody\n")
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert secret_from("file:key", root=tmp_path / "project").reveal() == b"of the project"
    whole = secret_from(f"file:{tmp_path}/elsewhere/key", root=tmp_path / "project")
    assert whole.reveal() == b"of nobody"
    with pytest.raises(ConfigurationError, match="`other` cannot be read"):
        secret_from("file:other", root=tmp_path / "project")


def test_a_task_that_lets_a_cancellation_get_lost_is_cancelled_again() -> None:
    async def deaf(times: int) -> None:
        for _ in range(times):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def main() -> list[bool]:
        tasks = [asyncio.create_task(deaf(times)) for times in (0, 2)]
        await asyncio.sleep(0)
        await ended(tasks)
        return [task.cancelled() for task in tasks]

    assert asyncio.run(main()) == [True, True]
