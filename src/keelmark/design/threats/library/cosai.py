"""Reads the CoSAI Risk Map: its risks, controls and components, and what they are mapped to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap
from keelmark.core.risk_map import MappedComponent, MappedControl, MappedRisk, RiskMap
from keelmark.design.threats.library.records import Bounds, Faults, each, root_of, text_of, texts_of
from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FILES", "CosaiData", "parse_cosai"]

FILES = ("risks.yaml", "controls.yaml", "components.yaml")
"""The files of the map that are read."""

_ID = re2.compile(r"(risk|control|component)[A-Z][A-Za-z0-9]{1,80}")
_FRAMEWORKS = ("mitre-atlas", "owasp-top10-llm", "stride")
_ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CosaiData:
    """The map, and what in its files is not as their schema says."""

    risk_map: RiskMap
    faults: tuple[Gap, ...] = ()


def parse_cosai(files: Mapping[str, bytes], *, bounds: Bounds | None = None) -> CosaiData:
    """The map that these files make; a missing file is a fault.

    Raises:
        ParseError: A file is no YAML mapping; with the line.
        LimitExceededError: A bound was reached.
    """
    limits = bounds or Bounds()
    reader = _Reader(files, limits)
    risk_map = RiskMap(
        risks={risk.id: risk for risk in reader.risks()},
        controls={control.id: control for control in reader.controls()},
        components={component.id: component for component in reader.components()},
    )
    reader.check(risk_map)
    return CosaiData(
        risk_map=risk_map, faults=tuple(gap for name in FILES for gap in reader.faults[name].gaps())
    )


class _Reader:
    """Reads the files one after the other; each has its own faults."""

    def __init__(self, files: Mapping[str, bytes], bounds: Bounds) -> None:
        self._files = files
        self._bounds = bounds
        self._lines: dict[str, int] = {}
        self.faults = {name: Faults(name, bounds=bounds) for name in FILES}

    def risks(self) -> Iterator[MappedRisk]:
        name = "risks.yaml"
        for key, node in self._records(name, "risks", "risk"):
            mapped = self._mappings(name, key, node)
            yield MappedRisk(
                id=key,
                title=self._text(node, "title"),
                text=self._text(node, "shortDescription"),
                controls=self._texts(name, key, node, "controls"),
                techniques=tuple(value.partition("@")[0] for value in mapped["mitre-atlas"]),
                tags=(
                    *(f"owasp-llm:{value.partition(':')[0]}" for value in mapped["owasp-top10-llm"]),
                    *(f"stride:{value}" for value in mapped["stride"]),
                ),
                impacts=self._texts(name, key, node, "impactType"),
                access=self._texts(name, key, node, "actorAccess"),
            )

    def controls(self) -> Iterator[MappedControl]:
        name = "controls.yaml"
        for key, node in self._records(name, "controls", "control"):
            yield MappedControl(
                id=key,
                title=self._text(node, "title"),
                text=self._text(node, "description"),
                components=self._texts(name, key, node, "components"),
                risks=self._texts(name, key, node, "risks"),
            )

    def components(self) -> Iterator[MappedComponent]:
        name = "components.yaml"
        for key, node in self._records(name, "components", "component"):
            feeds = node.find("edges", "to")
            yield MappedComponent(
                id=key,
                title=self._text(node, "title"),
                text=self._text(node, "description"),
                feeds=texts_of(feeds, what=f"edges of `{key}`", faults=self.faults[name]),
            )

    def check(self, found: RiskMap) -> None:
        """Every id that is named must be there."""
        for risk in found.risks.values():
            self._named("risks.yaml", risk.id, risk.controls, found.controls)
        for control in found.controls.values():
            self._named("controls.yaml", control.id, control.risks, found.risks)
            self._named("controls.yaml", control.id, control.components, found.components)
        for component in found.components.values():
            self._named("components.yaml", component.id, component.feeds, found.components)

    def _named(self, name: str, owner: str, keys: tuple[str, ...], known: Mapping[str, object]) -> None:
        for key in keys:
            if key not in known and key not in {_ALL, "none"}:
                line = self._lines[owner]
                self.faults[name].add(f"`{owner}` names `{key[:80]}`, which is not there", line)

    def _records(self, name: str, part: str, kind: str) -> Iterator[tuple[str, yaml_tree.Mapping]]:
        faults = self.faults[name]
        if name not in self._files:
            faults.add("the file is missing", 0)
            return
        root = root_of(self._files[name], path=name, bounds=self._bounds)
        if root.child(part) is None:
            faults.add(f"`{part}` is missing", root.line)
        for node in each(root.child(part), what=part, faults=faults):
            key = self._text(node, "id")
            match = _ID.fullmatch(key)
            if match is None or match.group(1) != kind:
                faults.add(f"`{key[:80]}` is no id of a {kind}", node.line)
            elif key in self._lines:
                faults.add(f"`{key}` stands twice", node.line)
            elif not self._text(node, "title"):
                faults.add(f"`{key}` has no title", node.line)
            else:
                self._lines[key] = node.line
                yield key, node

    def _mappings(self, name: str, key: str, node: yaml_tree.Mapping) -> dict[str, tuple[str, ...]]:
        mappings = node.child("mappings")
        if mappings is not None and not isinstance(mappings, yaml_tree.Mapping):
            self.faults[name].add(f"mappings of `{key}` are no mapping", mappings.line)
        found = mappings if isinstance(mappings, yaml_tree.Mapping) else None
        return {
            framework: self._texts(name, key, found, framework) if found else () for framework in _FRAMEWORKS
        }

    def _text(self, node: yaml_tree.Mapping, key: str) -> str:
        return text_of(node.child(key), bounds=self._bounds)

    def _texts(self, name: str, owner: str, node: yaml_tree.Mapping, key: str) -> tuple[str, ...]:
        value = node.child(key)
        if isinstance(value, yaml_tree.Scalar) and value.text in {_ALL, "none"}:
            return (_ALL,) if value.text == _ALL else ()
        return texts_of(value, what=f"{key} of `{owner}`", faults=self.faults[name])
