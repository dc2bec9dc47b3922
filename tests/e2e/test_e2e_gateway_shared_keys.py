"""Two gateways in folders of their own believe the same keys: they lie in a PostgreSQL database that both are told of."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from tests.corpus.postgres import needs_postgres, server
from tests.e2e.test_e2e_gateway import CHAT, SETTINGS, serving
from tests.e2e.test_e2e_gateway import run as bounded
from tests.e2e.test_e2e_gateway import tmp_path as tmp_path  # noqa: PLC0414 - the fixture with short paths

from keelmark.cli.main import run

SHARED = SETTINGS.replace(
    "upstreams:", 'access: {{keys: "env:KEYS_DATABASE", pepper: nowhere}}\nupstreams:', 1
)
PLACE = ("--shared", "env:KEYS_DATABASE", "--pepper", "nowhere")


async def answered(gateways, key: str, status: int) -> None:
    """Both answer so, after a while at most."""
    end = time.monotonic() + 60
    while True:
        found = [(await each.ask(CHAT, api_key=key))[0] for each in gateways]
        if found == [status, status]:
            return
        assert time.monotonic() < end, found
        await asyncio.sleep(0.05)


@needs_postgres
def test_keys_of_a_database_count_on_all_machines(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("KEELMARK_PEPPER", "5a" * 32)
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> str:
        assert run(["access", "key", *words, *PLACE]) == 0
        return capsys.readouterr().out.strip()

    async def main() -> None:
        async with (
            serving(tmp_path / "a", settings=SHARED) as one,
            serving(tmp_path / "b", settings=SHARED) as two,
        ):
            both = (one, two)
            await answered(both, first, 200)
            second = await asyncio.to_thread(
                command, "add", "--name", "n", "--owner", "o", "--scope", "infer:*"
            )
            await answered(both, second, 200)
            await asyncio.to_thread(command, "revoke", first[3:].partition(".")[0], "--reason", "leaked")
            await answered(both, first, 401)
            await answered(both, second, 200)
            # Keys of files count nowhere.
            await answered(both, one.api_key, 401)

    with server() as postgres:
        monkeypatch.setenv("KEYS_DATABASE", postgres.url)
        first = command("add", "--name", "m", "--owner", "o", "--scope", "infer:*")
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
        bounded(main())


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("postgresql://somebody:s3cret@127.0.0.1:1/none", "cannot be reached"),
        ("s3cret", "address of the database is none"),
        ("", "`KEYS_DATABASE` is not set"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    address, words, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("KEYS_DATABASE", address)
    assert run(["access", "key", "list", "--shared", "env:KEYS_DATABASE"]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "s3cret" not in said
