"""What a notebook does to whoever runs its cells or opens it: cells that attack, and outputs that run script when shown.

Cells are judged in their order, so that what one fetches and another runs is seen. Outputs, texts and widgets are judged
as the markup that viewers show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, GapReason, Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.attack_python import PythonAttacks
from keelmark.formats.attack_script import attack_in_page, attack_in_script
from keelmark.formats.attack_shell import attack_in_shell
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.python.bounds import Bounds
from keelmark.formats.python.text import parse
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Hazard

__all__ = ["NotebookWatch", "may_run"]

_SHELL_HEADS = ("%%bash", "%%sh", "%%script", "%%!", "%%cmd", "%%system", "%%sx", "%%shell")
_PAGE_HEADS = ("%%html", "%%svg", "%%HTML", "%%SVG", "%%markdown")
_SCRIPT_HEADS = ("%%javascript", "%%js")
_COMMAND = re2.compile(r"^\s*(?:[\w.\[\], ]+=\s*)?(?:!{1,2}|%(?:system|sx|sc)\s)\s*(\S.*)$")
# What attacks have to name in a text that could not be parsed, or that is in another language.
_RUNNING = re2.compile(
    r"(?m)(?:^|[^.\w])(?:exec|eval)\b|\b(?:execfile|system|popen|Popen|subprocess|pty|spawn|__import__|marshal|VirtualAlloc|check_output|FunctionType"
    r"|shell\.exec|socketConnection|ccall|urlretrieve)\b|\bsource\s*\(\s*[\"']https?:|\brun\s*\(\s*`|\|\s*(?:ba)?sh\b|/dev/tcp/|\.ssh/"
)
_FENCED = re2.compile(r"(?s)```.*?(?:```|\z)|~~~.*?(?:~~~|\z)|`[^`\n]*`")
_PAGE_KINDS = ("text/html", "image/svg+xml", "text/markdown", "html", "svg")
_SCRIPT_KINDS = ("application/javascript", "text/javascript", "application/x-javascript", "javascript")
_WIDGETS = "application/vnd.jupyter.widget-state+json"
_MAX_DETAIL = 200


def may_run(text: str) -> bool:
    """Whether a text that nobody could parse names what programs and attacks are started with."""
    return _RUNNING.search(text) is not None


@dataclass(slots=True, kw_only=True)
class NotebookWatch:
    """Watches one notebook while its cells are read.

    Args:
        path: Of the notebook.
        bounds: Of the code of its cells.
    """

    path: str
    bounds: Bounds
    gaps: list[Gap] = field(default_factory=list)
    _found: HazardList = field(default_factory=HazardList)
    _python: PythonAttacks = field(default_factory=PythonAttacks)
    _reported: int = 0

    def code(self, number: int, lines: Sequence[str], kept: Sequence[str] | None) -> None:
        """Judge a Python cell.

        Args:
            number: Of the cell, from 0.
            lines: As they stand.
            kept: The Python in it, None when there is none.
        """
        head = next(
            (line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")), ""
        )
        text = "\n".join(lines)
        if head.startswith(_SHELL_HEADS):
            self.shell(number, text)
        elif head.startswith(_SCRIPT_HEADS):
            self._shown(number, "cell", "script", text.partition(head)[2])
        elif head.startswith(_PAGE_HEADS):
            self._shown(number, "cell", "page", text)
        for command in _commands(lines):
            self.shell(number, command)
        if kept is not None:
            self._program(number, "\n".join(kept))

    def shell(self, number: int, text: str) -> None:
        """Judge a command line or a script of a shell."""
        reason = attack_in_shell(text)
        if reason:
            self._add(
                Technique.DANGEROUS_SOURCE, number, reason, subject="shell", code=" ".join(text.split())
            )

    def text(self, number: int, text: str) -> None:
        """Judge a text cell: markup in it is shown, what it quotes as code is not."""
        if "<" in text or "script:" in text:
            self._shown(number, "text of cell", "page", _FENCED.sub(" ", text))

    def outputs(self, number: int, outputs: object) -> None:
        """Judge what is kept of the outputs of a cell."""
        for output in map(as_mapping, outputs if isinstance(outputs, list) else ()):
            data = {**output, **as_mapping(output.get("data"))}
            for kinds, kind in ((_PAGE_KINDS, "page"), (_SCRIPT_KINDS, "script")):
                for name in kinds:
                    if name in data:
                        self._shown(number, "output of cell", kind, _joined(data[name]))

    def widgets(self, metadata: dict[str, Any]) -> None:
        """Judge the markup in the kept state of widgets."""
        states = as_mapping(as_mapping(as_mapping(metadata.get("widgets")).get(_WIDGETS)).get("state"))
        for model in map(as_mapping, states.values()):
            state = as_mapping(model.get("state"))
            for name in ("value", "description", "description_tooltip", "placeholder"):
                if "<" in (text := as_text(state.get(name))):
                    self._shown(-1, "widget", "page", text)

    def close(self) -> tuple[Hazard, ...]:
        """What was found."""
        return self._found.close()

    def _program(self, number: int, text: str) -> None:
        if not PythonAttacks.may_attack(text) and "HTML" not in text and "avascript" not in text:
            return
        try:
            tree = parse(text, bounds=self.bounds)
            self._python.follow(tree)
        except (LimitExceededError, ParseError, RecursionError) as error:
            # What is too long or no Python has its own gap already; only what is too deep to be followed has none.
            if isinstance(error, RecursionError):
                self._miss(number, "is nested too deeply to be followed")
            return
        for attack in self._python.found[self._reported :]:
            self._add(
                Technique.DANGEROUS_SOURCE, number, attack.what, subject=attack.subject, code=attack.code
            )
        self._reported = len(self._python.found)
        for kind, shown, _ in self._python.shown:
            self._shown(number, "cell", kind, shown)
        self._python.shown.clear()

    def _shown(self, number: int, place: str, kind: str, text: str) -> None:
        try:
            if kind == "script":
                reason, piece = attack_in_script(text), text
                if not reason and "<" in text:
                    reason, piece = attack_in_page(text)
            else:
                reason, piece = attack_in_page(text)
        except LimitExceededError as error:
            self._miss(number, error.message)
            return
        if reason:
            where = f"the {place} {number + 1}" if number >= 0 else f"a {place}"
            self._found.add(
                Technique.ACTIVE_CONTENT,
                f"{where} {reason} when it is shown",
                subject=reason,
                code=" ".join(piece[:2_000].split())[:_MAX_DETAIL],
            )

    def _miss(self, number: int, detail: str) -> None:
        self.gaps.append(
            Gap(
                path=self.path,
                reason=GapReason.TOO_LARGE,
                detail=f"cell {number + 1}: {detail}"[:_MAX_DETAIL],
            )
        )

    def _add(self, technique: Technique, number: int, what: str, *, subject: str, code: str) -> None:
        self._found.add(technique, f"cell {number + 1} {what}", subject=subject, code=code[:_MAX_DETAIL])


def _commands(lines: Sequence[str]) -> Iterator[str]:
    """The command lines of a cell, each with the lines that continue it."""
    waiting = ""
    for line in lines:
        if waiting:
            waiting = f"{waiting}\n{line}"
        elif match := _COMMAND.search(line):
            waiting = str(match.group(1))
        else:
            continue
        if not line.rstrip().endswith("\\"):
            yield waiting
            waiting = ""
    if waiting:
        yield waiting


def _joined(value: object) -> str:
    return "".join(map(as_text, value)) if isinstance(value, list) else as_text(value)
