"""Every command that code, documentation or an example tells people to type exists."""

from __future__ import annotations

from pathlib import Path

import re2

from keelmark.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
MENTION = re2.compile(r"(?:^|[`$ ])keelmark ([a-z]+)(?:[ `]|$)")
PROSE = {
    "assess",
    "is",
    "that",
    "can",
    "may",
    "itself",
    "asks",
    "does",
    "cannot",
    "decides",
    "reads",
    "keeps",
    "says",
}


def test_no_command_is_promised_that_does_not_exist() -> None:
    known = {command.name for command in COMMANDS}
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    files += [file for file in (ROOT / "examples").rglob("*.md") if file.is_file()]
    wrong = [
        (str(file.relative_to(ROOT)), match.group(1))
        for file in files
        for match in MENTION.finditer(file.read_text("utf-8"))
        if match.group(1) not in known | PROSE
    ]
    assert wrong == []
