"""A folder full of hostile files ends with every problem named, and never with a crash or a pass by accident."""

from __future__ import annotations

import json
import os
import pickle
import socket
import struct
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from keelmark.config.settings import AssessSettings
from keelmark.core.facts import GapReason
from keelmark.core.outcome import Outcome, Verdict
from keelmark.guidelines import load
from keelmark.report.formats import FORMATS
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE, Target, assess
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from keelmark.core.assessment import Assessment


class Harmful:
    def __reduce__(self):
        return os.system, ("echo this must never run",)


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members:
            made.writestr(name, content)
    return buffer.getvalue()


def truncated(root: Path) -> dict[str, set[GapReason]]:
    broken = {GapReason.MALFORMED, GapReason.TRUNCATED, GapReason.TOO_LARGE, GapReason.UNSUPPORTED}
    model = archive(("archive/data.pkl", pickle.dumps({"w": [1.0] * 100})), ("archive/version", b"3\n"))
    header = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    files = {
        "truncated.pkl": pickle.dumps({"weights": list(range(100))})[:-20],
        "truncated.pt": model[: len(model) // 2],
        "truncated.zip.pt": model[:40],
        "truncated.safetensors": struct.pack("<Q", len(header)) + header[:20],
        "lying.safetensors": struct.pack("<Q", 2**60) + header,
        "short.safetensors": struct.pack("<Q", len(header)) + header + b"\x00" * 3,
        "truncated.gguf": b"GGUF" + struct.pack("<IQQ", 3, 2**40, 2**40),
        "truncated.npy": b"\x93NUMPY\x01\x00\xff\xff{'descr'",
        "truncated.parquet": b"PAR1" + b"\x15\x04" * 4 + struct.pack("<I", 2**31) + b"PAR1",
        "broken.ipynb": b'{"cells": [{"cell_type": "code", "source": ',
        "broken.py": b"def broken(:\n",
        "compose.yaml": b"services: [\n",
        "pyproject.toml": b"[project\nname = \n",
        "package.json": b'{"dependencies": {',
    }
    for name, content in files.items():
        (root / name).write_bytes(content)
    return dict.fromkeys(files, broken)


def special(root: Path) -> dict[str, set[GapReason]]:
    os.mkfifo(root / "pipe.py")
    (root / "loop").symlink_to("loop")
    (root / "up").symlink_to("..")
    (root / "device.bin").symlink_to("/dev/zero")
    (root / "secret.txt").symlink_to("/etc/passwd")
    address = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(root)  # The name of a socket is bounded by 107 bytes.
    try:
        address.bind("socket.py")
    finally:
        os.chdir(here)
        address.close()
    return {
        "pipe.py": {GapReason.SPECIAL_FILE},
        "socket.py": {GapReason.SPECIAL_FILE},
        "loop": {GapReason.LINK},
        "up": {GapReason.LINK},
        "device.bin": {GapReason.LINK},
        "secret.txt": {GapReason.LINK},
    }


def nested(root: Path) -> dict[str, set[GapReason]]:
    folder = root
    for _ in range(70):
        folder /= "d"
        folder.mkdir()
    (folder / "hidden.py").write_text("import os\n")
    (root / "deep.json").write_text("[" * 200_000)
    (root / "deep.yaml").write_text("[" * 200_000)
    (root / "deep.py").write_text("x = " + "(" * 100_000)
    (root / "deep_unary.py").write_text("x = " + "-" * 100_000 + "1")
    (root / "deep.ipynb").write_text('{"cells":' + "[" * 100_000)
    return {
        "/".join(["d"] * 65): {GapReason.TOO_DEEP},
        "deep.py": {GapReason.MALFORMED, GapReason.TOO_DEEP, GapReason.TOO_LARGE},
        "deep_unary.py": {GapReason.MALFORMED, GapReason.TOO_DEEP, GapReason.TOO_LARGE},
        "deep.ipynb": {GapReason.MALFORMED, GapReason.TOO_DEEP, GapReason.TOO_LARGE},
    }


def odd(root: Path) -> None:
    raw = os.fsencode(root)
    for name in (
        b"caf\xe9.py",
        b"\xff\xfe\xfd",
        b"a\nb.py",
        b"\x1b[31mred.py",
        b"-rf",
        "\u202egpj.exe".encode(),
        b"' or 1=1",
    ):
        Path(os.fsdecode(raw + b"/" + name)).write_bytes(b"x = 1\n")
    (root / "model.pkl").write_bytes(pickle.dumps(Harmful()))
    (root / "bomb.npz").write_bytes(archive(("a.npy", b"\x00" * 20_000_000)))
    (root / "climb.pt").write_bytes(archive(("../../escape/data.pkl", pickle.dumps(Harmful()))))
    (root / "surrogates.py").write_text(
        "SYSTEM_PROMPT = 'You are a helpful assistant \\ud800 that answers questions.'\nMODEL = 'gpt-\\udcff'\n"
        "from openai import OpenAI\nOpenAI().chat.completions.create(model=MODEL, messages=[])\n"
    )
    (root / "surrogates.json").write_text(
        '{"mcpServers": {"\\ud800": {"command": "npx \\udcff", "args": ["\\ud800"]}}}'
    )
    (root / "surrogates.jsonl").write_text('{"q": "\\ud800", "mail": "\\udcff@example.org"}\n' * 3)
    (root / "pointer.bin").write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'ab' * 32}\nsize {'9' * 400}\n"
    )
    (root / "many.py").write_bytes(b"\x00" * 100)
    (root / "nul.yaml").write_bytes(b"a: \x00\n")
    (root / "empty.pkl").write_bytes(b"")
    for name in (
        "empty.safetensors",
        "empty.py",
        "Dockerfile",
        "requirements.txt",
        "mcp.json",
        "dvc.yaml",
        "README.md",
    ):
        (root / name).write_bytes(b"")
    (root / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"))
    with (root / "sparse.bin").open("wb") as file:
        file.truncate(100 * 1024**2)
    with (root / "sparse.safetensors").open("wb") as file:
        file.truncate(100 * 1024**2)


@pytest.fixture
def hostile(tmp_path: Path) -> tuple[Path, dict[str, set[GapReason]]]:
    root = tmp_path / "hostile"
    root.mkdir()
    expected = {**truncated(root), **special(root), **nested(root)}
    odd(root)
    return root, expected


@pytest.fixture
def settings(own_environment: Path) -> AssessSettings:
    return AssessSettings(cache_dir=own_environment, plugins=False)


def test_every_problem_is_named_and_nothing_crashes(hostile, settings: AssessSettings) -> None:
    root, expected = hostile
    found = assess(Target(root=root), settings)
    crashed = [(gap.path, gap.detail) for gap in found.gaps if gap.reason is GapReason.CRASHED]
    assert crashed == []
    failed = [(f.rule, f.message) for f in found.findings if f.message.startswith("the rule failed")]
    assert failed == []
    named: dict[str, set[GapReason]] = {}
    for gap in found.gaps:
        named.setdefault(gap.path, set()).add(gap.reason)
    missing = {
        path: named.get(path) for path, reasons in expected.items() if not named.get(path, set()) & reasons
    }
    assert missing == {}
    assert found.decision.verdict is Verdict.DO_NOT_RELEASE
    assert any(
        f.outcome is Outcome.FAIL and f.locations and f.locations[0].path == "model.pkl"
        for f in found.findings
    )
    kept_and_printed(found, root)


def kept_and_printed(found: Assessment, root: Path) -> None:
    with SqliteEvidence(root / EVIDENCE_FILE) as store:
        assert store.load("latest").id == found.id
    catalogue = load()
    cards = {rule.card.id: rule.card for rule in rulebook(catalogue, with_plugins=False)}
    for form in FORMATS.values():
        text = form.render(found, catalogue=catalogue, cards=cards)
        text.encode("utf-8")
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_hostile_folder_is_left_as_it_was(hostile, settings: AssessSettings, picture) -> None:
    root, _ = hostile
    for name in ("sparse.bin", "sparse.safetensors"):
        (root / name).unlink()
    before = picture(root)
    assess(Target(root=root), replace(settings, write=False))
    assert picture(root) == before


@pytest.mark.parametrize("name", ["half.ipynb", "package.json", "package-lock.json"])
def test_half_characters_are_read_or_named(tmp_path: Path, settings: AssessSettings, name: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    cell = {"cell_type": "code", "source": ["x = '\ud800'"], "outputs": []}
    content = {
        "half.ipynb": {"nbformat": 4, "cells": [cell]},
        "package.json": {"name": "\ud800", "dependencies": {"\ud800": "\ud800"}},
        "package-lock.json": {
            "lockfileVersion": 3,
            "packages": {"node_modules/\ud800": {"version": "\ud800"}},
        },
    }[name]
    (root / name).write_text(json.dumps(content))
    found = assess(Target(root=root), settings)
    readings = [asset for asset in found.inventory.assets if asset.path == name]
    assert readings or any(gap.path == name and gap.matters for gap in found.gaps)
    assert found.decision.verdict is not Verdict.RELEASE
