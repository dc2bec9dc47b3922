"""Form of the code: public names, sizes, docstrings, and what every command, format and error promises."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest

import keelmark
from keelmark import errors
from keelmark.cli.commands import COMMANDS
from keelmark.config import settings
from keelmark.engine.readers import all_readers
from keelmark.report.formats import FORMATS

ROOT = Path(keelmark.__file__).parent
MODULES = sorted(
    info.name
    for info in pkgutil.walk_packages(keelmark.__path__, "keelmark.")
    if not info.name.endswith("__main__")
)
FILES = sorted(ROOT.rglob("*.py"))
MAX_LINES = 500


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_exists_and_stands_once(name: str) -> None:
    module = importlib.import_module(name)
    public = getattr(module, "__all__", ())
    assert len(set(public)) == len(public)
    assert [entry for entry in public if not hasattr(module, entry)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_is_long_or_silent(file: Path) -> None:
    text = file.read_text("utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    assert ast.get_docstring(ast.parse(text)), "every module says what it is"


def test_no_two_modules_say_todo() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "XX" + "X")
    assert [
        path.name for path in FILES if any(f"# {mark}" in path.read_text("utf-8") for mark in marks)
    ] == []


def test_version_is_said_once() -> None:
    project = tomllib.loads((ROOT.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == keelmark.__version__


def test_every_error_is_in_the_drawn_tree_and_public() -> None:
    found = {
        name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert found == set(errors.__all__)
    drawn = (errors.__doc__ or "").split()
    assert all(name in drawn for name in found)
    assert all(issubclass(getattr(errors, name), errors.KeelmarkError) for name in found)


def test_every_setting_is_described() -> None:
    words = settings.AssessSettings.__doc__ or ""
    for name in settings.AssessSettings.__dataclass_fields__:
        assert f"{name}:" in words or name == "origins"


def test_every_reader_has_its_own_name_and_a_version() -> None:
    readers = all_readers()
    assert len({reader.name for reader in readers}) == len(readers) > 20
    assert all(reader.version >= 1 for reader in readers)


def test_every_command_and_format_says_what_it_is_for() -> None:
    assert COMMANDS[0].name == "assess"
    for command in COMMANDS:
        module = importlib.import_module(f"keelmark.cli.{command.name}")
        assert callable(getattr(module, command.name))
        assert command.examples.startswith("keelmark ")
    for name, form in FORMATS.items():
        assert form.name == name
        assert form.summary
        assert form.extension.startswith(".")


def test_nobody_reads_the_clock_the_environment_or_chance_behind_our_back() -> None:
    allowed = {
        "datetime.now(": {"core/clock.py"},
        "date.today(": set(),
        # The walk asks whether its part in C is wanted: that is settled when it is imported, before any setting is read.
        "os.environ": {
            "config/settings.py",
            "config/environment.py",
            "cli/output.py",
            "formats/models/pickle/walk.py",
        },
        "random.": set(),
    }
    for words, places in allowed.items():
        seen = {
            path.relative_to(ROOT).as_posix()
            for path in FILES
            if any(
                words in ast.unparse(node)
                for node in ast.walk(ast.parse(path.read_text("utf-8")))
                if isinstance(node, ast.Call | ast.Attribute) and _is_plain(node)
            )
        }
        assert seen <= places, words


def _is_plain(node: ast.AST) -> bool:
    # Tables of rules and readers hold such names as text; only code counts.
    return not any(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in ast.walk(node))


def _patterns_over_bytes(file: Path) -> list[int]:
    """Lines that give RE2 bytes itself, which it then takes for UTF-8."""
    calls = [
        node
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("re2.") and len(node.args) == 1
    ]
    return [
        node.lineno
        for node in calls
        if any(isinstance(part, ast.Constant) and isinstance(part.value, bytes) for part in ast.walk(node))
    ]


def test_patterns_over_bytes_are_made_in_one_place() -> None:
    assert {file.name: lines for file in FILES if (lines := _patterns_over_bytes(file))} == {}
