"""The risks, controls and components of the CoSAI Risk Map, and what they are mapped to."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["MappedComponent", "MappedControl", "MappedRisk", "RiskMap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRisk:
    """A risk of the map.

    Attributes:
        id: `riskPromptInjection`.
        controls: Ids of controls that lower it.
        techniques: Ids of MITRE ATLAS that it is mapped to.
        tags: What else it is mapped to: `owasp-llm:LLM01`, `stride:Tampering`.
        impacts: What it harms: `integrity`, `privacy`, ...
        access: What an attacker must reach: `external`, `api`, `supply-chain`, ...
    """

    id: str
    title: str
    text: str = ""
    controls: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    impacts: tuple[str, ...] = ()
    access: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedControl:
    """A control of the map, with the components it stands at; `all` for every one."""

    id: str
    title: str
    text: str = ""
    components: tuple[str, ...] = ()
    risks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedComponent:
    """A component of the map, with the components that it feeds."""

    id: str
    title: str
    text: str = ""
    feeds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskMap:
    """All of the map, each part by id."""

    risks: dict[str, MappedRisk] = field(default_factory=dict)
    controls: dict[str, MappedControl] = field(default_factory=dict)
    components: dict[str, MappedComponent] = field(default_factory=dict)
