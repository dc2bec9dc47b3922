"""Gathers what a file of MITRE ATLAS says, whatever its format, and checks that its parts fit together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap
from keelmark.core.threats import Horizon, Mitigation, Technique
from keelmark.design.threats.library.records import Bounds, Faults, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.formats import yaml_tree

__all__ = ["AtlasData", "Draft"]

_PREFIX = r"(?:[A-Z]+[0-9]*\.)+"
_IDS = {
    "tactic": re2.compile(rf"{_PREFIX}TA[0-9]{{4}}"),
    "technique": re2.compile(rf"{_PREFIX}T[0-9]{{4}}(?:\.[0-9]{{3}})?"),
    "mitigation": re2.compile(rf"{_PREFIX}M[0-9]{{4}}"),
    "case-study": re2.compile(rf"{_PREFIX}CS[0-9]{{4}}"),
}
_DAY = re2.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HORIZONS = {
    "realized": Horizon.REALISED,
    "demonstrated": Horizon.DEMONSTRATED,
    "feasible": Horizon.FEASIBLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasData:
    """One edition of MITRE ATLAS.

    Attributes:
        version: Of the content, as the file says.
        format: Of the file: `5` for lists in matrices, `6.0.0` and so on for relationships.
        date: Of the newest record.
        tactics: Name by id, in the order of the matrix.
        faults: What is not as the schema says.
    """

    version: str
    format: str
    date: str
    tactics: dict[str, str]
    techniques: dict[str, Technique]
    mitigations: dict[str, Mitigation]
    incidents: int
    exercises: int
    faults: tuple[Gap, ...] = ()


@dataclass(slots=True, kw_only=True)
class Draft:
    """An edition while it is read: records by id, and edges with their lines, checked at the end."""

    faults: Faults
    bounds: Bounds
    dates: list[str] = field(default_factory=list)
    tactics: dict[str, str] = field(default_factory=dict)
    techniques: dict[str, Technique] = field(default_factory=dict)
    mitigations: dict[str, Mitigation] = field(default_factory=dict)
    studies: dict[str, str] = field(default_factory=dict)
    in_tactic: list[tuple[str, str, int]] = field(default_factory=list)
    parents: list[tuple[str, str, int]] = field(default_factory=list)
    mitigates: list[tuple[str, str, int]] = field(default_factory=list)
    employs: list[tuple[str, str, int]] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)

    def tactic(self, node: yaml_tree.Mapping) -> str:
        """Take a tactic; its id, "" when it is faulty."""
        key = self._identity(node, "tactic", self.tactics)
        if key:
            self.tactics[key] = text_of(node.child("name"), bounds=self.bounds)
        return key

    def technique(self, node: yaml_tree.Mapping, *, platforms: tuple[str, ...] = ()) -> str:
        """Take a technique without its edges; its id, "" when it is faulty."""
        key = self._identity(node, "technique", self.techniques)
        if key:
            self.techniques[key] = Technique(
                id=key,
                name=text_of(node.child("name"), bounds=self.bounds),
                text=text_of(node.child("description"), bounds=self.bounds),
                horizon=self._horizon(node, key),
                platforms=platforms,
            )
        return key

    def mitigation(self, node: yaml_tree.Mapping) -> str:
        """Take a mitigation without its edges; its id, "" when it is faulty."""
        key = self._identity(node, "mitigation", self.mitigations)
        if key:
            self.mitigations[key] = Mitigation(
                id=key,
                name=text_of(node.child("name"), bounds=self.bounds),
                text=text_of(node.child("description"), bounds=self.bounds),
            )
        return key

    def study(self, node: yaml_tree.Mapping, kind: yaml_tree.Node | None) -> str:
        """Take a case study; its id, "" when it is faulty."""
        key = self._identity(node, "case-study", self.studies)
        word = text_of(kind, bounds=self.bounds).lower()
        if key and word not in {"incident", "exercise"}:
            self.faults.add(f"case study `{key}` is neither incident nor exercise", node.line)
        if key:
            self.studies[key] = word
        return key

    def finish(self, *, version: str, form: str) -> AtlasData:
        """The edition; edges that lead nowhere are faults."""
        edges = len(self.in_tactic) + len(self.parents) + len(self.mitigates) + len(self.employs)
        if edges > self.bounds.max_edges:
            self.faults.add(f"{edges} relationships are more than {self.bounds.max_edges}", 0)
        self._join_parents()
        # Format 5 names tactics for techniques only; their parts belong to the same ones.
        self._join_tactics(do_inherit=form == "5")
        self._join_mitigations()
        self._count_studies()
        kinds = list(self.studies.values())
        return AtlasData(
            version=version,
            format=form,
            date=max(self.dates, default=""),
            tactics=self.tactics,
            techniques=self.techniques,
            mitigations=self.mitigations,
            incidents=kinds.count("incident"),
            exercises=kinds.count("exercise"),
            faults=self.faults.gaps(),
        )

    def _identity(self, node: yaml_tree.Mapping, kind: str, known: Mapping[str, object]) -> str:
        key = text_of(node.child("id"), bounds=self.bounds)
        stated = text_of(node.child("object-type"), bounds=self.bounds)
        if not _IDS[kind].fullmatch(key):
            self.faults.add(f"`{key[:80]}` is no id of a {kind}", node.line)
        elif stated and stated != kind:
            self.faults.add(
                f"`{key}` stands among records of kind {kind} and is a `{stated[:80]}`", node.line
            )
        elif key in known:
            self.faults.add(f"`{key}` stands twice", node.line)
        elif not text_of(node.child("name"), bounds=self.bounds):
            self.faults.add(f"`{key}` has no name", node.line)
        elif len(known) >= self.bounds.max_records:
            self.faults.add(f"`{key}` was left out: more than {self.bounds.max_records} records", node.line)
        else:
            self._date(node)
            return key
        return ""

    def _date(self, node: yaml_tree.Mapping) -> None:
        for name in ("modified-date", "modified_date"):
            day = text_of(node.child(name), bounds=self.bounds)
            if _DAY.fullmatch(day):
                self.dates.append(day)

    def _horizon(self, node: yaml_tree.Mapping, key: str) -> Horizon | None:
        word = text_of(node.child("maturity"), bounds=self.bounds)
        if word and word.lower() not in _HORIZONS:
            self.faults.add(f"`{key}` has a maturity that is not known: `{word[:80]}`", node.line)
        return _HORIZONS.get(word.lower())

    def _fits(
        self, edge: tuple[str, str, int], sources: Mapping[str, object], targets: Mapping[str, object]
    ) -> bool:
        source, target, line = edge
        if not source:
            return False  # the record was left out, and that was said
        for key, known in ((source, sources), (target, targets)):
            if key not in known:
                self.faults.add(
                    f"a relationship of `{source[:80]}` names `{key[:80]}`, which is not there", line
                )
                return False
        return True

    def _join_parents(self) -> None:
        for edge in self.parents[: self.bounds.max_edges]:
            key, parent, line = edge
            if not self._fits(edge, self.techniques, self.techniques):
                continue
            if not key.startswith(f"{parent}."):
                self.faults.add(f"`{key}` says it is part of `{parent}`, and its id says otherwise", line)
                continue
            self.techniques[key] = replace(self.techniques[key], parent=parent)
        for key, technique in self.techniques.items():
            if key.count(".") > 1 and not technique.parent and key.rpartition(".")[0] in self.techniques:
                self.faults.add(f"`{key}` does not say which technique it is part of", 0)

    def _join_tactics(self, *, do_inherit: bool) -> None:
        found: dict[str, dict[str, None]] = {}
        for edge in self.in_tactic[: self.bounds.max_edges]:
            if self._fits(edge, self.techniques, self.tactics):
                found.setdefault(edge[0], {})[edge[1]] = None
        for key, technique in self.techniques.items():
            tactics = found.get(key) or (found.get(technique.parent) if do_inherit else None) or {}
            if not tactics:
                self.faults.add(f"`{key}` belongs to no tactic", 0)
            self.techniques[key] = replace(technique, tactics=tuple(tactics))

    def _join_mitigations(self) -> None:
        found: dict[str, dict[str, None]] = {}
        for edge in self.mitigates[: self.bounds.max_edges]:
            if self._fits(edge, self.mitigations, self.techniques):
                found.setdefault(edge[1], {})[edge[0]] = None
        for key, mitigations in found.items():
            self.techniques[key] = replace(self.techniques[key], mitigations=tuple(sorted(mitigations)))

    def _count_studies(self) -> None:
        seen: dict[str, set[str]] = {}
        for edge in self.employs[: self.bounds.max_edges]:
            if self._fits(edge, self.studies, self.techniques):
                seen.setdefault(edge[1], set()).add(edge[0])
        for key, studies in seen.items():
            kinds = [self.studies[study] for study in studies]
            self.techniques[key] = replace(
                self.techniques[key],
                incidents=kinds.count("incident"),
                exercises=kinds.count("exercise"),
            )
