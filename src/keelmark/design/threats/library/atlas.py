"""Reads MITRE ATLAS data in format 5 (lists inside of matrices) and format 6 (records by id and relationships).

Format 6.0.0 came with the content edition of May 2026. Its description by the authors of the data: every kind of record is a
mapping by id; `relationships` maps the id of a source to `sequences` (matrix to tactic), `achieves` (technique to tactic),
`specializes` (sub-technique to technique), `mitigates` (mitigation to technique) and `employs` (case study to technique).

What is not as the schema says is reported as a fault with its line and left out. A technique id that stands where a stage of
the lifecycle belongs is such a fault; what it was meant for is not guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.design.threats.library.atlas_draft import AtlasData, Draft
from keelmark.design.threats.library.records import Bounds, Faults, each, root_of, text_of, texts_of
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["parse_atlas"]

_PLATFORMS = frozenset({"Predictive AI", "Generative AI", "Agentic AI", "Enterprise"})
_SEMVER = re2.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4}){1,2}")
_CONTENT = re2.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,40}")
_READABLE = "editions in format 5 and format 6 can be read: ATLAS.yaml, or ATLAS-<year>.<month>.yaml"


def parse_atlas(data: bytes, *, path: str = "ATLAS.yaml", bounds: Bounds | None = None) -> AtlasData:
    """An edition of MITRE ATLAS.

    Raises:
        ParseError: No such data; with the line.
        LimitExceededError: A bound was reached.
    """
    limits = bounds or Bounds()
    root = root_of(data, path=path, bounds=limits)
    draft = Draft(faults=Faults(path, bounds=limits), bounds=limits)
    for key, line in root.duplicates:
        draft.faults.add(f"key `{key}` stands twice", line)
    if "format-version" in root.entries:
        found = _relations(root, draft, path)
    elif "matrices" in root.entries:
        found = _matrices(root, draft, path)
    else:
        raise ParseError("this is no MITRE ATLAS data", hint=_READABLE, path=path, line=root.line)
    if not found.techniques:
        raise ParseError("there is no technique in it", hint=_READABLE, path=path, line=root.line)
    return found


def _matrices(root: yaml_tree.Mapping, draft: Draft, path: str) -> AtlasData:
    """Format 5: lists of records inside of matrices."""
    version = text_of(root.child("version"), bounds=draft.bounds)
    if not _CONTENT.fullmatch(version):
        raise ParseError("`version` is missing", hint=_READABLE, path=path, line=root.line)
    faults = draft.faults
    for matrix in each(root.child("matrices"), what="matrices", faults=faults):
        for node in each(matrix.child("tactics"), what="tactics", faults=faults):
            draft.tactic(node)
        for node in each(matrix.child("techniques"), what="techniques", faults=faults):
            _listed_technique(node, draft)
        for node in each(matrix.child("mitigations"), what="mitigations", faults=faults):
            _listed_mitigation(node, draft)
    for node in each(root.child("case-studies"), what="case studies", faults=faults):
        study = draft.study(node, node.child("case-study-type"))
        for step in each(node.child("procedure"), what=f"procedure of `{study}`", faults=faults):
            technique = text_of(step.child("technique"), bounds=draft.bounds)
            draft.employs.append((study, technique, step.line))
    return draft.finish(version=version, form="5")


def _listed_technique(node: yaml_tree.Mapping, draft: Draft) -> None:
    key = draft.technique(node)
    for tactic in texts_of(node.child("tactics"), what=f"tactics of `{key}`", faults=draft.faults):
        draft.in_tactic.append((key, tactic, node.line))
    # The last file of the format names the parent with the word of the next one.
    parent = node.child("subtechnique-of") or node.child("specializes")
    if parent is not None:
        draft.parents.append((key, text_of(parent, bounds=draft.bounds), parent.line))


def _listed_mitigation(node: yaml_tree.Mapping, draft: Draft) -> None:
    key = draft.mitigation(node)
    for entry in each(node.child("techniques"), what=f"techniques of `{key}`", faults=draft.faults):
        draft.mitigates.append((key, text_of(entry.child("id"), bounds=draft.bounds), entry.line))
    stages = node.child("ml-lifecycle")
    for stage in stages.items if isinstance(stages, yaml_tree.Sequence) else ():
        if isinstance(stage, yaml_tree.Scalar):
            continue
        misplaced = text_of(stage.child("id"), bounds=draft.bounds)
        draft.faults.add(
            f"`{key}` holds `{misplaced[:80]}` where a stage of the lifecycle belongs", stage.line
        )


def _relations(root: yaml_tree.Mapping, draft: Draft, path: str) -> AtlasData:
    """Format 6: records by id, and relationships."""
    form = text_of(root.child("format-version"), bounds=draft.bounds)
    if not _SEMVER.fullmatch(form) or not form.startswith("6."):
        raise ParseError(
            f"format `{form[:40]}` of MITRE ATLAS is not known", hint=_READABLE, path=path, line=root.line
        )
    version = text_of(root.find("collection", "version"), bounds=draft.bounds)
    if not _CONTENT.fullmatch(version):
        raise ParseError("the collection has no version", hint=_READABLE, path=path, line=root.line)
    for node in _keyed(root, "tactics", draft):
        draft.tactic(node)
    for node in _keyed(root, "techniques", draft):
        draft.technique(node, platforms=_platforms(node, draft))
    for node in _keyed(root, "mitigations", draft):
        draft.mitigation(node)
    for node in _keyed(root, "case-studies", draft):
        draft.study(node, node.child("type"))
    _take_edges(root.child("relationships"), draft, path)
    return draft.finish(version=version, form=form)


def _keyed(root: yaml_tree.Mapping, name: str, draft: Draft) -> Iterator[yaml_tree.Mapping]:
    node = root.child(name)
    if not isinstance(node, yaml_tree.Mapping):
        draft.faults.add(f"`{name}` is no mapping of records by id", node.line if node else root.line)
        return
    for key, line in node.duplicates:
        draft.faults.add(f"`{key[:80]}` stands twice", line)
    for index, (key, record) in enumerate(node.entries.items()):
        if index >= draft.bounds.max_records:
            draft.faults.add(f"`{name}`: only the first {index} were read", record.line)
            return
        if not isinstance(record, yaml_tree.Mapping):
            draft.faults.add(f"`{key[:80]}` is no record", record.line)
        elif text_of(record.child("id"), bounds=draft.bounds) != key:
            draft.faults.add(f"the record at `{key[:80]}` says that it is another one", record.line)
        else:
            yield record


def _platforms(node: yaml_tree.Mapping, draft: Draft) -> tuple[str, ...]:
    key = text_of(node.child("id"), bounds=draft.bounds)
    found = texts_of(node.child("platforms"), what=f"platforms of `{key[:80]}`", faults=draft.faults)
    for platform in found:
        if platform not in _PLATFORMS:
            draft.faults.add(f"`{key[:80]}` has a platform that is not known: `{platform[:80]}`", node.line)
    return tuple(platform for platform in found if platform in _PLATFORMS)


def _take_edges(node: yaml_tree.Node | None, draft: Draft, path: str) -> None:
    if not isinstance(node, yaml_tree.Mapping):
        raise ParseError("`relationships` is no mapping", path=path, line=node.line if node else 1)
    for source, kinds in node.entries.items():
        if not isinstance(kinds, yaml_tree.Mapping):
            draft.faults.add(f"relationships of `{source[:80]}` are no mapping", kinds.line)
            continue
        for kind, edges in kinds.entries.items():
            for edge in each(
                edges,
                what=f"`{kind[:80]}` of `{source[:80]}`",
                faults=draft.faults,
            ):
                _take_edge(edge, source, kind, draft)
    order = sorted(draft.tactics, key=lambda key: draft.places.get(key, len(draft.tactics) + 1))
    draft.tactics = {key: draft.tactics[key] for key in order}


def _take_edge(edge: yaml_tree.Mapping, source: str, kind: str, draft: Draft) -> None:
    stated = text_of(edge.child("source"), bounds=draft.bounds)
    word = text_of(edge.child("relationship-type"), bounds=draft.bounds)
    target = text_of(edge.child("target"), bounds=draft.bounds)
    if stated != source or word != kind or not target:
        draft.faults.add(f"a relationship below `{source[:80]}` says that it is another one", edge.line)
        return
    entry = (source, target, edge.line)
    match kind:
        case "achieves":
            draft.in_tactic.append(entry)
        case "specializes":
            draft.parents.append(entry)
        case "mitigates":
            draft.mitigates.append(entry)
        case "employs":
            draft.employs.append(entry)
        case "sequences":
            position = edge.child("position")
            stated_place = position.value if isinstance(position, yaml_tree.Scalar) else None
            place = stated_place if isinstance(stated_place, int) else len(draft.places) + 1
            draft.places.setdefault(target, place)
        case _:
            draft.faults.add(f"a relationship of a kind that is not known: `{kind[:80]}`", edge.line)
