"""`keelmark scan` as programs and people call it."""

from __future__ import annotations

import io
import json
import pickle
from types import SimpleNamespace

import jsonschema
import pytest

from keelmark.cli.main import run
from keelmark.report.scan_json import schema

HARMFUL = b"cos\nsystem\n(S'true'\ntR."
HARMLESS = pickle.dumps([1, 2, 3])


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    (tmp_path / "good.pkl").write_bytes(HARMLESS)
    (tmp_path / "bad.pkl").write_bytes(HARMFUL)
    (tmp_path / "cut.pkl").write_bytes(HARMLESS[:-3])
    (tmp_path / "README.md").write_text("# Models\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def feed(monkeypatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good.pkl"], 0),
        (["bad.pkl"], 1),
        (["cut.pkl"], 3),
        (["README.md"], 3),
        (["cut.pkl", "bad.pkl", "good.pkl"], 1),
        (["good.pkl", "cut.pkl"], 3),
        (["."], 1),
        (["gone.pkl"], 2),
        ([], 2),
        (["good.pkl", "--format", "xml"], 2),
        (["good.pkl", "--max-seconds", "0"], 2),
        (["-", "-"], 2),
        (["-", "--files-from", "-"], 2),
        (["--files-from", "gone.txt"], 2),
    ],
)
def test_the_exit_code_is_an_api(arguments, code, capsys) -> None:
    assert run(["scan", *arguments]) == code
    if code == 2:
        assert capsys.readouterr().err.startswith("error: ")


def test_the_first_line_is_the_answer(capsys) -> None:
    run(["scan", "."])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✗ UNSAFE  1 of 3 artefacts")
    assert len(lines) <= 25
    assert any("bad.pkl" in line for line in lines)
    assert any(line.startswith("  cut.pkl: breaks off") for line in lines)


def test_the_document_follows_its_schema(capsys) -> None:
    run(["scan", ".", "-f", "json", "--digest"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, schema(), format_checker=jsonschema.FormatChecker())
    assert document["state"] == "unsafe"
    assert document["exit_code"] == 1
    assert {file["path"]: file["state"] for file in document["files"]} == {
        "README.md": "no-artefact",
        "bad.pkl": "unsafe",
        "cut.pkl": "not-analysed",
        "good.pkl": "clean",
    }


def test_the_log_names_every_finding_and_every_gap(capsys) -> None:
    run(["scan", ".", "-f", "sarif"])
    (log,) = json.loads(capsys.readouterr().out)["runs"]
    (result,) = log["results"]
    rule = log["tool"]["driver"]["rules"][result["ruleIndex"]]
    assert rule["id"] == result["ruleId"] == "dangerous-callable"
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "bad.pkl"
    (invocation,) = log["invocations"]
    assert invocation["exitCode"] == 1
    assert [note["descriptor"]["id"] for note in invocation["toolExecutionNotifications"]] == [
        "not-looked-at/truncated"
    ]


def test_reports_go_to_files(store, capsys) -> None:
    assert run(["scan", "bad.pkl", "-f", "json=out.json", "-f", "sarif=out.sarif", "-f", "console"]) == 1
    assert capsys.readouterr().out.startswith("✗ UNSAFE")
    assert json.loads((store / "out.json").read_text())["state"] == "unsafe"
    assert json.loads((store / "out.sarif").read_text())["version"] == "2.1.0"


def test_an_artefact_comes_from_standard_input(monkeypatch) -> None:
    feed(monkeypatch, HARMFUL)
    assert run(["scan", "-"]) == 1
    feed(monkeypatch, HARMLESS)
    assert run(["scan", "-"]) == 0


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_paths_come_from_a_list(store, separator, monkeypatch, capsys) -> None:
    (store / "list.txt").write_bytes(separator.join(["good.pkl", "bad.pkl", ""]).encode())
    assert run(["scan", "--files-from", "list.txt", "-f", "json"]) == 1
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2
    feed(monkeypatch, (store / "list.txt").read_bytes())
    assert run(["scan", "--files-from", "-"]) == 1


def test_foreign_text_never_drives_the_terminal(store, capsys) -> None:
    evil = "\x1b[31m\u202e::error::.pkl"
    (store / evil).write_bytes(b"cos\nsystem\n(S'\\x1b[2J::set-output'\ntR.")
    assert run(["scan", evil]) == 1
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert not any(line.lstrip().startswith("::") for line in shown.splitlines())


def test_the_answer_fits_on_one_screen_however_much_there_is(store, capsys) -> None:
    for number in range(30):
        (store / f"bad{number}.pkl").write_bytes(
            HARMFUL[:-1] + b"0cposix\nsystem\n(S'true'\ntR0cacme\nX\n)R."
        )
        (store / f"cut{number}.pkl").write_bytes(HARMLESS[:-3])
    run(["scan", "."])
    shown = capsys.readouterr().out
    assert len(shown.splitlines()) <= 25
    assert "Do not load the file" in shown
    assert "What to do  keelmark explain dangerous-callable." in shown


def test_everything_is_shown_when_asked_for(store, capsys) -> None:
    for number in range(9):
        (store / f"bad{number}.pkl").write_bytes(HARMFUL)
    run(["scan", "."])
    assert "7 further files with findings" in capsys.readouterr().out
    run(["scan", ".", "--verbose"])
    shown = capsys.readouterr().out
    assert all(f"bad{number}.pkl" in shown for number in range(9))
