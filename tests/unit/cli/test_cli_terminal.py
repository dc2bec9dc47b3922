"""What a person at a terminal sees."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from keelmark.cli import main as program
from keelmark.cli.main import run
from keelmark.cli.output import print_table
from keelmark.cli.progress import watching

pytestmark = pytest.mark.usefixtures("own_environment")


class Screen(io.StringIO):
    """A terminal that keeps what was written."""

    def isatty(self) -> bool:
        return True


def watched(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """From here on somebody watches. Not a fixture: pytest changes the streams between set-up and call."""
    made = Screen()
    monkeypatch.setattr(sys, "stdout", made)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    return made


def test_table_fits_the_terminal_and_reads_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch)
    print_table(("rule", "what"), [("a-rule", "[red]x[/red] [/nonsense] \x1b[31m"), ("b", "word " * 60)])
    shown = screen.getvalue()
    assert "[red]x[/red] [/nonsense]" in shown
    assert "\x1b[31m" not in shown
    assert all(len(line) <= 120 for line in shown.splitlines()[1:])  # The heading is bold.


def test_table_for_programs_is_one_line_each_with_aligned_columns(capsys) -> None:
    print_table(("rule", "what"), [("a-rule", "x" * 300), ("b", "two\nlines")])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert {line.index(word) for line, word in zip(lines, ("what", "xxx", "two"), strict=True)} == {8}
    assert "x" * 300 in lines[1]


def test_page_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch)
    assert run(["explain", "SD-1"]) == 0
    assert "SD-1.a" in screen.getvalue()
    assert "- `SD-1.a`" not in screen.getvalue()


def test_report_is_coloured_and_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = watched(monkeypatch)
    monkeypatch.chdir(tmp_path)
    assert run(["assess", "--no-write", "--quiet"]) in {1, 3}
    assert "\x1b[" in screen.getvalue()


def test_progress_shows_only_to_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    for quiet, terminal, want in ((False, True, True), (True, True, False), (False, False, False)):
        monkeypatch.setattr(sys, "stderr", Screen() if terminal else io.StringIO())
        with watching(quiet=quiet) as progress:
            assert (progress is not None) is want
            if progress is not None:
                progress.start(2)
                progress.advance("\x1b[31ma.py")
        assert "\x1b[31ma.py" not in sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_program_ends_with_the_code_of_its_command(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    for arguments, code in ((["--version"], 0), (["nonsense"], 2), ([], 2)):
        monkeypatch.setattr(sys, "argv", ["keelmark", *arguments])
        with pytest.raises(SystemExit) as caught:
            program.main()
        assert caught.value.code == code
    capsys.readouterr()


def test_pipe_closed_on_us_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Closed())
    assert run(["schema"]) == 2


def test_system_that_refuses_is_said_as_such(monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert run(["schema"]) == 2
    assert "the operating system refused: [Errno 28] No space left on device" in capsys.readouterr().err
