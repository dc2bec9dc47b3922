"""PMML: models of statistics in XML. Documents that declare entities are refused, so none is ever expanded.

The standard has no programs: functions are named, and defined in the document or built in. Evaluators in Java take a
name with dots that the document does not define for a class, and build it. Extensions are free text; programs in them
have no honest use.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import ModelFile, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats.models import xml_tree
from keelmark.formats.models.facts import gap_of, metadata, reading
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.xml_tree import Bounds, local_name

if TYPE_CHECKING:
    from keelmark.core.facts import Gap, Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "PmmlReader"]

_CLASS = re2.compile(r"[A-Za-z_$][\w$]*(\.[A-Za-z_$][\w$]*){2,}")
_PROGRAM = re2.compile(
    r"(?i)\b(java\.lang\.(Runtime|ProcessBuilder)|Runtime\.getRuntime|ProcessBuilder\s*\(|os\.(system|popen)\s*\("
    r"|subprocess\.\w+\s*\(|__import__\s*\(|(^|[^\w.])(eval|exec|system)\s*\(|javascript:|powershell|cmd\.exe"
    r"|/bin/(ba)?sh\b|<script)"
)
_MAX_TEXT = 64 * 1024


class PmmlReader:
    """Reads PMML.

    Args:
        bounds: Bounds of the document.
    """

    name = "pmml"
    version = 1

    def __init__(self, bounds: Bounds | None = None) -> None:
        self._bounds = bounds or Bounds()

    def recognises(self, source: Source) -> bool:
        """By the root element."""
        return xml_tree.looks_like(source, "PMML")

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the names of models and functions, and what extensions hold."""
        walk = _Walk()
        gaps: tuple[Gap, ...] = ()
        try:
            xml_tree.walk(source, walk, walk.found, bounds=self._bounds)
        except KeelmarkError as error:
            gaps = (gap_of(source, error),)
        walk.judge()
        model = ModelFile(
            format="pmml",
            architecture=walk.kind,
            metadata=metadata(walk.said),
            can_execute=None if walk.found else False,
        )
        return reading(model, *gaps, hazards=walk.found.close())


@dataclass(slots=True)
class _Walk:
    """What is gathered while the elements pass."""

    found: HazardList = field(default_factory=HazardList)
    said: list[tuple[str, object]] = field(default_factory=list)
    kind: str = ""
    called: dict[str, None] = field(default_factory=dict)
    defined: set[str] = field(default_factory=set)
    extensions: int = 0
    kept: list[str] = field(default_factory=list)
    length: int = 0

    def start(self, name: str, attributes: dict[str, str], depth: int) -> None:
        local = local_name(name)
        if depth == 1:
            self.said.append(("version", attributes.get("version")))
        elif local == "Application":
            self.said.append(("application", attributes.get("name")))
        elif depth == 2 and local.endswith("Model"):
            self.kind = self.kind or local[:200]
        if local == "Apply":
            self.called[attributes.get("function", "")[:400]] = None
        elif local == "DefineFunction":
            self.defined.add(attributes.get("name", "")[:400])
        elif local == "Extension":
            self.extensions += 1
            self._look(" ".join(attributes.values()))
        elif local.lower() == "script":
            detail = "the document holds a script, which viewers of XML run"
            self.found.add(Technique.ACTIVE_CONTENT, detail, subject=local)
        if self.extensions and local != "Extension":
            self._look(" ".join(attributes.values()))

    def text(self, content: str) -> None:
        if self.extensions and self.length < _MAX_TEXT:
            self.kept.append(content)
            self.length += len(content)

    def end(self, name: str) -> None:
        if local_name(name) == "Extension" and self.extensions:
            self.extensions -= 1
            self._look("".join(self.kept))
            self.kept, self.length = [], 0

    def _look(self, text: str) -> None:
        seen = _PROGRAM.search(text[:_MAX_TEXT]) if text else None
        if seen is not None:
            detail = f"an extension holds a program: `{text[max(seen.start() - 20, 0) :][:150]}`"
            self.found.add(Technique.DANGEROUS_SOURCE, detail, subject=seen.group(0).strip())

    def judge(self) -> None:
        """Name functions that evaluators would take for classes."""
        for name in self.called:
            if name not in self.defined and _CLASS.fullmatch(name):
                detail = f"the function `{name}` is defined nowhere; evaluators in Java build the class of that name"
                self.found.add(Technique.UNKNOWN_CLASS, detail, subject=name, code=f"new {name}()")


READER = PmmlReader()
