"""Which facts a dossier holds, who may see each kind, and why others may not. One table: a fact of no section cannot be written."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from keelmark.core.dossier import Level, Section

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECTIONS"]

_PLACES = "paths and names inside of the project tell an attacker where to look"
_PEOPLE = "names of people and roles concern who may hold them to account"
_CONTRACT = "what the system is made of and how it is run is between supplier and customer"
_WORDS = "sentences quote the project: names, paths, passages"
_CONTENT = "content of the project, figures of the business, and what would help to repeat an attack"


def _public(name: str, title: str) -> Section:
    return Section(name=name, title=title, needs=Level.PUBLIC)


def _customer(name: str, title: str, why: str = _CONTRACT) -> Section:
    return Section(name=name, title=title, needs=Level.CUSTOMER, why=why)


def _authority(name: str, title: str, why: str) -> Section:
    return Section(name=name, title=title, needs=Level.AUTHORITY, why=why)


def _sealed(name: str, title: str) -> Section:
    return Section(name=name, title=title, needs=Level.SEALED, why=_CONTENT)


_ALL = (
    _public("release", "The release"),
    _public("signing-keys", "Keys that signed the release"),
    _public("residual-risks", "Residual risks and mitigations"),
    _public("tests", "Results by rule"),
    _public("findings", "Findings: rule, outcome, severity"),
    _public("recommendations", "Recommendations of the guidelines: where each stands"),
    _public("threats", "Threats: whether they apply and where they stand"),
    _public("waivers", "Waived failures"),
    _public("attestations", "Attestations"),
    _public("exceptions", "Declared exceptions"),
    _public("exclusions", "Exclusions from the assessment"),
    _public("accepted-threats", "Accepted, transferred and avoided threats"),
    _public("coverage", "How much was looked at"),
    _public("inventory", "Parts of the system by kind"),
    _public("corpora", "Corpora: rules, guidelines, threat libraries, advisories"),
    _public("seeds", "Seeds"),
    _customer("settings", "Settings of the assessment"),
    _customer("assets", "Models, data, prompts, tools and servers by digest"),
    _customer("growth", "Limits of growth inside which the release holds"),
    _customer("threat-controls", "Threats: what stops them, and the evidence"),
    _customer("statement-reasons", "Reasons and statements of those who answer for something"),
    _authority("statement-owners", "Who answers for something, and for which path", _PEOPLE),
    _authority("signers", "Who signed the release", _PEOPLE),
    _authority("subjects", "Every file by path and digest", _PLACES),
    _authority("parts", "Prompts and tools as subjects of their own", _PLACES),
    _authority("asset-places", "Where assets stand", _PLACES),
    _authority("finding-words", "Findings: what was found, and what to do", _WORDS),
    _authority("finding-places", "Findings: where", _PLACES),
    _authority("recommendation-reasons", "Recommendations: why each stands so", _WORDS),
    _authority("threat-paths", "Threats: paths through the system, and why they stand so", _PLACES),
    _authority("gaps", "What was not looked at, place by place", _PLACES),
    _authority("provenance", "Run, digests of the evidence, commit, log", _WORDS),
    _sealed("finding-evidence", "Findings: evidence as it was read"),
    _sealed("asset-details", "Details of assets"),
    _sealed("risk-figures", "Losses in numbers"),
)

SECTIONS: Mapping[str, Section] = MappingProxyType({each.name: each for each in _ALL})
"""Every section by name, in the order in which people read them."""
