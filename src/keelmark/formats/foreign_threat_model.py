"""Threat models of other tools: Open Threat Model files, and what pytm writes with `--json`.

Sources of the forms: Open Threat Model 0.2.0 (https://github.com/iriusrisk/OpenThreatModel) and pytm 1.4. Only the system is taken over:
elements, flows and boundaries. Threats of other tools rest on properties of single elements, and are found anew by paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.declaration import Component, ComponentKind, DeclaredFlow, FlowTrust
from keelmark.core.threat_model import Boundary
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats import strict_json
from keelmark.formats.strict_json import as_mapping, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "Imported", "read"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one file."""

    max_bytes: int = 64 * 1024**2
    max_elements: int = 5_000
    max_flows: int = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A system as another tool describes it.

    Attributes:
        form: `otm` or `pytm`.
        components: Ids are unique.
        flows: Both ends are components.
        boundaries: Those that components name.
        notes: What was guessed or left out, in words.
    """

    form: str
    name: str
    components: tuple[Component, ...]
    flows: tuple[DeclaredFlow, ...]
    boundaries: tuple[Boundary, ...]
    notes: tuple[str, ...]


_PYTM_KINDS = {
    "Actor": ComponentKind.PERSON,
    "ExternalEntity": ComponentKind.SERVICE,
    "Server": ComponentKind.API,
    "Datastore": ComponentKind.DATABASE,
    "Lambda": ComponentKind.SERVICE,
    "Process": ComponentKind.SERVICE,
    "SetOfProcesses": ComponentKind.SERVICE,
    "LLM": ComponentKind.MODEL,
    "Agent": ComponentKind.AGENT,
}
# Words in the free types of Open Threat Model files, the first that fits.
_WORDS = (
    (ComponentKind.RETRIEVAL_STORE, r"vector|retriev|search|index"),
    (ComponentKind.MODEL, r"\bllm\b|model|inference"),
    (ComponentKind.AGENT, r"agent"),
    (ComponentKind.MCP_SERVER, r"\bmcp\b"),
    (ComponentKind.USER_INTERFACE, r"client|browser|front|mobile|\bui\b|web-ui"),
    (ComponentKind.DATABASE, r"database|datastore|\bdb\b|sql|storage|bucket|\bs3\b|cache|redis|dynamo"),
    (ComponentKind.PERSON, r"actor|user|person|human"),
    (ComponentKind.GATEWAY, r"gateway|proxy|firewall|balancer"),
    (ComponentKind.API, r"\bapi\b|server|service|function|lambda|container|compute"),
)
_PATTERNS = tuple((kind, re2.compile(f"(?i){pattern}")) for kind, pattern in _WORDS)
_UNTRUSTED_SOURCES = {
    ComponentKind.PERSON: FlowTrust.USER,
    ComponentKind.USER_INTERFACE: FlowTrust.USER,
    ComponentKind.MODEL: FlowTrust.MODEL_OUTPUT,
    ComponentKind.AGENT: FlowTrust.MODEL_OUTPUT,
    ComponentKind.MCP_SERVER: FlowTrust.THIRD_PARTY,
}
_NOT_IN_ID = re2.compile(r"[^A-Za-z0-9._-]+")
_KINDS = {str(kind): kind for kind in ComponentKind}
_TRUSTS = {str(trust): trust for trust in FlowTrust}
_MAX_TEXT = 300


def read(data: bytes | memoryview, *, path: str, bounds: Bounds = Bounds()) -> Imported:
    """The system that a file describes.

    Raises:
        ParseError: Neither form, or a flow without an end.
        LimitExceededError: Too long, or more elements or flows than are read.
    """
    root = as_mapping(strict_json.parse(data, max_bytes=bounds.max_bytes, path=path).value)
    if "otmVersion" in root:
        found = _Reading(path, bounds, _otm_parts(root))
        return found.imported("otm", as_text(as_mapping(root.get("project")).get("name")))
    if isinstance(root.get("elements"), list) and isinstance(root.get("flows"), list):
        found = _Reading(path, bounds, _pytm_parts(root))
        return found.imported("pytm", as_text(root.get("name")))
    raise ParseError(
        "neither an Open Threat Model file nor JSON of pytm",
        path=path,
        hint="export OTM in JSON, or run the model of pytm with --json FILE",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """An element or a flow before ids are made; `key` is how flows refer to it."""

    key: str
    name: str
    kind: ComponentKind = ComponentKind.SERVICE
    is_guess: bool = False
    boundary: str = ""
    description: str = ""
    is_outside: bool = False
    ends: tuple[str, str] | None = None
    trust: FlowTrust | None = None


class _Reading:
    """Makes ids and looks up the ends of flows."""

    def __init__(
        self, path: str, bounds: Bounds, parts: tuple[list[_Part], list[_Part], dict[str, str]]
    ) -> None:
        self._path = path
        self._elements, self._flows, self._boundaries = parts
        if len(self._elements) > bounds.max_elements or len(self._flows) > bounds.max_flows:
            raise LimitExceededError(
                f"more than {bounds.max_elements} elements or {bounds.max_flows} flows", path=path
            )
        self._notes: dict[str, None] = {}
        self._ids: dict[str, str] = {}

    def imported(self, form: str, name: str) -> Imported:
        """All of it."""
        components = tuple(self._components())
        flows = tuple(self._links())
        used = dict.fromkeys(component.boundary for component in components if component.boundary)
        boundaries = tuple(Boundary(id=each, title=self._titles.get(each, "")) for each in used)
        return Imported(
            form=form,
            name=name[:_MAX_TEXT],
            components=components,
            flows=flows,
            boundaries=boundaries,
            notes=tuple(self._notes),
        )

    @property
    def _titles(self) -> dict[str, str]:
        return {_slug(key): title[:_MAX_TEXT] for key, title in self._boundaries.items()}

    def _components(self) -> Iterator[Component]:
        taken: set[str] = set()
        for part in self._elements:
            identity = _unique(_slug(part.name or part.key), taken)
            if part.key in self._ids:
                self._notes[f"two elements are called `{part.key[:80]}`; flows lead to the first"] = None
            self._ids.setdefault(part.key, identity)
            if part.is_guess:
                self._notes[f"`{identity}` was taken for {part.kind}; correct its kind"] = None
            yield Component(
                id=identity,
                kind=part.kind,
                description=part.description[:_MAX_TEXT],
                boundary=_slug(part.boundary) if part.boundary else "",
            )

    def _links(self) -> Iterator[DeclaredFlow]:
        kinds = {part.key: part for part in self._elements}
        for part in self._flows:
            source, target = part.ends or ("", "")
            if source not in self._ids or target not in self._ids:
                missing = source if source not in self._ids else target
                message = f"flow `{part.name[:80]}` ends at `{missing[:80]}`, which is no element"
                raise ParseError(message, path=self._path)
            trust = part.trust or self._guess(kinds[source])
            yield DeclaredFlow(
                source=self._ids[source], target=self._ids[target], carries=part.name[:_MAX_TEXT], trust=trust
            )

    def _guess(self, source: _Part) -> FlowTrust:
        self._notes["how far flows can be trusted was told by where they start; look at each"] = None
        if source.is_outside and source.kind is not ComponentKind.PERSON:
            return FlowTrust.THIRD_PARTY
        return _UNTRUSTED_SOURCES.get(source.kind, FlowTrust.TRUSTED)


def _pytm_parts(root: dict[str, Any]) -> tuple[list[_Part], list[_Part], dict[str, str]]:
    elements = []
    for item in map(as_mapping, root["elements"]):
        kind = as_text(item.get("__class__"))
        name = as_text(item.get("name"))
        elements.append(
            _Part(
                key=name,
                name=name,
                kind=_PYTM_KINDS.get(kind, ComponentKind.SERVICE),
                is_guess=kind not in _PYTM_KINDS or kind in {"Process", "SetOfProcesses", "Lambda"},
                boundary=as_text(item.get("inBoundary")),
                description=as_text(item.get("description")),
                is_outside=kind == "ExternalEntity",
            )
        )
    flows = []
    for item in map(as_mapping, root["flows"]):
        ends = (as_text(item.get("source")), as_text(item.get("sink")))
        flows.append(_Part(key="", name=as_text(item.get("name")), ends=ends))
    boundaries = root.get("boundaries")
    names = (
        [as_text(as_mapping(each).get("name")) for each in boundaries] if isinstance(boundaries, list) else []
    )
    return elements, flows, {name: name for name in names}


def _otm_parts(root: dict[str, Any]) -> tuple[list[_Part], list[_Part], dict[str, str]]:
    zones = {as_text(zone.get("id")): zone for zone in _mappings(root, "trustZones")}
    elements = []
    for item in _mappings(root, "components"):
        kind, is_guess = _kind_of(as_text(item.get("type")))
        zone = as_text(as_mapping(item.get("parent")).get("trustZone"))
        rating = as_mapping(as_mapping(zones.get(zone)).get("risk")).get("trustRating")
        is_outside = isinstance(rating, int | float) and rating == 0
        elements.append(
            _Part(
                key=as_text(item.get("id")),
                name=as_text(item.get("name")) or as_text(item.get("id")),
                kind=kind,
                is_guess=is_guess,
                boundary="" if is_outside else zone,
                description=as_text(item.get("description")),
                is_outside=is_outside,
            )
        )
    flows = []
    for item in _mappings(root, "dataflows"):
        tags = item.get("tags")
        said = (
            next((_TRUSTS[tag] for tag in tags if tag in _TRUSTS), None) if isinstance(tags, list) else None
        )
        ends = (as_text(item.get("source")), as_text(item.get("destination")))
        flows.append(_Part(key="", name=as_text(item.get("name")), ends=ends, trust=said))
    return elements, flows, {key: as_text(zone.get("name")) or key for key, zone in zones.items()}


def _mappings(root: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = root.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _kind_of(word: str) -> tuple[ComponentKind, bool]:
    """The kind of element that a free word means, and whether that was guessed."""
    if word in _KINDS:
        return _KINDS[word], False
    return next((kind for kind, pattern in _PATTERNS if pattern.search(word)), ComponentKind.SERVICE), True


def _slug(text: str) -> str:
    return _NOT_IN_ID.sub("-", text).strip("-.")[:80] or "unnamed"


def _unique(identity: str, taken: set[str]) -> str:
    found, number = identity, 2
    while found in taken:
        found = f"{identity}-{number}"
        number += 1
    taken.add(found)
    return found
