"""The program in one process: exit codes, what goes where, and what is said when it cannot run."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import keelmark
from keelmark.cli import assess as assess_command
from keelmark.cli import main as program
from keelmark.cli.commands import COMMANDS
from keelmark.cli.main import run
from keelmark.config.declaration import json_schema
from keelmark.core.outcome import Verdict
from keelmark.report import json_report
from keelmark.report.formats import FORMATS
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.assess import EVIDENCE_FILE

pytestmark = pytest.mark.usefixtures("own_environment")

APP = """\
import subprocess
from flask import Flask, request

app = Flask(__name__)


@app.post("/run")
def run():
    subprocess.run(request.json["command"], shell=True)
    return "done"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    (root / "app.py").write_text(APP)
    (root / "notes.py").write_text("x = 1\n")
    monkeypatch.chdir(root)
    return root


def decided(monkeypatch: pytest.MonkeyPatch, verdict: Verdict) -> None:
    """Every run ends with that verdict."""
    real = assess_command.run_assessment

    def changed(*arguments, **options):
        found = real(*arguments, **options)
        return replace(found, decision=replace(found.decision, verdict=verdict))

    monkeypatch.setattr(assess_command, "run_assessment", changed)


# --- exit codes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "code"),
    [(Verdict.RELEASE, 0), (Verdict.DO_NOT_RELEASE, 1), (Verdict.NOT_ENOUGH_EVIDENCE, 3)],
)
def test_exit_code_is_the_verdict(  # noqa: PLR0917 - fixtures
    project, monkeypatch, capsys, verdict: Verdict, code: int
) -> None:
    decided(monkeypatch, verdict)
    assert run(["assess", "--no-write"]) == code


def test_faulty_project_is_not_released(project, capsys) -> None:
    assert run(["assess", "--no-write"]) == 1
    out, err = capsys.readouterr()
    assert "DO NOT RELEASE" in out.splitlines()[0]
    assert "command-from-untrusted-text" in out
    assert err == ""


def test_empty_folder_is_not_enough_evidence_or_worse(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["assess", "--no-write"]) in {1, 3}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["assess", "nowhere"], "does not exist"),
        (["assess", "--nonsense"], "nonsense"),
        (["assess", "--profile", "lenient"], "lenient"),
        (["assess", "--as-of", "soon"], "`soon` is no day"),
        (["assess", "--max-seconds", "nan"], "max_seconds"),
        (["assess", "--max-seconds", "-1"], "max_seconds"),
        (["assess", "--baseline", "nowhere.json"], "nowhere.json"),
        (["assess", "-f", "pdf"], "there is no format `pdf`"),
        (["assess", "-f", "json", "-f", "sarif"], "two reports cannot share standard output"),
        (["assess", "-f", "json=/proc/a.json", "-f", "sarif=/proc/../proc/a.json"], "one file"),
        (["assess", "-f", "json=a", "-f", "sarif=a"], "one file"),
        (["assess", "-f", "json="], "names no file"),
        (["assess", "-f", "json=nowhere/a.json"], "names no file"),
        (["assess", "-f", "json=."], "names no file"),
        (["explain", "nothing-like-this"], "nothing is called"),
        (["rules", "--severity", "grave"], "grave"),
        (["diff"], "no run is kept here"),
        (["diff", "a", "b"], "no run is kept here"),
        (["init", "nowhere"], "no folder"),
        (["schema", "nonsense"], "nonsense"),
        (["nonsense"], "nonsense"),
    ],
)
def test_what_cannot_run_is_said_on_stderr_with_help(  # noqa: PLR0917 - fixtures
    project, capsys, picture, arguments, words
) -> None:
    before = picture(project)
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert words in lines[0]
    assert lines[1].startswith("help:  ")
    assert "Traceback" not in err
    assert picture(project) == before


def test_configuration_error_names_file_and_line(project, capsys) -> None:
    (project / "keelmark.yaml").write_text("version: 1\nsystm: {}\n")
    assert run(["assess"]) == 2
    err = capsys.readouterr().err.splitlines()
    assert err == ["error: keelmark.yaml:2: unknown key `systm`", "help:  did you mean `system`?"]


