"""The chapters of a dossier's page, from what weighs most to what only checks: each from the facts that are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.outcome import Area, Severity
from keelmark.core.threats import ThreatState
from keelmark.report.dossier_view import (
    Cell,
    Chapter,
    code,
    mark,
    plain_rows,
    prose,
    severity,
    short,
    table,
    text,
)
from keelmark.report.summary import AREA_TITLES, OTHER_ROWS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.catalogue import Catalogue
    from keelmark.core.dossier import Dossier

__all__ = ["chapters"]

_RESULTS = ("fail", "unknown", "waived", "pass", "not-applicable")
_TITLES = {
    "fail": "Failed",
    "unknown": "Could not be settled",
    "waived": "Waived for a time",
    "pass": "Passed",
    "not-applicable": "Do not apply",
}
_STATES = tuple(map(str, ThreatState))
_SEVERITIES = tuple(map(str, Severity))
_STATEMENTS = (
    ("waivers", "Waived failures", "about"),
    ("attestations", "Attestations: what a person states and software cannot see", "about"),
    ("exceptions", "Declared exceptions", "about"),
    ("exclusions", "Excluded from the assessment", "about"),
    ("accepted-threats", "Threats that are accepted, transferred or avoided", "threat"),
)


def chapters(dossier: Dossier, catalogue: Catalogue) -> tuple[Chapter, ...]:
    """All of them, in the order in which people read them."""
    return (
        _risks(dossier),
        _results(dossier),
        _threats(dossier),
        _guidelines(dossier, catalogue),
        _accepted(dossier),
        _subjects(dossier),
        _method(dossier),
        _gaps(dossier),
    )


def _risks(dossier: Dossier) -> Chapter:
    columns = ("Severity", "Risk", "State", "Mitigation")
    rows = plain_rows(
        dossier.of("residual-risks"),
        lambda _, fact: (
            severity(fact["severity"]),
            Cell(
                kind="risk", texts=(fact["title"], f"{fact['kind']}: {fact['about']}", _times(fact["count"]))
            ),
            mark(fact["state"]),
            text(fact["mitigation"]),
        ),
    )
    return Chapter(
        id="risks",
        title="Residual risks and mitigations",
        short="Risks",
        intro="What is left: failures that were let through or waived, answers that are missing, threats that apply.",
        tables=(table("Residual risks", columns, rows, noun="risk", is_open=True),) if rows else (),
        empty="No residual risk was found.",
    )


def _results(dossier: Dossier) -> Chapter:
    tests = dossier.of("tests")
    tables = []
    found = _findings(dossier)
    if found:
        columns = ("Finding", "Severity", "Outcome", "What and where", "Fix")
        tables.append(table("Findings that are not a pass", columns, found, noun="finding", is_open=True))
    for result in _RESULTS:
        rows = [
            (
                Cell(kind="risk", texts=(fact["title"] or rule, rule)),
                severity(fact["severity"]),
                mark(result),
                text(", ".join(f"{number} {word}" for word, number in fact["outcomes"].items())),
                text(", ".join(fact["recommendations"])),
            )
            for rule, fact in tests.items()
            if fact["result"] == result
        ]
        if rows:
            columns = ("Rule", "Severity of a failure", "Result", "Answers", "Recommendations")
            is_open = result in {"fail", "waived"}
            tables.append(table(_TITLES[result], columns, rows, noun="rule", is_open=is_open))
    return Chapter(
        id="results",
        title="What was tested, and the results",
        short="Results",
        intro="Every rule that was asked, failures included. Unknown never counts as passed.",
        tables=tuple(tables),
        empty="No rule gave an answer.",
        sections=("finding-words", "finding-places", "finding-evidence"),
    )


def _findings(dossier: Dossier) -> list[tuple[Cell, ...]]:
    words, places = dossier.of("finding-words"), dossier.of("finding-places")
    evidence = dossier.of("finding-evidence")
    rows: list[tuple[Cell, ...]] = []
    for number, fact in dossier.of("findings").items():
        if fact["outcome"] not in {"fail", "unknown"}:
            continue
        told, where = words.get(number, {}), places.get(number, {}).get("places", ())
        read = [f"{each['name']}: {each['value']}" for each in evidence.get(number, {}).get("evidence", ())]
        found = (told.get("message", ""), *map(_place, where), *read)
        rows.append(
            (
                Cell(kind="risk", texts=(fact["rule"], f"findings/{number}")),
                severity(fact["severity"]),
                mark("waived" if fact["waived_until"] else fact["outcome"]),
                Cell(kind="found", texts=tuple(filter(None, found))),
                prose(told.get("fix", "")),
            )
        )
    return rows


def _threats(dossier: Dossier) -> Chapter:
    controls, paths = dossier.of("threat-controls"), dossier.of("threat-paths")
    rows, absent = [], []
    for threat, fact in sorted(dossier.of("threats").items(), key=_threat_weight):
        if "severity" not in fact:
            absent.append((code(threat), prose(paths.get(threat, {}).get("because", ""))))
            continue
        stops = [
            f"{each['title']} ({each['state']})" for each in controls.get(threat, {}).get("controls", ())
        ]
        ways = [" → ".join(each["elements"]) for each in paths.get(threat, {}).get("paths", ())]
        decided = f"{fact['treatment']} until {fact['until']}" if fact["until"] else fact["treatment"] or ""
        rows.append(
            (
                Cell(kind="risk", texts=(fact["title"], threat)),
                severity(fact["severity"]),
                mark(fact["state"]),
                text(decided),
                text(*stops),
                code(*ways),
            )
        )
    columns = ("Threat", "Severity", "State", "Decided", "What stops it", "Paths")
    tables = []
    if rows:
        tables.append(table("Threats that apply", columns, rows, noun="threat", is_open=True))
    if absent:
        tables.append(table("Threats that do not apply", ("Threat", "Why"), absent, noun="threat"))
    return Chapter(
        id="threats",
        title="Threats",
        short="Threats",
        intro="A threat applies when the system has a path for it.",
        tables=tuple(tables),
        empty="No threat of the library applies.",
        sections=("threat-controls", "threat-paths", "risk-figures"),
    )


def _guidelines(dossier: Dossier, catalogue: Catalogue) -> Chapter:
    stated, reasons = dossier.of("recommendations"), dossier.of("recommendation-reasons")
    tables = []
    for area in (*Area, None):
        rows = []
        for row, fact in stated.items():
            known = catalogue.by_id.get(row)
            if catalogue.area_of(row) is not area:
                continue
            gate = f"{fact['gate']}, mandatory" if fact["mandatory"] else fact["gate"]
            words = known.text if known else "not in this catalogue"
            why = prose(reasons.get(row, {}).get("reason", ""))
            rows.append((text(row), text(words), mark(fact["status"]), text(gate), why))
        if rows:
            title = AREA_TITLES[area] if area else OTHER_ROWS
            columns = ("Id", "Recommendation", "State", "Gate", "Why it stands so")
            tables.append(table(title, columns, rows, noun="recommendation"))
    return Chapter(
        id="guidelines",
        title="The guidelines",
        short="Guidelines",
        intro="Where each recommendation of the Guidelines for secure AI system development stands.",
        tables=tuple(tables),
        empty="No recommendation was judged.",
        sections=("recommendation-reasons",),
    )


def _accepted(dossier: Dossier) -> Chapter:
    reasons, owners = dossier.of("statement-reasons"), dossier.of("statement-owners")
    tables = []
    for kind, title, about in _STATEMENTS:
        rows = []
        for number, fact in dossier.of(kind).items():
            name = f"{kind}-{number}"
            owner = owners.get(name, {})
            subject = fact.get(about) or owner.get(about) or f"{kind}/{number}"
            rows.append(
                (
                    code(subject),
                    text(fact.get("treatment", "")),
                    short(fact["expires"] or "no end"),
                    prose(reasons.get(name, {}).get("reason", "")),
                    text(owner.get("owner", "")),
                )
            )
        if rows:
            columns = ("About", "Decision", "Until", "Reason or statement", "Who answers for it")
            tables.append(table(title, columns, rows, noun="statement", is_open=kind != "attestations"))
    return Chapter(
        id="accepted",
        title="What people answer for",
        short="Answered for",
        intro="Attested is not tested: a named person states it, and it ends.",
        tables=tuple(tables),
        empty="The release rests on findings alone.",
        sections=("statement-reasons", "statement-owners"),
    )


def _subjects(dossier: Dossier) -> Chapter:
    places = dossier.of("asset-places")
    tables = []
    kinds = dossier.facts["inventory/summary"]["kinds"]
    counted = [(text(kind.replace("-", " ")), text(f"{number:,}")) for kind, number in kinds.items()]
    if counted:
        tables.append(table("Parts of the system", ("Kind", "Number"), counted, noun="kind"))
    assets = plain_rows(
        dossier.of("assets"),
        lambda number, fact: (
            text(fact["kind"].replace("-", " ")),
            code(fact["name"]),
            text(fact["revision"]),
            code(places.get(number, {}).get("path", "")),
            code(fact["digest"]),
        ),
    )
    if assets:
        columns = ("Kind", "Name", "Revision", "Where", "Digest")
        tables.append(table("Models, data, prompts, tools and servers", columns, assets, noun="asset"))
    files = [
        (code(each["name"]), text("link" if each["link"] else ""), code(each["sha256"]))
        for fact in dossier.of("subjects").values()
        for each in fact["files"]
    ]
    if files:
        tables.append(table("Files of the release", ("Path", "", "SHA-256"), files, noun="file"))
    growth = plain_rows(
        dossier.of("growth"),
        lambda name, fact: (
            text(name),
            text(fact.get("limit") or fact.get("exposure", "")),
            text(fact.get("now", "")),
            prose(fact.get("beyond_it") or ", ".join(fact.get("data_classes", ()))),
        ),
    )
    if growth:
        heads = ("Dimension", "Limit", "Now", "Beyond it")
        tables.append(table("Limits of growth inside which the release holds", heads, growth, noun="limit"))
    return Chapter(
        id="subjects",
        title="On what",
        short="On what",
        intro="What the release covers, by digest.",
        tables=tuple(tables),
        sections=("assets", "asset-places", "asset-details", "subjects", "parts", "growth"),
    )


def _method(dossier: Dossier) -> Chapter:
    tables = []
    for kind, title in (
        ("corpora", "Corpora"),
        ("seeds", "Seeds"),
        ("settings", "Settings"),
        ("provenance", "Evidence"),
    ):
        rows = plain_rows(
            dossier.of(kind),
            lambda name, fact: (code(name), text(*(_pair(key, value) for key, value in fact.items()))),
        )
        if rows:
            tables.append(table(title, ("Name", "Value"), rows, noun="row", is_open=kind == "corpora"))
    return Chapter(
        id="method",
        title="With which corpora, settings and seeds",
        short="Method",
        intro="What judged, in which version, and what was drawn at random.",
        tables=tuple(tables),
        sections=("settings", "provenance"),
    )


def _gaps(dossier: Dossier) -> Chapter:
    counted = dossier.facts["coverage/not-looked-at"]["places"]
    rows = plain_rows(
        dossier.of("gaps"),
        lambda _, fact: (
            code(f"{fact['path']}:{fact['line']}" if fact["line"] else fact["path"]),
            text(fact["reason"]),
            text(fact["detail"]),
            text("can hide a defect that blocks" if fact["matters"] else ""),
        ),
    )
    tables = []
    if counted:
        reasons = [(text(reason), text(f"{number:,}")) for reason, number in counted.items()]
        tables.append(table("By reason", ("Reason", "Places"), reasons, noun="reason", is_open=True))
    if rows:
        tables.append(table("Place by place", ("Where", "Reason", "Detail", ""), rows, noun="place"))
    return Chapter(
        id="not-looked-at",
        title="Not looked at",
        short="Not looked at",
        intro="What was not looked at may hide a defect. Nothing here counts as passed.",
        tables=tuple(tables),
        empty="Everything in the folder was looked at.",
        sections=("gaps",),
    )


def _threat_weight(entry: tuple[str, Mapping[str, Any]]) -> tuple[int, int, str]:
    threat, fact = entry
    state, harm = fact["state"], fact.get("severity", "")
    return (
        _STATES.index(state) if state in _STATES else len(_STATES),
        _SEVERITIES.index(harm) if harm in _SEVERITIES else len(_SEVERITIES),
        threat,
    )


def _times(number: int) -> str:
    return f"{number} times" if number > 1 else ""


def _place(place: Mapping[str, Any]) -> str:
    where = f"{place['path']}:{place['line']}" if place["line"] else place["path"]
    return f"{where} ({place['part']})" if place["part"] else where


def _pair(key: str, value: object) -> str:
    return f"{key.replace('_', ' ')}: {_shown(value)}"


def _shown(value: object) -> str:
    match value:
        case None | "":
            return "none"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_shown, value)) or "none"
        case dict():
            return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
        case _:
            return str(value)
