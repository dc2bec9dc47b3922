"""`keelmark threats` and `keelmark threats brief` from the command line."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from typing import TYPE_CHECKING

import defusedxml.ElementTree as DefusedET
import jsonschema
import pytest

from keelmark.cli import briefing
from keelmark.cli.main import run
from keelmark.report import threats_json

if TYPE_CHECKING:
    from pathlib import Path

AGENT = """\
import subprocess

from fastapi import FastAPI
from openai import OpenAI

app = FastAPI()
client = OpenAI()


@app.post("/chat")
def chat(question: str) -> str:
    reply = client.responses.create(model="gpt-5", input=question)
    return subprocess.run(reply.output_text, shell=True, capture_output=True, text=True).stdout
"""
DECLARED = """\
version: 1
growth_envelope:
  users: {limit: 100, now: 10}
threat_model:
  appetite: {annual_loss: 5000, owner: Head}
  estimates:
    - {threat: user-text-reaches-interpreter, frequency: {low: 0.1, high: 2}, loss: {low: 100, high: 9000}, basis: a guess for this test}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text(AGENT, "utf-8")
    (folder / "keelmark.yaml").write_text(DECLARED, "utf-8")
    return folder


def test_command_from_model_output_is_an_open_threat(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["threats", str(project), "--quiet", "--no-write"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("✗ OPEN THREATS")
    assert "What users send is run" in shown


def test_every_format_is_written_in_one_run(project: Path, tmp_path: Path) -> None:
    files = {name: tmp_path / f"threats.{name}" for name in ("json", "markdown", "svg", "otm")}
    asked = [word for name, file in files.items() for word in ("-f", f"{name}={file}")]
    assert run(["threats", str(project), "--quiet", "--no-write", *asked]) == 1
    jsonschema.validate(json.loads(files["json"].read_text("utf-8")), threats_json.schema())
    assert files["markdown"].read_text("utf-8").startswith("# Threat model of ")
    assert DefusedET.fromstring(files["svg"].read_text("utf-8")).tag.endswith("svg")
    assert json.loads(files["otm"].read_text("utf-8"))["otmVersion"]


def test_losses_scenarios_and_limits_are_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["threats", str(project), "--quiet", "--no-write", "--at", "10x", "-f", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["risk"]["by_threat"][0]["threat"] == "user-text-reaches-interpreter"
    assert [each["name"] for each in document["scenarios"]] == ["10x"]
    assert document["scenarios"][0]["size"]["users"] == 100
    assert document["scenarios"][0]["risk"]["total"]["mean"] >= document["risk"]["total"]["mean"]
    assert {each["dimension"] for each in document["envelope"]} >= {"users", "tools", "autonomy"}


def test_the_same_seed_gives_the_same_losses(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        run(["threats", str(project), "--quiet", "--no-write", "--no-envelope", "--seed", seed, "-f", "json"])
        texts.append(json.loads(capsys.readouterr().out)["risk"]["total"])
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--at", "often"], "often"),
        (["-f", "pdf"], "there is no format `pdf`"),
        (["--as-of", "soon"], "`soon` is no day"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert run(["threats", str(project), "--quiet", "--no-write", *options]) == 2
    assert says in capsys.readouterr().err


def test_figures_without_estimates_are_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "keelmark.yaml").write_text("version: 1\n", "utf-8")
    assert run(["threats", str(project), "--quiet", "--no-write", "--risk"]) == 2
    assert "no estimates" in capsys.readouterr().err


# The owner is asked about limits of growth too, which the status does not compute.
@pytest.mark.parametrize("role", ["ml-engineer", "risk-owner"])
def test_briefing_is_acknowledged_once_every_answer_is_right(
    role: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["threats", "brief", role, str(project), "--quiet"]
    assert run([*command, "-f", "json"]) == 0
    questions = json.loads(capsys.readouterr().out)["questions"]
    assert questions
    assert run([*command, "--status"]) == 1
    _answer_rightly(command, [len(each["choices"]) for each in questions])
    assert "recorded: A. Person" in capsys.readouterr().out
    assert run([*command, "--status"]) == 0
    assert "1 current of 1" in capsys.readouterr().out
    # Another threat model asks for another acknowledgement.
    (project / "more.py").write_text("import anthropic\nclient = anthropic.Anthropic()\n", "utf-8")
    (project / "keelmark.yaml").write_text(
        DECLARED.replace("threat_model:", "components:\n  - {id: web_search, kind: tool}\nthreat_model:"),
        "utf-8",
    )
    assert run([*command, "--status"]) == 1
    assert "0 current of 1" in capsys.readouterr().out


def test_status_of_a_briefing_simulates_nothing(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without numpy there is no simulation; the status must not ask for one.
    monkeypatch.setitem(sys.modules, "numpy", None)
    monkeypatch.setattr(briefing, "with_growth", None)
    assert run(["threats", "brief", "risk-owner", str(project), "--quiet", "--status"]) == 1
    assert "0 current of 0" in capsys.readouterr().out


def _answer_rightly(command: list[str], counts: list[int]) -> None:
    """Try answers, one question after the other, as somebody would who reads what is said to be wrong."""
    answers = [1] * len(counts)
    for index, count in enumerate(counts):
        for choice in range(1, count + 1):
            answers[index] = choice
            if run([*command, "--by", "A. Person", "--answers", ",".join(map(str, answers))]) == 0:
                return
            if not _is_wrong(command, answers, index):
                break
    raise AssertionError(answers)


def _is_wrong(command: list[str], answers: list[int], index: int) -> bool:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        run([*command, "--by", "A. Person", "--answers", ",".join(map(str, answers))])
    return any(line.startswith(f"{index + 1}. not right") for line in out.getvalue().splitlines())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--answers", "1", "--by", "A"], "questions and 1 answers"),
        (["--answers", "a,b", "--by", "A"], "are no answers"),
    ],
)
def test_answers_that_are_none_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], options: list[str], says: str
) -> None:
    assert run(["threats", "brief", "risk-owner", str(project), "--quiet", *options]) == 2
    assert says in capsys.readouterr().err


def test_system_of_another_tool_becomes_a_threat_model(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported = tmp_path / "model.otm"
    run(["threats", str(project), "--quiet", "--no-write", "--no-envelope", "-f", f"otm={exported}"])
    assert run(["threats", "import", str(exported)]) == 0
    text = capsys.readouterr().out
    other = tmp_path / "other"
    other.mkdir()
    (other / "threat-model.yaml").write_text(text, "utf-8")
    (other / "keelmark.yaml").write_text("version: 1\n", "utf-8")
    run(["threats", str(other), "--quiet", "--no-write", "--no-envelope", "-f", "json"])
    elements = json.loads(capsys.readouterr().out)["system"]["elements"]
    assert {"kind": "api", "origin": "declared"} in [
        {key: each[key] for key in ("kind", "origin")} for each in elements
    ]


def test_file_that_is_no_threat_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.json"
    file.write_text("{}", "utf-8")
    assert run(["threats", "import", str(file)]) == 2
    assert "neither an Open Threat Model file nor JSON of pytm" in capsys.readouterr().err