def test_no_command_shows_the_help_and_is_no_pass(capsys) -> None:
    assert run([]) == 2
    assert "assess" in capsys.readouterr().out


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("oops"), SystemExit(0), SystemExit(1), MemoryError(), RecursionError()]
)
def test_own_failure_is_never_a_verdict(project, monkeypatch, capsys, error: BaseException) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(assess_command, "run_assessment", fail)
    assert run(["assess"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    if isinstance(error, Exception):
        assert "keelmark itself failed" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("flag", ["--verbose", "-v"])
def test_traceback_comes_with_verbose(project, monkeypatch, capsys, flag: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(assess_command, "run_assessment", fail)
    assert run(["assess", flag]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_interruption_is_no_verdict(project, monkeypatch, capsys) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(assess_command, "run_assessment", stop)
    assert run(["assess"]) == 2
    assert "stopped" in capsys.readouterr().err


def test_foreign_text_in_an_error_cannot_drive_the_terminal(project, capsys) -> None:
    assert run(["assess", "\x1b[31mred\u202e"]) == 2
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\u202e" not in err


# --- what goes where -----------------------------------------------------------------------------


def test_json_on_stdout_is_only_the_document(project, capsys) -> None:
    assert run(["assess", "-f", "json", "--no-write"]) == 1
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert document["verdict"] == "do-not-release"
    assert document["exit_code"] == 1
    jsonschema.validate(document, json_report.schema())
    assert out.isascii()


def test_files_are_written_whole_beside_the_console(project, capsys) -> None:
    targets = {name: project.parent / f"report{form.extension}" for name, form in FORMATS.items()}
    options = [part for name, file in targets.items() for part in ("-f", f"{name}={file}")]
    assert run(["assess", "--no-write", *options, "-f", "console"]) == 1
    assert "DO NOT RELEASE" in capsys.readouterr().out
    assert json.loads(targets["json"].read_text())["verdict"] == "do-not-release"
    assert json.loads(targets["sarif"].read_text())["version"] == "2.1.0"
    for file in targets.values():
        assert file.read_text("utf-8").endswith("\n")
    assert not list(project.parent.glob("*.part"))
    assert not list(project.parent.glob(".*part"))


def test_only_files_means_nothing_on_stdout(project, capsys) -> None:
    run(["assess", "--no-write", "-f", "json=report.json"])
    assert capsys.readouterr().out == ""
    assert json.loads((project / "report.json").read_text())


def test_device_is_written_to_not_replaced(project, capsys) -> None:
    assert run(["assess", "--no-write", "-f", "json=/dev/null"]) == 1
    assert Path("/dev/null").is_char_device()


def test_no_colour_and_no_escape_when_nobody_watches(project, capsys) -> None:
    for arguments in (["assess", "-v"], ["rules"], ["explain", "SD-1"], ["explain"], ["diff"], ["schema"]):
        run(arguments)
        out, err = capsys.readouterr()
        assert out
        assert "\x1b" not in out + err
        assert "reading files" not in err


def test_verbose_says_more(project, capsys) -> None:
    run(["assess", "--no-write"])
    short = capsys.readouterr().out
    run(["assess", "--no-write", "--verbose"])
    assert len(capsys.readouterr().out) > 2 * len(short)
    assert len(short.splitlines()) <= 30


def test_no_write_leaves_the_folder_alone(project, capsys, picture, own_environment) -> None:
    before = picture(project)
    run(["assess", "--no-write"])
    assert picture(project) == before
    assert list(own_environment.iterdir()) == []


def test_environment_is_heard(project, capsys, monkeypatch) -> None:
    monkeypatch.setenv("KEELMARK_WRITE", "no")
    monkeypatch.setenv("KEELMARK_PROFILE", "strict")
    run(["assess", "-f", "json"])
    document = json.loads(capsys.readouterr().out)
    assert document["profile"] == "strict"
    origins = {entry["name"]: entry["origin"] for entry in document["settings"]}
    assert origins["profile"] == "KEELMARK_PROFILE"
    assert not (project / ".keelmark").exists()


def test_as_of_shows_in_the_report(project, capsys) -> None:
    run(["assess", "-f", "json", "--no-write", "--as-of", "2026-01-31"])
    document = json.loads(capsys.readouterr().out)
    assert document["today"] == "2026-01-31"


# --- files, baselines, runs ----------------------------------------------------------------------


def test_single_files_have_no_verdict_on_the_project(project, capsys) -> None:
    assert run(["assess", "notes.py", "-f", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["partial"] is True
    assert document["verdict"] is None
    assert run(["assess", "app.py"]) == 1
    assert not (project / ".keelmark").exists()


def test_baseline_lets_only_new_failures_count(project, capsys) -> None:
    assert run(["assess", "--write-baseline", "../known.json"]) == 1
    assert run(["assess", "--baseline", "../known.json", "--new-only"]) != 1
    (project / "calc.py").write_text(
        "from flask import Flask, request\napp = Flask(__name__)\n\n\n@app.post('/c')\ndef c():\n"
        "    return str(eval(request.json['x']))\n"
    )
    assert run(["assess", "--baseline", "../known.json", "--new-only"]) == 1
    capsys.readouterr()


def test_diff_lists_runs_and_says_what_came_and_went(project, capsys) -> None:
    run(["assess"])
    (project / "app.py").write_text("x = 1\n")
    run(["assess"])
    capsys.readouterr()
    assert run(["diff", "-f", "json"]) == 0
    runs = json.loads(capsys.readouterr().out)
    assert len(runs) == 2
    assert run(["diff"]) == 0
    listed = capsys.readouterr().out
    assert all(entry["id"] in listed for entry in runs)
    newest, oldest = runs[0]["id"], runs[1]["id"]
    assert run(["diff", newest, oldest, "-f", "json"]) == 1
    assert "command-from-untrusted-text" in {
        entry["rule"] for entry in json.loads(capsys.readouterr().out)["new"]
    }
    assert run(["diff", oldest, newest]) in {0, 1}
    out = capsys.readouterr().out
    assert "gone: " in out
    assert "command-from-untrusted-text  app.py:9" in out


def test_runs_that_somebody_else_wrote_cannot_drive_the_terminal(project, capsys, make_assessment) -> None:
    kept = make_assessment(id="\x1b[31m[/red][link=x]", system="[/nonsense]\x1b]0;t\x07\u202e")
    bad = replace(kept.findings[0], message="\x1b[2J[/x]", rule="\x9b31m", fingerprint="1" * 32)
    with SqliteEvidence(project / EVIDENCE_FILE) as store:
        store.keep(kept)
        store.keep(make_assessment(id="\x1b[31mb", findings=(bad,)))
    for arguments in (
        ["diff"],
        ["diff", "-f", "json"],
        ["diff", kept.id],
        ["diff", kept.id, "-f", "json"],
        ["explain", "1" * 8],
        ["explain", "1" * 8, "-f", "json"],
    ):
        assert run(arguments) in {0, 1}
        out, err = capsys.readouterr()
        assert out
        assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(out + err)


def test_init_then_assess(project, capsys) -> None:
    assert run(["init", "--print"]) == 0
    printed = capsys.readouterr().out
    assert not (project / "keelmark.yaml").exists()
    assert run(["init"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "keelmark.yaml is written" in err
    assert (project / "keelmark.yaml").read_text() == printed
    assert run(["assess"]) == 1
    assert run(["init"]) == 2
    assert "never overwrites" in capsys.readouterr().err


# --- words ---------------------------------------------------------------------------------------


def test_version(capsys) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip() == keelmark.__version__


def test_help_names_every_command_and_the_exit_codes(capsys) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for command in COMMANDS:
        assert command.name in out
    assert "0 release, 1 do not release, 2 could not run, 3 not enough evidence" in " ".join(out.split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_of_each_command_shows_its_examples(command, capsys) -> None:
    assert run([command.name, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for line in command.examples.splitlines():
        assert " ".join(line.split()) in shown


def test_examples_name_options_that_exist(capsys) -> None:
    for command in COMMANDS:
        run([command.name, "--help"])
        shown = capsys.readouterr().out
        for line in command.examples.splitlines():
            words = line.partition("#")[0].split()
            assert words[:2] == ["keelmark", command.name] or words[0] == "keelmark"
            for word in words:
                if word.startswith("-"):
                    assert word in shown


def test_rules_are_listed_whole_for_other_programs(capsys) -> None:
    assert run(["rules"]) == 0
    listed = capsys.readouterr().out
    assert run(["rules", "-f", "json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert len(cards) >= 60
    for card in cards:
        (line,) = [line for line in listed.splitlines() if line.split(" ")[0] == card["id"]]
        assert card["title"] in line
        assert card["severity"] in line


def test_rules_can_be_chosen(capsys) -> None:
    run(["rules", "--item", "DEP-3", "-f", "json"])
    chosen = json.loads(capsys.readouterr().out)
    assert chosen
    assert all(any(row.startswith("DEP-3.") for row in card["recommendations"]) for card in chosen)
    run(["rules", "PICKLE", "--severity", "critical", "-f", "json"])
    assert all(card["severity"] == "critical" for card in json.loads(capsys.readouterr().out))
    assert run(["rules", "no-rule-is-called-that"]) == 0
    assert "0 rules" in capsys.readouterr().out


def test_schemas_are_printed_as_they_are(capsys) -> None:
    assert run(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == json_schema()
    assert run(["schema", "report"]) == 0
    assert json.loads(capsys.readouterr().out) == json_report.schema()


def test_explain_as_json_and_markdown(capsys) -> None:
    assert run(["explain", "SD-1", "-f", "json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["name"] == "SD-1"
    assert run(["explain", "SD-1", "-f", "markdown"]) == 0
    assert capsys.readouterr().out.startswith("# SD-1 ")


def test_help_loads_no_command() -> None:
    code = (
        "import sys; from keelmark.cli.main import run; run(['--help']);"
        "print([name for name in sys.modules if name.startswith(('keelmark.workflows', 'keelmark.formats'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_every_command_has_its_file_and_its_words() -> None:
    folder = Path(program.__file__).parent
    for command in COMMANDS:
        assert (folder / f"{command.name}.py").is_file()
        assert command.summary.endswith(".")
