"""Jupyter notebooks: the code of their cells as one module, and what the kept outputs say of how they were run.

Line numbers are those of the `.ipynb` file: where the source line stands as a JSON string. In a file that keeps a cell
on one line, that is the line of the cell. Shell lines (`!pip install x`) and magics (`%cd`) are blanked before parsing
and kept as calls of `ipython.shell` and `ipython.magic`.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from keelmark.core.facts import Call, Gap, GapReason, Module, Notebook, Reading
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.notebook_hazards import NotebookWatch, may_run
from keelmark.formats.notebook_magics import is_python, of_python_two, without_magics
from keelmark.formats.python.bounds import Bounds as CodeBounds
from keelmark.formats.python.reader import read_code
from keelmark.formats.python.tokens import tokens_of
from keelmark.formats.strict_json import as_mapping, as_text
from keelmark.formats.strict_json import parse as parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.formats.source import Source

__all__ = ["READER", "Bounds", "NotebookReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one notebook.

    Attributes:
        max_bytes: Longest file; outputs with pictures make notebooks long.
        max_cells: Cells that are read.
        max_gaps: Cells that are no Python named one by one; the rest is counted in a last gap.
        code: Bounds of the code of all cells together.
    """

    max_bytes: int = 32 * 1024**2
    max_cells: int = 10_000
    max_gaps: int = 20
    code: CodeBounds = field(default_factory=CodeBounds)


# Of a text cell so much is looked for in the file, to come behind it.
_MAX_PASSED = 10_000
_SHELLS = frozenset({"bash", "sh", "zsh", "shell", "shellscript"})


@dataclass(slots=True, kw_only=True)
class _Code:
    """Lines of all cells that are Python, the line of each in the file, and the shell lines among them."""

    lines: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unparsed: list[int] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    tokens: int = 0
    characters: int = 0


