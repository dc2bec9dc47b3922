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

import re2

from keelmark.core.facts import Argument, Call, Gap, GapReason, Module, Notebook, Reading
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.python.bounds import Bounds as CodeBounds
from keelmark.formats.python.reader import read_code
from keelmark.formats.python.text import parse
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
    """

    max_bytes: int = 64 * 1024**2
    max_cells: int = 10_000
    code: CodeBounds = field(default_factory=CodeBounds)


_SHELL = re2.compile(r"^(\s*)(?:[\w.\[\], ]+=\s*)?!{1,2}\s*(\S.*)$")
_MAGIC = re2.compile(
    r"^(\s*)(?:[\w.\[\], ]+=\s*)?(%[A-Za-z_]\w*.*|(?:pip3?|conda|mamba) (?:install|uninstall|list|show)\b.*)$"
)
_HELP = re2.compile(r"^\s*\??[\w.]+\?{1,2}\s*$|^\s*\?{1,2}[\w.]+\s*$")
_SHELL_CELLS = ("%%bash", "%%sh", "%%script", "%%!", "%%cmd", "%%system", "%%sx")
_PYTHON_CELLS = ("%%time", "%%timeit", "%%capture", "%%prun", "%%python", "%%debug", "%%memray")
_MAX_TEXT = 200


@dataclass(slots=True, kw_only=True)
class _Code:
    """Lines of all cells that are Python, the line of each in the file, and the shell lines among them."""

    lines: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    unparsed: list[int] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


class NotebookReader:
    """Reads `.ipynb` files."""

    name = "notebook"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """Whether the name ends in `.ipynb`."""
        return source.suffix == ".ipynb"

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read one notebook; cells that are no Python are gaps that matter."""
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

    def _read_cells(self, source: Source, root: dict[str, Any], cells: list[dict[str, Any]]) -> Reading:
        code = _Code()
        language = _language(root)
        places = _Places(bytes(source.data).decode("utf-8-sig", "replace"))
        for number, cell in enumerate(cells[: self._bounds.max_cells]):
            lines = _source_lines(cell)
            found = places.of_cell(lines)
            if cell.get("cell_type") == "code" and language == "python":
                self._add(code, number, list(zip(lines, found, strict=True)), path=source.path)
        if len(cells) > self._bounds.max_cells:
            detail = f"{len(cells)} cells; read {self._bounds.max_cells}"
            code.gaps.append(Gap(path=source.path, reason=GapReason.TOO_LARGE, detail=detail))
        if language != "python":
            detail = f"kernel language `{language[:40]}`"
            code.gaps.append(Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail))
        module = self._module(code, source.path)
        notebook = _notebook(root, cells, code)
        return Reading(format="notebook", notebook=notebook, module=module, gaps=tuple(code.gaps))

    def _add(self, code: _Code, number: int, cell: list[tuple[str, int]], *, path: str) -> None:
        lines, places = [line for line, _ in cell], [place for _, place in cell]
        kept, calls = _without_magics(lines, places, self._bounds.code)
        code.calls.extend(calls)
        if kept is None:
            code.unparsed.append(number)
            detail = f"cell {number + 1} is no Python"
            code.gaps.append(
                Gap(path=path, reason=GapReason.MALFORMED, detail=detail, line=places[0] if places else 0)
            )
            return
        code.lines.extend(kept)
        code.places.extend(places)

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


def _cells(root: dict[str, Any]) -> list[dict[str, Any]] | None:
    cells = root.get("cells")
    if cells is None:  # version 3 keeps them in worksheets
        sheets = root.get("worksheets")
        first = as_mapping(sheets[0]) if isinstance(sheets, list) and sheets else {}
        cells = first.get("cells")
    return [as_mapping(cell) for cell in cells] if isinstance(cells, list) else None


def _language(root: dict[str, Any]) -> str:
    metadata = as_mapping(root.get("metadata"))
    named = as_text(as_mapping(metadata.get("language_info")).get("name"))
    named = named or as_text(as_mapping(metadata.get("kernelspec")).get("language"))
    return "python" if not named or named.lower() in {"python", "python3", "ipython"} else named.lower()


