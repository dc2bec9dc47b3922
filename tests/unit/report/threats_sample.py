"""An analysis to show: a small agent with its threats, and a large random system."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.facts import Gap, GapReason
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.system_model import Effect, Element, Link, Origin, Size, SystemModel
from keelmark.core.threat_model import (
    Attacker,
    Boundary,
    Disposition,
    ProtectedAsset,
    Sensitivity,
    Skill,
    Treatment,
)
from keelmark.core.threats import (
    Analysis,
    ApplicableThreat,
    AppliedControl,
    Beyond,
    Control,
    ControlState,
    Discrepancy,
    Loss,
    PathPattern,
    RiskFigures,
    ScenarioResult,
    Threat,
    ThreatPath,
    ThreatState,
)

KINDS = tuple(ComponentKind)
TRUSTS = tuple(FlowTrust)


def element(name, kind, boundary="", **more):
    return Element(id=name, kind=kind, name=name, origin=Origin.BOTH, boundary=boundary, **more)


def link(source, target, trust, carries):
    return Link(source=source, target=target, carries=carries, trust=trust, origin=Origin.DECLARED)


def agent(text=""):
    """A model of a helpdesk agent; `text` is put wherever foreign text may stand."""
    elements = (
        element(f"customer{text}", ComponentKind.PERSON, description=f"asks{text}"),
        element("tracker", ComponentKind.SERVICE, supplier="shipping"),
        element(
            "api", ComponentKind.API, "product", is_authenticated=True, at=Location(path="app.py", line=3)
        ),
        element("agent", ComponentKind.AGENT, "product"),
        element("prompt", ComponentKind.PROMPT, "product"),
        element("model", ComponentKind.MODEL, supplier="provider"),
        element("index", ComponentKind.RETRIEVAL_STORE, "product", is_shared=True),
        element("refund", ComponentKind.TOOL, "product", effect=Effect.WRITE, has_approval=False),
        element("orders", ComponentKind.DATABASE, "data"),
        element("memory", ComponentKind.MEMORY, "data"),
        replace(element("docs", ComponentKind.MCP_SERVER), origin=Origin.OBSERVED),
    )
    links = (
        link(f"customer{text}", "api", FlowTrust.USER, f"question{text}"),
        link("api", "agent", FlowTrust.USER, "question"),
        link("prompt", "agent", FlowTrust.TRUSTED, "rules"),
        link("index", "agent", FlowTrust.THIRD_PARTY, "articles"),
        link("agent", "model", FlowTrust.USER, "context"),
        link("model", "agent", FlowTrust.MODEL_OUTPUT, "answer"),
        link("agent", "refund", FlowTrust.MODEL_OUTPUT, "arguments"),
        link("refund", "orders", FlowTrust.TRUSTED, "bound values"),
        link("tracker", "refund", FlowTrust.THIRD_PARTY, "status"),
        link("docs", "agent", FlowTrust.THIRD_PARTY, "tool descriptions"),
        link("agent", "memory", FlowTrust.MODEL_OUTPUT, "notes"),
        link("memory", "agent", FlowTrust.MODEL_OUTPUT, "notes"),
        link("agent", "api", FlowTrust.MODEL_OUTPUT, "answer"),
    )
    model = SystemModel(
        name=f"helpdesk{text}",
        elements=elements,
        links=links,
        boundaries=(Boundary(id="product", title="Product network"), Boundary(id="data", title="Data of customers")),
        assets=(ProtectedAsset(id="orders", where=("orders",), owner="Head", sensitivity=Sensitivity.CONFIDENTIAL, value=5e4),),
        attackers=(Attacker(id="automated", skill=Skill.PRACTITIONER, budget=100.0, automated=True),),
        size=Size(users=1400, tools=5, exposure=1),
        unseen=(f"3 files in Go are counted, not read{text}",),
    )  # fmt: skip
    path = ThreatPath(
        elements=(elements[0], elements[2], elements[3], elements[5], elements[3], elements[7]),
        links=(links[0], links[1], links[4], links[5], links[6]),
        assumes=(f"it is not known whether `refund` asks a person{text}",),
    )
    return Analysis(
        model=model,
        threats=tuple(_threats(path, text)),
        not_applicable=(("poisoned-training", "nothing is trained"),),
        discrepancies=(
            Discrepancy(what="element", subject="docs", is_declared=False, text=f"MCP server `docs` is not declared{text}"),
        ),
        library=(("MITRE ATLAS", "5.6.1", "2026-05-05"),),
        digest="ab" * 32,
        gaps=(Gap(path="a.go", reason=GapReason.UNSUPPORTED, detail=f"not read{text}"),),
        risk=_risk(1.0),
        scenarios=(
            ScenarioResult(
                name="10x", size=Size(users=14_000), appearing=("shared-memory",), worsening=("injection",), risk=_risk(7.5)
            ),
        ),
        envelope=(
            Beyond(dimension="users", now=1400, limit=2800, tried=1.4e6, threats=("injection",), because="appetite"),
            Beyond(dimension="exposure", now=1, limit=1, tried=2, threats=("anonymous-extraction",)),
            Beyond(dimension="tools", now=None, limit=None, tried=500),
        ),
    )  # fmt: skip


def _threats(path, text):
    states = (ThreatState.OPEN, ThreatState.UNKNOWN, ThreatState.ACCEPTED, ThreatState.MITIGATED)
    for index, state in enumerate(states):
        threat = Threat(
            id=f"threat-{index}",
            title=f"Injected text moves money{text}",
            text="",
            severity=(Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW)[index],
            patterns=(PathPattern(steps=()),),
            techniques=("AML.T0051",),
            tags=("owasp-llm:LLM01",),
            fix=f"Ask a person before money moves.{text}",
        )
        controls = tuple(
            AppliedControl(
                control=Control(title=f"approval of effects{text}", recommendations=("SD-3.k",)),
                state=each,
                because=f"`tool-without-approval` fails at tools.py:73{text}",
            )
            for each in (ControlState.PROVEN, ControlState.FAILED, ControlState.UNKNOWN)[: index + 1]
        )
        yield ApplicableThreat(
            threat=threat,
            paths=(path,),
            controls=controls,
            state=state,
            because=f"a control fails{text}",
            disposition=Disposition(
                threat=threat.id, treatment=Treatment.ACCEPT, reason="small", owner=f"Head{text}", expires=date(2027, 1, 1)
            )
            if state is ThreatState.ACCEPTED
            else None,
            more_paths=index,
        )  # fmt: skip


def _risk(factor):
    loss = Loss(mean=1234.5 * factor, p50=0.0, p90=4000 * factor, p95=9000 * factor, p99=51_000 * factor)
    return RiskFigures(
        by_threat=(("threat-0", loss),), total=loss, not_estimated=("threat-1",), years=10_000, seed=7, exceeds=("total",)
    )  # fmt: skip


def large(count=40, *, seed=1):
    """A random system of so many elements in three boundaries."""
    rng = random.Random(seed)
    boundaries = tuple(Boundary(id=f"zone-{index}") for index in range(3))
    elements = tuple(
        element(
            f"{rng.choice(KINDS)}-{index}", rng.choice(KINDS), rng.choice(("", "zone-0", "zone-1", "zone-2"))
        )
        for index in range(count)
    )
    links = tuple(
        link(elements[rng.randrange(index)].id, elements[index].id, rng.choice(TRUSTS), "data")
        for index in range(1, count)
    ) + tuple(
        link(rng.choice(elements).id, rng.choice(elements).id, rng.choice(TRUSTS), "more")
        for _ in range(count // 3)
    )
    model = SystemModel(name="large", elements=elements, links=links, boundaries=boundaries)
    return replace(agent(), model=model, threats=())