class NotebookReader:
    """Reads `.ipynb` files."""

    name = "notebook"
    version = 2

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """Whether the name ends in `.ipynb`."""
        return source.suffix == ".ipynb"

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read one notebook; cells that are no Python are gaps, which matter when they name what programs are started with."""
        try:
            document = parse_json(source.data, max_bytes=self._bounds.max_bytes, path=source.path)
        except LimitExceededError as error:
            return (_gap_reading(source, GapReason.TOO_LARGE, error.message),)
        except ParseError as error:
            return (_gap_reading(source, GapReason.MALFORMED, error.message),)
        root = as_mapping(document.value)
        cells = _cells(root)
        if cells is None:
            return (_gap_reading(source, GapReason.MALFORMED, "no notebook: there are no cells"),)
        return (self._read_cells(source, root, cells),)

    def _read_cells(self, source: Source, root: dict[str, Any], cells: list[Any]) -> Reading:
        code = _Code()
        language = _language(root)
        places = _Places(str(source.data, "utf-8-sig", "replace"))
        watch = NotebookWatch(path=source.path, bounds=self._bounds.code)
        is_long = False
        for number, cell in enumerate(map(as_mapping, cells[: self._bounds.max_cells])):
            text = _source_text(cell)
            watch.outputs(number, cell.get("outputs"))
            if cell.get("cell_type") != "code" or language != "python":
                places.of_cell(_lines(text[:_MAX_PASSED]))
                _watch_other(watch, number, cell, language)
                continue
            if is_long or not self._fits(code, text):
                if not is_long:
                    detail = f"the code of cell {number + 1} and of those behind it is too long"
                    code.gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail))
                is_long = True
                continue
            lines = _lines(text)
            kept = self._add(code, number, lines, places.of_cell(lines), path=source.path)
            watch.code(number, lines, kept)
        if len(cells) > self._bounds.max_cells:
            detail = f"{len(cells)} cells; read {self._bounds.max_cells}"
            code.gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail))
        watch.widgets(as_mapping(root.get("metadata")))
        if language != "python":
            code.gaps.append(_gap_of_language(source.path, cells, language))
        module = self._module(code, source.path)
        notebook = _notebook(root, cells, code)
        gaps = (*code.gaps, *watch.gaps)
        return Reading(format="notebook", notebook=notebook, module=module, hazards=watch.close(), gaps=gaps)

    def _fits(self, code: _Code, text: str) -> bool:
        # Each cell is parsed twice and all of them once more, so that their size is bounded together and before that.
        most = self._bounds.code.max_tokens
        code.characters += len(text)
        if code.characters <= self._bounds.code.max_characters:
            code.tokens += max(tokens_of(text, most=most), text.count("\n")) + 1
            return code.tokens <= most
        return False

    def _add(
        self, code: _Code, number: int, lines: list[str], places: list[int], *, path: str
    ) -> list[str] | None:
        """Add one cell to the code; its Python for the interpreter of its day, None when it is none."""
        kept, calls = without_magics(lines, places, self._bounds.code)
        code.calls.extend(calls)
        if kept is None:
            code.unparsed.append(number)
            older = of_python_two(lines)
            kept = older if is_python(older, self._bounds.code) else None
            self._miss(code, number, "\n".join(lines), places, path=path, is_read=kept is not None)
            return kept
        code.lines.extend(kept)
        code.places.extend(places)
        return kept

    def _miss(
        self, code: _Code, number: int, text: str, places: list[int], *, path: str, is_read: bool
    ) -> None:
        # Nothing of a cell runs that its kernel cannot parse; one for another kernel could, and is judged by its words.
        matters = not is_read and may_run(text)
        if len(code.unparsed) > self._bounds.max_gaps and not matters:
            return
        if len(code.unparsed) > self._bounds.max_gaps and any(gap.matters for gap in code.gaps):
            return
        is_last = len(code.unparsed) >= self._bounds.max_gaps
        detail = f"cell {number + 1}{' and cells behind it are' if is_last else ' is'} no Python"
        line = places[0] if places else 0
        code.gaps.append(
            Gap(
                path=path,
                reason=GapReason.MALFORMED,
                detail=detail,
                line=line,
                matters=matters,
                may_hide=True,
            )
        )

    def _module(self, code: _Code, path: str) -> Module:
        calls = tuple(code.calls[: self._bounds.code.max_calls])
        try:
            module, gaps = read_code("\n".join(code.lines), code.lines, path=path, bounds=self._bounds.code)
        except (LimitExceededError, ParseError) as error:
            reason = GapReason.TOO_LARGE if isinstance(error, LimitExceededError) else GapReason.MALFORMED
            code.gaps.append(Gap(path=path, reason=reason, detail=error.message[:400]))
            return Module(language="python", lines=len(code.lines), calls=calls)
        code.gaps.extend(gaps)
        moved = _moved(module, code.places)
        ordered = sorted((*moved.calls, *calls), key=lambda call: (call.line, call.column))
        return replace(moved, calls=tuple(ordered), lines=len(code.lines))


def _gap_reading(source: Source, reason: GapReason, detail: str) -> Reading:
    return Reading(format="notebook", gaps=(Gap(path=source.path, reason=reason, detail=detail[:400]),))


def _gap_of_language(path: str, cells: list[Any], language: str) -> Gap:
    """Code in another language is counted; it matters when it names what programs are started with."""
    code = (_source_text(cell) for cell in map(as_mapping, cells) if cell.get("cell_type") == "code")
    return Gap(
        path=path,
        reason=GapReason.UNSUPPORTED,
        detail=f"kernel language `{language[:40]}`",
        matters=language not in _SHELLS and any(map(may_run, code)),
        may_hide=True,
    )


def _watch_other(watch: NotebookWatch, number: int, cell: dict[str, Any], language: str) -> None:
    text = _source_text(cell)
    if cell.get("cell_type") == "markdown":
        watch.text(number, text)
    elif cell.get("cell_type") == "code" and language in _SHELLS:
        watch.shell(number, text)


def _cells(root: dict[str, Any]) -> list[Any] | None:
    cells = root.get("cells")
    if cells is None:  # version 3 keeps them in worksheets
        sheets = root.get("worksheets")
        first = as_mapping(sheets[0]) if isinstance(sheets, list) and sheets else {}
        cells = first.get("cells")
    return cells if isinstance(cells, list) else None


def _language(root: dict[str, Any]) -> str:
    metadata = as_mapping(root.get("metadata"))
    named = as_text(as_mapping(metadata.get("language_info")).get("name"))
    named = named or as_text(as_mapping(metadata.get("kernelspec")).get("language"))
    return "python" if not named or named.lower() in {"python", "python3", "ipython"} else named.lower()


def _source_text(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    return "".join(as_text(part) for part in source) if isinstance(source, list) else as_text(source)


def _lines(text: str) -> list[str]:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


class _Places:
    """Finds the lines of the file on which source lines stand, going forward only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self._line = 1
        self._missing: set[str] = set()

    def of_cell(self, lines: Sequence[str]) -> list[int]:
        """Line of the file for each line of the next cell."""
        start = self._next('"source"')
        if start < 0:
            start = self._next('"input"')
        if start >= 0:
            self._at = start + 1
        places = []
        for line in lines:
            found = min(
                (at for at in (self._find(line, escape) for escape in (False, True)) if at >= 0), default=-1
            )
            if found >= 0:
                self._at = found + 1
            places.append(self._line_at(self._at))
        return places

    def _next(self, key: str) -> int:
        # What is not found once is not found behind it either; a notebook may have many cells without a source.
        start = -1 if key in self._missing else self._text.find(key, self._at)
        if start < 0:
            self._missing.add(key)
        return start

    def _find(self, line: str, escape: bool) -> int:  # noqa: FBT001 - the two ways JSON writes a letter
        encoded = json.dumps(line, ensure_ascii=escape)[1:-1]
        # A source line lies near the one before it; a far match would be another cell.
        return self._text.find(f'"{encoded}', self._at, self._at + len(encoded) + 4_096)

    def _line_at(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted, position)
        self._counted = max(self._counted, position)
        return self._line


