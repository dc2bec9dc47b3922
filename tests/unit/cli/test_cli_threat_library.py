"""`keelmark threats library` from the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from keelmark.cli.main import run
from keelmark.design.threats.library.shipped import shipped_atlas

if TYPE_CHECKING:
    from pathlib import Path

AGENT = """\
import subprocess

from fastapi import FastAPI
from langchain.agents import create_agent
from langchain_core.tools import tool

app = FastAPI()


@tool
def run(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout


agent = create_agent("openai:gpt-5.4-mini-2026-03-17", tools=[run])


@app.post("/ask")
def ask(question: str) -> str:
    return agent.invoke({"messages": [{"role": "user", "content": question}]})["messages"][-1].content
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "agent.py").write_text(AGENT, "utf-8")
    return folder


def _newer(tmp_path: Path, old: bytes, new: bytes) -> str:
    data = shipped_atlas().replace(b"version: 5.6.0", b"version: 5.7.0")
    assert old in data
    file = tmp_path / "ATLAS.yaml"
    file.write_bytes(data.replace(old, new))
    return str(file)


def test_library_shows_editions_counts_and_faults(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["threats", "library"]) == 0
    shown = capsys.readouterr().out
    assert "mitre-atlas" in shown
    assert "5.6.0" in shown
    assert "AML.M0018" in shown


def test_library_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["threats", "library", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["counts"]["techniques"] == 101
    assert [fault["line"] for fault in found["faults"]] == [4787, 5404]
    assert found["difference"] is None


def test_a_newer_edition_gives_tasks_and_says_so_by_its_code(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _newer(tmp_path, b"maturity: demonstrated", b"maturity: realized")
    code = run(["threats", "library", str(project), "--file", file, "--quiet", "--format", "json"])
    found = json.loads(capsys.readouterr().out)["difference"]
    assert found["changes"]
    assert found["tasks"]
    assert code == 1
    assert sorted(path.name for path in project.iterdir()) == ["agent.py"], "nothing is written"


def test_tasks_are_shown_with_their_reason(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _newer(tmp_path, b"maturity: demonstrated", b"maturity: realized")
    run(["threats", "library", str(project), "--file", file, "--quiet"])
    shown = capsys.readouterr().out
    assert "maturity: demonstrated -> realised" in shown
    assert "--format json has all" in shown
    assert "review `" in shown
    assert "because technique" in shown


def test_the_same_edition_asks_for_nothing(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = _newer(tmp_path, b"id: ATLAS\n", b"id: ATLAS\n")
    assert run(["threats", "library", str(project), "--file", file, "--quiet"]) == 0
    assert "0 tasks" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"hello: world\n", b"\xff\xfe\x00", b"a: ["])
def test_what_is_no_edition_could_not_run(
    project: Path, tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.yaml"
    file.write_bytes(content)
    assert run(["threats", "library", str(project), "--file", str(file), "--quiet"]) == 2
    assert "new.yaml" in capsys.readouterr().err


def test_a_missing_file_could_not_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["threats", "library", str(project), "--file", "missing.yaml", "--quiet"]) == 2
    assert "missing.yaml" in capsys.readouterr().err
