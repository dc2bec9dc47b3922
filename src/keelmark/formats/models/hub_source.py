"""Source of model repositories, which loaders import once they are told to trust it: `modeling_*.py` and its kin.

Such files compute. One that starts programs, evaluates text or opens connections does that on the machine of whoever
trusts the repository: handlers of endpoints, pipelines and scripts that load data as well. Other source belongs to projects, and is judged there.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Hazard, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models.python_source import source_hazards
from keelmark.formats.python.text import parse

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["READERS", "HubSourceReader", "StartupLinesReader"]

# What generation asks for in a repository, by its fixed name.
_GENERATION = "custom_generate/generate.py"
_MAX_LINES = 256 * 1024
# Classes by which services and loaders of data know source of any name.
_MARKS = (b"class EndpointHandler", b"(DiffusionPipeline", b"GeneratorBasedBuilder)", b"ArrowBasedBuilder)")
_NAME = re2.compile(
    r"(?:modeling|modelling|configuration|tokenization|processing|image_processing|video_processing|feature_extraction)_\w{1,100}\.py"
    r"|handler\.py"
)

# What starts programs, evaluates text or opens connections. Removing an old file or binding a method is ordinary there.
_HARMFUL = re2.compile(
    r"(?:os|posix|nt)\.(?:system|popen\w*|startfile|exec\w+|spawn\w+|posix_spawn\w*|fork\w*)|builtins\.(?:exec|eval)"
    r"|(?:subprocess|pty|ctypes|socket|runpy|marshal|code|urllib\.request|http\.client|ftplib|smtplib|telnetlib|_posixsubprocess|commands)\..+"
)


class HubSourceReader:
    """Reads such source."""

    name = "hub-source"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the name that loaders ask for, or by the class that they look for in it."""
        if source.suffix != ".py" or not source.is_text:
            return False
        if source.path.endswith(_GENERATION) or _NAME.fullmatch(_readable(source.name)) is not None:
            return True
        return any(mark in source.head for mark in _MARKS)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge what it calls; nothing when it only computes, and when no Python could import it."""
        harmful = _harmful(source.data)
        if source.path.endswith(_GENERATION):
            detail = "`generate` runs this file of the repository instead of its own code once remote code is trusted"
            generation = Hazard(technique=Technique.REMOTE_CODE, detail=detail, subject=_GENERATION)
            harmful = (generation, *harmful)
        return (Reading(format=self.name, hazards=harmful),) if harmful else ()


class StartupLinesReader:
    """Reads `.pth` files: Python runs their lines that import something, at every start of an interpreter beside them."""

    name = "startup-lines"
    version = 1

    def recognises(self, source: Source) -> bool:
        """Text of that name in which a line imports."""
        return source.suffix == ".pth" and source.is_text and bool(_imports(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge the lines; nothing when they only make packages known, as those of installers do."""
        lines = b"\n".join(_imports(bytes(source.data[:_MAX_LINES])))
        texts = _literals(lines)
        harmful = _harmful(memoryview(lines))
        if texts:
            # What stands there as a text is judged itself: tools that measure write their lines so.
            harmful = (
                *(each for each in harmful if each.subject not in {"builtins.exec", "builtins.eval"}),
                *_harmful(memoryview("\n".join(texts).encode("utf-8", "replace"))),
            )
        return (Reading(format=self.name, hazards=harmful),) if harmful else ()


def _imports(text: bytes) -> list[bytes]:
    return [
        line for line in text.replace(b"\r", b"\n").split(b"\n") if line.startswith((b"import ", b"import\t"))
    ]


def _literals(lines: bytes) -> list[str]:
    """The programs that lines run and that stand in them as texts; none when one of them is anything else."""
    try:
        tree = parse(lines.decode("utf-8", "replace"))
    except (KeelmarkError, RecursionError):
        return []
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"exec", "eval"}
    ]
    texts = [
        node.args[0].value
        for node in calls
        if node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)
    ]
    return texts if len(texts) == len(calls) else []


def _harmful(content: memoryview) -> tuple[Hazard, ...]:
    try:
        hazards = source_hazards(content, member="")
    except KeelmarkError:
        return ()
    return tuple(
        each
        for each in hazards
        if each.technique is Technique.DANGEROUS_SOURCE and _HARMFUL.fullmatch(_readable(each.subject))
    )


def _readable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()


READERS = (HubSourceReader(), StartupLinesReader())