def _moved(module: Module, places: list[int]) -> Module:
    def at(line: int) -> int:
        return places[line - 1] if 0 < line <= len(places) else line

    return replace(
        module,
        imports=_shifted(module.imports, at),
        calls=_shifted(module.calls, at),
        routes=_shifted(module.routes, at),
        tools=_shifted(module.tools, at),
        prompts=_shifted(module.prompts, at),
        flows=tuple(
            replace(flow, line=at(flow.line), origin_line=at(flow.origin_line)) for flow in module.flows
        ),
        models=_shifted(module.models, at),
        endpoints=_shifted(module.endpoints, at),
        markers=tuple(at(line) for line in module.markers),
    )


def _shifted(facts: tuple[Any, ...], at: Callable[[int], int]) -> tuple[Any, ...]:
    return tuple(replace(fact, line=at(fact.line)) for fact in facts)


def _notebook(root: dict[str, Any], cells: list[Any], code: _Code) -> Notebook:
    metadata = as_mapping(as_mapping(root.get("metadata")).get("kernelspec"))
    counts = [
        cell.get("execution_count", cell.get("prompt_number"))
        for cell in map(as_mapping, cells)
        if cell.get("cell_type") == "code"
    ]
    numbers = [count for count in counts if isinstance(count, int)]
    rises = all(first < second for first, second in itertools.pairwise(numbers))
    return Notebook(
        cells=len(cells),
        code_cells=len(counts),
        is_executed_in_order=rises if numbers else None,
        errors=tuple(number for number, cell in enumerate(cells) if _has_error(as_mapping(cell))),
        unparsed=tuple(code.unparsed),
        kernel=as_text(metadata.get("name") or metadata.get("display_name"))[:100],
    )


def _has_error(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs")
    return isinstance(outputs, list) and any(
        as_mapping(output).get("output_type") in {"error", "pyerr"} for output in outputs
    )


READER = NotebookReader()
