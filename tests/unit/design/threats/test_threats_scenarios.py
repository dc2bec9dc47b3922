"""Systems at another size: what an expression means, what changes in the graph, what appears and what leaves the appetite."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.declaration import ComponentKind, DeclaredTool, Dimension, FlowTrust, GrowthEnvelope
from keelmark.core.outcome import Severity
from keelmark.core.system_model import Effect, Element, Link, Origin, Size, SystemModel
from keelmark.core.threat_model import Appetite, Range, RiskEstimate
from keelmark.core.threats import (
    Analysis,
    ApplicableThreat,
    Beyond,
    Control,
    Growth,
    Library,
    PathPattern,
    Step,
    Threat,
    ThreatState,
)
from keelmark.design.threats.envelope import Bounds, envelope_of, too_wide
from keelmark.design.threats.reanalysis import reanalysis
from keelmark.design.threats.risk import Settings, Simulation
from keelmark.design.threats.scenarios import (
    GROWING,
    Figures,
    approvals_by_case,
    at_size,
    compare,
    growth_in,
    parse_scenario,
)
from keelmark.errors import UsageError

_PERSON = Element(id="staff", kind=ComponentKind.PERSON, name="staff", origin=Origin.DECLARED)
_MODEL = Element(id="model", kind=ComponentKind.MODEL, name="model", origin=Origin.OBSERVED)
_TOOL = Element(
    id="refund",
    kind=ComponentKind.TOOL,
    name="refund",
    origin=Origin.OBSERVED,
    effect=Effect.WRITE,
    has_approval=True,
)


def _link(source: str, target: str, trust: FlowTrust) -> Link:
    return Link(source=source, target=target, carries="text", trust=trust, origin=Origin.OBSERVED)


SYSTEM = SystemModel(
    name="s",
    elements=(_PERSON, _MODEL, _TOOL),
    links=(
        _link("staff", "model", FlowTrust.TRUSTED),
        _link("model", "refund", FlowTrust.MODEL_OUTPUT),
    ),
    size=Size(users=100, tools=1, autonomy=3, exposure=0, requests_per_day=None),
)


def _threat(key: str, *steps: Step, growth: tuple[Growth, ...] = ()) -> Threat:
    return Threat(
        id=key,
        title=key,
        text=key,
        severity=Severity.HIGH,
        patterns=(PathPattern(steps=steps),),
        growth=growth,
        controls=(Control(title="c", recommendations=("X1.a",)),),
    )


MODEL_STEP = Step(kinds=(ComponentKind.MODEL,))
OUTSIDER = _threat("outsider", Step(kinds=(ComponentKind.PERSON,), trusts=(FlowTrust.USER,)), MODEL_STEP)
CROWD = _threat("crowd", MODEL_STEP, growth=(Growth(dimension="users", above=1_000, exponent=1.0),))
UNASKED = _threat(
    "unasked",
    MODEL_STEP,
    Step(kinds=(ComponentKind.TOOL,), effects=(Effect.WRITE,), unless=("has_approval",)),
)
THEFT = _threat(
    "theft",
    MODEL_STEP,
    growth=(Growth(dimension="users", exponent=1.0), Growth(dimension="attack_cost", exponent=-1.0)),
)
LIBRARY = Library(threats=(OUTSIDER, CROWD, UNASKED, THEFT))
TODAY = Analysis(
    model=SYSTEM,
    threats=(ApplicableThreat(threat=THEFT, paths=(), controls=(), state=ThreatState.OPEN, because="open"),),
    not_applicable=(),
    discrepancies=(),
    library=(),
    digest="",
)
ESTIMATE = RiskEstimate(
    threat="theft", frequency=Range(low=0.5, high=2), loss=Range(low=1_000, high=4_000), basis="b"
)


def _figures(annual_loss: float) -> Figures:
    simulation = Simulation([ESTIMATE], settings=Settings(years=500))
    return Figures(simulation=simulation, appetite=Appetite(annual_loss=annual_loss, owner="board"))


def _ids(model: SystemModel) -> tuple[str, ...]:
    return tuple(found.threat.id for found in reanalysis(TODAY, LIBRARY)(model))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10x", Size(users=1_000, tools=10, autonomy=30, exposure=0)),
        ("users=100000", Size(users=100_000, tools=1, autonomy=3, exposure=0)),
        ("users=2x", Size(users=200, tools=1, autonomy=3, exposure=0)),
        ("10x, users=5", Size(users=5, tools=10, autonomy=30, exposure=0)),
        ("attack-cost=0.1", Size(users=100, tools=1, autonomy=3, exposure=0, attack_cost=0.1)),
        ("Exposure=Public", Size(users=100, tools=1, autonomy=3, exposure=2)),
        (
            "autonomy=20,data-value=3,capability=10X",
            Size(users=100, tools=1, autonomy=20, exposure=0, data_value=3, capability=10),
        ),
        ("spend_per_day=7.5", Size(users=100, tools=1, autonomy=3, exposure=0, spend_per_day=7.5)),
    ],
)
def test_an_expression_is_a_size(text: str, expected: Size) -> None:
    assert at_size(SYSTEM, parse_scenario(text)).size == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "ten", "10", "0x", "-1x", "users", "users=", "users=x", "users=-1", "users=1e9", "users=nan", "users=1_000",
        "people=3", "exposure=3", "exposure=everyone", "users=1,users=2", "2x,3x", ",", "users=1," * 20, "1" * 400 + "x",
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_scenario(text)
    assert caught.value.hint


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789.x=,-abcdeurspoi ", max_size=40) | st.text(max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        at_size(SYSTEM, parse_scenario(text))
    except UsageError:
        return


def test_what_is_not_known_stays_so_and_its_growth_counts() -> None:
    scenario = parse_scenario("10x")
    then = at_size(SYSTEM, scenario)
    assert then.size.requests_per_day is None
    grown = growth_in(scenario, SYSTEM.size, then.size)
    assert {name: grown[name] for name in GROWING} == dict.fromkeys(GROWING, 10)


def test_public_exposure_makes_insiders_untrusted() -> None:
    links = at_size(SYSTEM, parse_scenario("exposure=public")).links
    assert [link.trust for link in links] == [FlowTrust.USER, FlowTrust.MODEL_OUTPUT]
    assert at_size(SYSTEM, parse_scenario("exposure=internal")).links == SYSTEM.links


def test_autonomy_ends_only_approvals_that_are_declared_to_depend_on_the_case() -> None:
    scenario = parse_scenario("autonomy=20")
    assert at_size(SYSTEM, scenario).elements == SYSTEM.elements
    freed = at_size(SYSTEM, scenario, by_case=frozenset({"refund"})).elements
    assert [element.has_approval for element in freed] == [None, None, None]
    less = at_size(SYSTEM, parse_scenario("autonomy=1"), by_case=frozenset({"refund"}))
    assert less.elements == SYSTEM.elements


def test_an_approval_by_case_is_neither_always_nor_never() -> None:
    tools = (
        DeclaredTool(name="a", approval="always"),
        DeclaredTool(name="b", approval="never"),
        DeclaredTool(name="c"),
        DeclaredTool(name="d", approval="above 50 EUR"),
    )
    assert approvals_by_case(tools) == {"d"}


@pytest.mark.parametrize(
    ("text", "appearing"),
    [
        ("users=1000", ()),
        ("users=1001", ("crowd",)),
        ("exposure=public", ("outsider",)),
        ("100x,exposure=partners", ("outsider", "crowd", "unasked")),
        ("attack-cost=0.01", ()),
    ],
)
def test_threats_that_appear_are_named(text: str, appearing: tuple[str, ...]) -> None:
    (result,) = compare(
        SYSTEM, [parse_scenario(text)], reanalysis(TODAY, LIBRARY), by_case=frozenset({"refund"})
    )
    assert result.appearing == appearing
    assert result.risk is None


def test_what_leaves_the_appetite_is_named() -> None:
    cheap, dear = compare(
        SYSTEM,
        [parse_scenario("attack-cost=0.01"), parse_scenario("attack-cost=1")],
        reanalysis(TODAY, LIBRARY),
        figures=_figures(50_000),
    )
    assert (cheap.worsening, dear.worsening) == (("total",), ())
    assert cheap.risk is not None
    assert dear.risk is not None
    assert cheap.risk.total.p95 > dear.risk.total.p95


def test_what_exceeds_the_appetite_today_does_not_leave_it() -> None:
    (result,) = compare(SYSTEM, [parse_scenario("10x")], reanalysis(TODAY, LIBRARY), figures=_figures(1))
    assert result.worsening == ()


def _by_dimension(found: tuple[Beyond, ...]) -> dict[str, Beyond]:
    return {beyond.dimension: beyond for beyond in found}


def test_envelope_ends_where_a_threat_appears() -> None:
    found = _by_dimension(envelope_of(SYSTEM, reanalysis(TODAY, LIBRARY), by_case=frozenset({"refund"})))
    assert (found["users"].limit, found["users"].threats) == (1_000, ("crowd",))
    assert found["users"].because == "users beyond 1000: `crowd` appears"
    assert (found["autonomy"].limit, found["autonomy"].threats) == (3, ("unasked",))
    assert (found["exposure"].limit, found["exposure"].threats) == (0, ("outsider",))
    assert found["exposure"].because == "exposure beyond internal: `outsider` appears"
    assert (found["tools"].limit, found["tools"].threats) == (None, ())
    assert found["tools"].tried == 2**20
    assert (found["requests_per_day"].now, found["requests_per_day"].limit) == (None, None)


def test_envelope_ends_where_the_appetite_does() -> None:
    figures = _figures(50_000)
    found = _by_dimension(envelope_of(SYSTEM, reanalysis(TODAY, LIBRARY), figures=figures))
    cost = found["attack_cost"]
    assert cost.limit is not None
    assert cost.limit < 1
    assert cost.threats == ("theft",)
    again = reanalysis(TODAY, LIBRARY)
    inside, outside = (
        compare(SYSTEM, [parse_scenario(f"attack-cost={size:.9f}")], again, figures=figures)[0]
        for size in (cost.limit * 1.001, cost.limit * 0.98)
    )
    assert (inside.worsening, outside.worsening) == ((), ("total",))


def test_no_growth_fits_where_the_appetite_is_exceeded_today() -> None:
    found = _by_dimension(envelope_of(SYSTEM, reanalysis(TODAY, LIBRARY), figures=_figures(1)))
    assert (found["users"].limit, found["users"].now) == (100, 100)
    assert "at the present size" in found["users"].because


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 10_000), st.integers(1, 100_000))
def test_limit_is_the_largest_quiet_size(now: int, above: int) -> None:
    crowd = replace(CROWD, growth=(Growth(dimension="users", above=above),))
    model = replace(SYSTEM, size=replace(SYSTEM.size, users=now))
    library = Library(threats=(crowd,))
    today = replace(TODAY, model=model, threats=())
    found = _by_dimension(envelope_of(model, reanalysis(today, library)))["users"]
    if now > above:
        assert found.limit is None, "it applies today, so nothing new appears"
    elif above >= found.tried:
        assert found.limit is None
    else:
        assert found.limit == above


@settings(max_examples=25, deadline=None)
@given(st.floats(3_000, 1e7), st.floats(1, 20))
def test_a_larger_appetite_never_narrows_the_envelope(loss: float, factor: float) -> None:
    again = reanalysis(TODAY, LIBRARY)
    bounds = Bounds(max_doublings=8)
    small, large = (
        _by_dimension(envelope_of(SYSTEM, again, figures=_figures(amount), bounds=bounds))["users"]
        for amount in (loss, loss * factor)
    )
    assert (large.limit or large.tried) >= (small.limit or small.tried)


def test_declared_limit_beyond_the_computed_one_is_too_wide() -> None:
    found = envelope_of(SYSTEM, reanalysis(TODAY, LIBRARY))
    declared = GrowthEnvelope(users=Dimension(limit=5_000), tools=Dimension(limit=10**9), exposure="public")
    wide = too_wide(found, declared)
    assert [(entry.dimension, entry.declared) for entry in wide] == [("users", 5_000), ("exposure", 2)]
    assert too_wide(found, replace(declared, users=Dimension(limit=1_000), exposure="internal")) == ()
    assert too_wide(found, None) == ()
