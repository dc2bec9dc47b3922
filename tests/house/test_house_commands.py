"""Every command that code, documentation or an example tells people to type exists."""

from __future__ import annotations

from pathlib import Path

import re2

from keelmark.cli.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
# In code spans, after a prompt, as a step of a pipeline, and in the words of hints and fixes.
MENTION = re2.compile(r'(?m)(?:`|^\$ |^    - |help: +|: |append\(")keelmark ([a-z]+)\b')
WORDS = {"failed", "itself", "says", "is"}


def test_no_command_is_promised_that_does_not_exist() -> None:
    known = {command.name for command in COMMANDS}
    files = [ROOT / "README.md"]
    for folder, kind in (("docs", "*.md"), ("src", "*.py"), ("examples", "*.md")):
        files.extend((ROOT / folder).rglob(kind))
    wrong = {
        (str(file.relative_to(ROOT)), name)
        for file in files
        for name in (match.group(1) for match in MENTION.finditer(file.read_text("utf-8")))
        if name not in known | WORDS
    }
    assert wrong == set()
