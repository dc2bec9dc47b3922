"""The whole library: our threats, joined with MITRE ATLAS, the CoSAI Risk Map and the recommendations of the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason
from keelmark.core.threats import Horizon, Library
from keelmark.design.threats.library import own as own_library
from keelmark.design.threats.library.atlas import parse_atlas
from keelmark.design.threats.library.shipped import COSAI_EDITION, read_shipped
from keelmark.guidelines import load as load_catalogue

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from keelmark.core.catalogue import Catalogue
    from keelmark.core.risk_map import RiskMap
    from keelmark.core.threats import Mitigation, Technique, Threat
    from keelmark.design.threats.library.atlas_draft import AtlasData
    from keelmark.design.threats.library.own import OwnLibrary

__all__ = ["join", "load"]

_NEAREST_FIRST = (Horizon.REALISED, Horizon.DEMONSTRATED, Horizon.FEASIBLE)
_ATLAS = "this edition of MITRE ATLAS"


def load(atlas: bytes | None = None, *, path: str = "ATLAS.yaml") -> Library:
    """The library, with a given edition of MITRE ATLAS in place of the one that ships.

    Raises:
        ParseError: The given bytes are no MITRE ATLAS data; with the line.
        LimitExceededError: They exceed a bound.
    """
    shipped = read_shipped()
    edition = shipped.atlas if atlas is None else parse_atlas(atlas, path=path)
    return join(
        own=own_library.read_own(),
        atlas=edition,
        risk_map=shipped.cosai.risk_map,
        catalogue=load_catalogue(),
        faults=shipped.cosai.faults,
    )


def join(
    *,
    own: OwnLibrary,
    atlas: AtlasData,
    risk_map: RiskMap,
    catalogue: Catalogue,
    faults: tuple[Gap, ...] = (),
) -> Library:
    """One library of these parts. An id that leads nowhere is a fault; nothing is left out for it."""
    bridge = dict(catalogue.atlas_bridge)
    mitigations = {
        key: replace(mitigation, recommendations=bridge.get(key, ()))
        for key, mitigation in atlas.mitigations.items()
    }
    techniques = {key: _led_on(technique, mitigations, bridge) for key, technique in atlas.techniques.items()}
    library = Library(
        threats=tuple(_placed(threat, techniques) for threat in own.threats),
        techniques=techniques,
        mitigations=mitigations,
        tactics=atlas.tactics,
        risk_map=risk_map,
        versions=(
            ("keelmark", own.version, own.date),
            ("mitre-atlas", atlas.version, atlas.date),
            ("cosai-risk-map", *COSAI_EDITION),
        ),
    )
    found = (*atlas.faults, *faults, *_lost(library, catalogue))
    return replace(library, faults=found)


def _led_on(
    technique: Technique, mitigations: dict[str, Mitigation], bridge: dict[str, tuple[str, ...]]
) -> Technique:
    if any(mitigations[key].recommendations for key in technique.mitigations):
        return technique
    return replace(technique, recommendations=bridge.get(technique.id, ()))


def _placed(threat: Threat, techniques: dict[str, Technique]) -> Threat:
    """The threat at the horizon of the nearest of its techniques; at its own where none of them says."""
    known = {techniques[key].horizon for key in threat.techniques if key in techniques}
    return replace(threat, horizon=next((word for word in _NEAREST_FIRST if word in known), threat.horizon))


def _lost(library: Library, catalogue: Catalogue) -> Iterator[Gap]:
    """Names that lead nowhere."""
    for threat in library.threats:
        owner = f"threat `{threat.id}`"
        yield from _lacking(owner, threat.techniques, library.techniques, _ATLAS)
        for control in threat.controls:
            yield from _lacking(owner, control.recommendations, catalogue.by_id, "the catalogue")
        mapped = [
            key for framework, _, key in (tag.partition(":") for tag in threat.tags) if framework == "cosai"
        ]
        yield from _lacking(owner, mapped, library.risk_map.risks, "the CoSAI Risk Map")
    for risk in library.risk_map.risks.values():
        yield from _lacking(f"CoSAI risk `{risk.id}`", risk.techniques, library.techniques, _ATLAS)
    for mitigation in library.mitigations.values():
        if not mitigation.recommendations:
            yield _fault(f"no recommendation of the catalogue answers mitigation `{mitigation.id}`")


def _lacking(owner: str, keys: Iterable[str], known: Container[str], place: str) -> Iterator[Gap]:
    for key in keys:
        if key not in known:
            yield _fault(f"{owner} names `{key}`, which {place} lacks")


def _fault(detail: str) -> Gap:
    return Gap(path=own_library.FILE, reason=GapReason.MALFORMED, detail=detail, matters=False)