def _source_lines(cell: dict[str, Any]) -> list[str]:
    source = cell.get("source", cell.get("input", ""))
    text = "".join(as_text(part) for part in source) if isinstance(source, list) else as_text(source)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n") if text else []


class _Places:
    """Finds the lines of the file on which source lines stand, going forward only."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = 0
        self._line = 1

    def of_cell(self, lines: Sequence[str]) -> list[int]:
        """Line of the file for each line of the next cell."""
        start = self._text.find('"source"', self._at)
        if start < 0:
            start = self._text.find('"input"', self._at)
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

    def _find(self, line: str, escape: bool) -> int:  # noqa: FBT001 - the two ways JSON writes a letter
        encoded = json.dumps(line, ensure_ascii=escape)[1:-1]
        # A source line lies near the one before it; a far match would be another cell.
        return self._text.find(f'"{encoded}', self._at, self._at + len(encoded) + 4_096)

    def _line_at(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted, position)
        self._counted = max(self._counted, position)
        return self._line


def _without_magics(
    lines: list[str], places: list[int], bounds: CodeBounds
) -> tuple[list[str] | None, list[Call]]:
    """The cell without magics (None when it still is no Python), and the magics as calls."""
    first = next((position for position, line in enumerate(lines) if line.strip()), -1)
    if first >= 0 and lines[first].lstrip().startswith("%%"):
        return _cell_magic(lines, places, first, bounds)
    if _is_python(lines, bounds):
        return lines, []
    kept: list[str] = []
    calls: list[Call] = []
    for line, place in zip(lines, places, strict=True):
        shell, magic = _SHELL.search(line), _MAGIC.search(line)
        match = shell or magic
        if match is not None:
            calls.append(_call("ipython.shell" if shell else "ipython.magic", str(match.group(2)), place))
            kept.append(f"{match.group(1)}pass")
        else:
            kept.append("" if _HELP.search(line) else line)
    return (kept if _is_python(kept, bounds) else None), calls


def _cell_magic(
    lines: list[str], places: list[int], first: int, bounds: CodeBounds
) -> tuple[list[str] | None, list[Call]]:
    head = lines[first].strip()
    if head.startswith(_PYTHON_CELLS):
        rest = [*lines]
        rest[first] = ""
        kept, calls = _without_magics(rest, places, bounds)
        return kept, [_call("ipython.magic", head, places[first]), *calls]
    if head.startswith(_SHELL_CELLS):
        commands = [(line, place) for line, place in zip(lines, places, strict=True) if line.strip()]
        calls = [_call("ipython.shell", line.strip(), place) for line, place in commands[1:] or commands]
        return [""] * len(lines), calls
    return [""] * len(lines), [_call("ipython.magic", head, places[first])]


def _is_python(lines: list[str], bounds: CodeBounds) -> bool:
    try:
        parse("\n".join(lines), bounds=bounds)
    except (LimitExceededError, ParseError):
        return False
    return True


def _call(name: str, text: str, line: int) -> Call:
    shown = " ".join(text.split())[:_MAX_TEXT]
    argument = Argument(position=0, is_literal=True, literal=shown, text=shown)
    return Call(name=name, line=line, arguments=(argument,), anchor=shown[:160])


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


def _notebook(root: dict[str, Any], cells: list[dict[str, Any]], code: _Code) -> Notebook:
    metadata = as_mapping(as_mapping(root.get("metadata")).get("kernelspec"))
    counts = [
        cell.get("execution_count", cell.get("prompt_number"))
        for cell in cells
        if cell.get("cell_type") == "code"
    ]
    numbers = [count for count in counts if isinstance(count, int)]
    rises = all(first < second for first, second in itertools.pairwise(numbers))
    return Notebook(
        cells=len(cells),
        code_cells=len(counts),
        is_executed_in_order=rises if numbers else None,
        errors=tuple(number for number, cell in enumerate(cells) if _has_error(cell)),
        unparsed=tuple(code.unparsed),
        kernel=as_text(metadata.get("name") or metadata.get("display_name"))[:100],
    )


def _has_error(cell: dict[str, Any]) -> bool:
    outputs = cell.get("outputs")
    return isinstance(outputs, list) and any(
        as_mapping(output).get("output_type") in {"error", "pyerr"} for output in outputs
    )


READER = NotebookReader()
