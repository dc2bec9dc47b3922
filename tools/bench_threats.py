"""Measures the threat analysis: loading the library, a system of 200 elements and 600 links, figures, scenarios and envelope.

The system is made by a seeded generator: persons and services outside, ways in, agents with tools, stores, servers and models,
with the links that such parts have. Nothing about it is known to be harmless, which is the worst case for the search of paths.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Effect, Element, Link, Origin, Size, SystemModel
from keelmark.core.threat_model import Appetite, DeclaredThreatModel, Range, RiskEstimate
from keelmark.core.threats import (
    Analysis,
    ApplicableThreat,
    AppliedControl,
    ControlState,
    ThreatState,
)
from keelmark.design.threats.analyse import applies_at
from keelmark.design.threats.envelope import envelope_of
from keelmark.design.threats.library.difference import difference
from keelmark.design.threats.library.load import load
from keelmark.design.threats.library.shipped import read_files, shipped_atlas
from keelmark.design.threats.paths import match
from keelmark.design.threats.reanalysis import reanalysis
from keelmark.design.threats.risk import Settings, Simulation
from keelmark.design.threats.scenarios import Figures, compare, parse_scenario

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.threats import Library

ELEMENTS = int(os.environ.get("BENCH_ELEMENTS", "200"))
LINKS = int(os.environ.get("BENCH_LINKS", "600"))
YEARS = int(os.environ.get("BENCH_YEARS", "10000"))
ROUNDS = 3

# Kind, its share of all elements, and what it feeds: (kind, trust, sink).
_PARTS: dict[ComponentKind, tuple[int, tuple[tuple[ComponentKind, FlowTrust, str], ...]]] = {
    ComponentKind.PERSON: (3, ((ComponentKind.API, FlowTrust.USER, ""),)),
    ComponentKind.SERVICE: (
        4,
        ((ComponentKind.TOOL, FlowTrust.THIRD_PARTY, ""), (ComponentKind.RETRIEVAL_STORE, FlowTrust.THIRD_PARTY, "index")),
    ),
    ComponentKind.REGISTRY: (2, ((ComponentKind.MODEL, FlowTrust.THIRD_PARTY, "weights"),)),
    ComponentKind.API: (
        4,
        ((ComponentKind.AGENT, FlowTrust.USER, "context"), (ComponentKind.RETRIEVAL_STORE, FlowTrust.USER, "index")),
    ),
    ComponentKind.RETRIEVAL_STORE: (3, ((ComponentKind.AGENT, FlowTrust.THIRD_PARTY, "context"),)),
    ComponentKind.MEMORY: (2, ((ComponentKind.AGENT, FlowTrust.MODEL_OUTPUT, "context"),)),
    ComponentKind.AGENT: (
        5,
        (
            (ComponentKind.MODEL, FlowTrust.USER, "context"),
            (ComponentKind.TOOL, FlowTrust.MODEL_OUTPUT, "command"),
            (ComponentKind.MCP_SERVER, FlowTrust.MODEL_OUTPUT, ""),
            (ComponentKind.MEMORY, FlowTrust.MODEL_OUTPUT, "memory"),
            (ComponentKind.PERSON, FlowTrust.MODEL_OUTPUT, "html"),
        ),
    ),
    ComponentKind.MODEL: (
        4,
        ((ComponentKind.AGENT, FlowTrust.MODEL_OUTPUT, "context"), (ComponentKind.TOOL, FlowTrust.MODEL_OUTPUT, "sql")),
    ),
    ComponentKind.TOOL: (
        6,
        ((ComponentKind.DATABASE, FlowTrust.MODEL_OUTPUT, "sql"), (ComponentKind.AGENT, FlowTrust.THIRD_PARTY, "context")),
    ),
    ComponentKind.MCP_SERVER: (2, ((ComponentKind.AGENT, FlowTrust.THIRD_PARTY, "context"),)),
    ComponentKind.DATABASE: (3, ((ComponentKind.TOOL, FlowTrust.TRUSTED, ""),)),
    ComponentKind.DATASET: (2, ((ComponentKind.PIPELINE, FlowTrust.THIRD_PARTY, "training"),)),
    ComponentKind.PIPELINE: (2, ((ComponentKind.MODEL, FlowTrust.TRUSTED, "weights"),)),
}  # fmt: skip


def main() -> int:
    """Measure and print."""
    library = load()
    model = system()
    print(
        f"{len(model.elements)} elements, {len(model.links)} links, {len(library.threats)} threats\n\n{'':60}     wall    processor"
    )
    line("load the library", load)
    line("read the shipped files instead of the fast form", read_files)
    line("read another edition of MITRE ATLAS", lambda: load(shipped_atlas()))
    analysis = analysed(model, library)
    shown = sum(len(found.paths) for found in analysis.threats)
    counted = sum(found.more_paths for found in analysis.threats)
    print(f"{len(analysis.threats)} threats apply; {shown} paths shown, {counted} pairs of ends more")
    line("find the paths of every threat", lambda: analysed(model, library))
    model_of_threats = estimated(analysis)
    estimates, settings = model_of_threats.estimates, Settings(years=YEARS)
    line(
        f"{YEARS} years of {len(estimates)} estimates",
        lambda: Simulation(estimates, settings=settings).figures(analysis.threats, model_of_threats.appetite),
    )
    line("scenarios and envelope without figures", partial(grown, analysis, library, None))
    for count in (5, len(estimates)):
        few = replace(model_of_threats, estimates=estimates[:count])
        line(
            f"scenarios and envelope, {YEARS} years of {count} estimates",
            partial(grown, analysis, library, few, settings=settings),
        )
    newer = load(shipped_atlas().replace(b"maturity: demonstrated", b"maturity: realized"))
    line("difference to another edition", lambda: difference(library, newer, analysis))
    return 0


def line(what: str, job: Callable[[], object]) -> None:
    """Print the median of several rounds, after one that warms up: wall time, and processor time of this process."""
    job()
    wall, processor = [], []
    for _ in range(ROUNDS):
        start, busy = time.perf_counter(), time.process_time()
        job()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - busy)
    print(f"{what:60} {statistics.median(wall):8.3f} s {statistics.median(processor):8.3f} s")


def system() -> SystemModel:
    """A system of the size that is asked for; the same one each time."""
    chance = random.Random(7)  # noqa: S311 - a made-up system, not a secret
    total = sum(share for share, _ in _PARTS.values())
    by_kind: dict[ComponentKind, list[Element]] = {}
    for kind, (share, _) in _PARTS.items():
        count = max(1, share * ELEMENTS // total)
        by_kind[kind] = [
            Element(
                id=f"{kind.value}-{number}",
                kind=kind,
                name=f"{kind.value} {number}",
                origin=Origin.OBSERVED,
                effect=Effect.WRITE if kind is ComponentKind.TOOL else None,
            )
            for number in range(count)
        ]
    tools = by_kind[ComponentKind.TOOL]
    missing = ELEMENTS - sum(map(len, by_kind.values()))
    tools += [
        replace(tools[0], id=f"tool-extra-{number}", name=f"extra {number}") for number in range(missing)
    ]
    kinds = list(_PARTS)
    links: dict[tuple[str, str], Link] = {}
    while len(links) < LINKS:
        kind = chance.choice(kinds)
        target, trust, sink = chance.choice(_PARTS[kind][1])
        source, end = chance.choice(by_kind[kind]), chance.choice(by_kind[target])
        links.setdefault(
            (source.id, end.id),
            Link(
                source=source.id,
                target=end.id,
                carries="text",
                trust=trust,
                origin=Origin.OBSERVED,
                sink=sink,
            ),
        )
    elements = tuple(element for entries in by_kind.values() for element in entries)
    size = Size(users=100, requests_per_day=1_000, tools=len(tools), autonomy=5, spend_per_day=50, exposure=0)
    return SystemModel(name="bench", elements=elements, links=tuple(links.values()), size=size)


def analysed(model: SystemModel, library: Library) -> Analysis:
    """The threats that apply by paths, each with controls of which nothing is known."""
    applicable = []
    for threat in library.threats:
        found = match(model, threat.patterns)
        if found.paths and not applies_at(threat, model):
            controls = tuple(
                AppliedControl(control=control, state=ControlState.UNKNOWN, because="")
                for control in threat.controls
            )
            applicable.append(
                ApplicableThreat(
                    threat=threat,
                    paths=found.paths,
                    controls=controls,
                    state=ThreatState.UNKNOWN,
                    because="",
                    more_paths=found.more,
                )
            )
    return Analysis(
        model=model,
        threats=tuple(applicable),
        not_applicable=(),
        discrepancies=(),
        library=library.versions,
        digest="",
    )


def grown(
    analysis: Analysis,
    library: Library,
    declared: DeclaredThreatModel | None,
    *,
    settings: Settings | None = None,
) -> None:
    """Look at two other sizes, and for the limit of each dimension."""
    again = reanalysis(analysis, library)
    figures = None
    if declared is not None:
        simulation = Simulation(declared.estimates, settings=settings)
        figures = Figures(simulation=simulation, appetite=declared.appetite)
    scenarios = [parse_scenario(text) for text in ("10x", "exposure=public,attack-cost=0.1")]
    compare(analysis.model, scenarios, again, figures=figures)
    envelope_of(analysis.model, again, figures=figures)


def estimated(analysis: Analysis) -> DeclaredThreatModel:
    """An estimate for each threat that applies, and an appetite that ends somewhere above today's loss."""
    estimates = tuple(
        RiskEstimate(
            threat=found.threat.id,
            frequency=Range(low=0.05, high=3),
            loss=Range(low=1_000, high=50_000),
            basis="made up",
        )
        for found in analysis.threats
    )
    appetite = Appetite(annual_loss=20_000_000, owner="bench", per_threat=5_000_000)
    return DeclaredThreatModel(estimates=estimates, appetite=appetite)


if __name__ == "__main__":
    sys.exit(main())
