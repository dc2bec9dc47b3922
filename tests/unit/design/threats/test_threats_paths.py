"""The laws of the path search, each on a small graph, and on random ones."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.system_model import Effect, Element, Link, Origin, SystemModel
from keelmark.core.threats import PathPattern, Step
from keelmark.design.threats.library.own import read_own
from keelmark.design.threats.paths import Bounds, match

K, T = ComponentKind, FlowTrust
USER, MODEL, TOOL = (
    Step(kinds=(K.PERSON,), trusts=(T.USER,)),
    Step(kinds=(K.MODEL,), sinks=("context",), far=True),
    Step(
        kinds=(K.TOOL,), trusts=(T.MODEL_OUTPUT,), effects=(Effect.WRITE,), unless=("has_approval",), far=True
    ),
)
PATTERN = PathPattern(steps=(USER, MODEL, TOOL))


def element(name: str, kind: ComponentKind, **properties: object) -> Element:
    return Element(id=name, kind=kind, name=name, origin=Origin.OBSERVED, **properties)  # type: ignore[arg-type]


def link(source: str, target: str, trust: FlowTrust = T.TRUSTED, sink: str = "", **rest: str) -> Link:
    return Link(
        source=source, target=target, carries="text", trust=trust, origin=Origin.OBSERVED, sink=sink, **rest
    )


def model_of(elements: list[Element], links: list[Link]) -> SystemModel:
    return SystemModel(name="system", elements=tuple(elements), links=tuple(links))


CHAIN = [
    element("user", K.PERSON),
    element("api", K.API),
    element("app", K.AGENT),
    element("gpt", K.MODEL),
    element("refund", K.TOOL, effect=Effect.WRITE, has_approval=False),
]
FLOWS = [
    link("user", "api", T.USER),
    link("api", "app"),
    link("app", "gpt", sink="context"),
    link("gpt", "refund", T.MODEL_OUTPUT),
]


def ends(system: SystemModel, *patterns: PathPattern) -> list[tuple[str, ...]]:
    found = match(system, patterns or (PATTERN,))
    return [tuple(each.id for each in path.elements) for path in found.paths]


def test_untrusted_text_is_carried_over_trusted_links_to_a_tool() -> None:
    assert ends(model_of(CHAIN, FLOWS)) == [("user", "api", "app", "gpt", "refund")]


def test_approval_that_is_known_ends_the_path() -> None:
    system = model_of([*CHAIN[:-1], replace(CHAIN[-1], has_approval=True)], FLOWS)
    assert ends(system) == []


def test_approval_that_is_not_known_is_assumed_to_be_missing_and_told() -> None:
    system = model_of([*CHAIN[:-1], replace(CHAIN[-1], has_approval=None, effect=None)], FLOWS)
    (path,) = match(system, (PATTERN,)).paths
    assert path.assumes == (
        "refund: what it can do is not known",
        "refund: whether a person approves is not known",
    )


def test_harmless_tool_is_no_end() -> None:
    assert ends(model_of([*CHAIN[:-1], replace(CHAIN[-1], effect=Effect.READ)], FLOWS)) == []


def test_text_does_not_pass_a_person() -> None:
    elements = [*CHAIN[:2], element("clerk", K.PERSON), *CHAIN[2:]]
    flows = [FLOWS[0], link("api", "clerk"), link("clerk", "app"), *FLOWS[2:]]
    assert ends(model_of(elements, flows)) == []


@pytest.mark.parametrize("sink", ["code", "weights", "command", "sql"])
def test_text_does_not_pass_where_it_turns_into_an_effect(sink: str) -> None:
    flows = [FLOWS[0], link("api", "app", sink=sink), *FLOWS[2:]]
    assert ends(model_of(CHAIN, flows)) == []


def test_step_that_is_not_far_asks_for_a_direct_link() -> None:
    near = PathPattern(steps=(USER, replace(MODEL, far=False), TOOL))
    assert ends(model_of(CHAIN, FLOWS), near) == []


def test_what_a_model_says_after_untrusted_text_is_model_output_over_any_link() -> None:
    flows = [*FLOWS[:3], link("gpt", "refund")]
    assert ends(model_of(CHAIN, flows)) == [("user", "api", "app", "gpt", "refund")]


def test_cleaned_link_does_not_reach_its_sink() -> None:
    sink = PathPattern(steps=(Step(kinds=(K.MODEL,)), Step(sinks=("command",), trusts=(T.MODEL_OUTPUT,))))
    shell = element("shell", K.SERVICE, effect=Effect.EXECUTE)
    raw = link("gpt", "shell", T.MODEL_OUTPUT, "command")
    assert ends(model_of([*CHAIN, shell], [raw]), sink) == [("gpt", "shell")]
    clean = link("gpt", "shell", T.MODEL_OUTPUT, "command", cleaned_by="shlex.quote")
    assert ends(model_of([*CHAIN, shell], [clean]), sink) == []


def test_path_does_not_pass_what_is_known_to_stop_it() -> None:
    limited = [CHAIN[0], replace(CHAIN[1], is_limited=True), *CHAIN[2:]]
    pattern = PathPattern(steps=(USER, replace(MODEL, past=("is_limited",))))
    assert ends(model_of(limited, FLOWS), pattern) == []
    assert ends(model_of(CHAIN, FLOWS), pattern) == [("user", "api", "app", "gpt")]


def test_link_must_cross_a_boundary_where_that_is_asked() -> None:
    pattern = PathPattern(steps=(Step(kinds=(K.AGENT,)), replace(MODEL, crosses=True)))
    assert ends(model_of(CHAIN, FLOWS), pattern) == []
    outside = [replace(one, boundary="outside") if one.id == "gpt" else one for one in CHAIN]
    assert ends(model_of(outside, FLOWS), pattern) == [("app", "gpt")]


def test_path_does_not_end_where_it_began() -> None:
    pattern = PathPattern(steps=(Step(kinds=(K.AGENT,)), Step(kinds=(K.AGENT,), far=True)))
    system = model_of(CHAIN, [link("app", "gpt"), link("gpt", "app")])
    assert ends(system, pattern) == []


def test_loops_are_bounded() -> None:
    flows = [*FLOWS[:3], link("gpt", "app"), link("app", "api")]
    assert ends(model_of(CHAIN, flows)) == []


def test_later_pattern_speaks_only_of_ends_that_no_earlier_one_reached() -> None:
    short = PathPattern(steps=(Step(kinds=(K.MODEL,)), TOOL))
    found = ends(model_of(CHAIN, FLOWS), PATTERN, short)
    assert found == [("user", "api", "app", "gpt", "refund")]
    assert ends(model_of(CHAIN, FLOWS[2:]), PATTERN, short) == [("gpt", "refund")]


def test_what_is_shown_does_not_begin_in_the_middle_of_another_path() -> None:
    start = Step(kinds=(K.PERSON, K.API), trusts=(T.USER,))
    flows = [FLOWS[0], link("api", "app", T.USER), *FLOWS[2:]]
    found = match(model_of(CHAIN, flows), (PathPattern(steps=(start, MODEL, TOOL)),))
    assert [[each.id for each in path.elements] for path in found.paths] == [
        ["user", "api", "app", "gpt", "refund"]
    ]
    assert found.more == 0


def test_more_paths_than_are_shown_are_counted() -> None:
    tools = [replace(CHAIN[-1], id=f"t{number}", name=f"t{number}") for number in range(12)]
    flows = [*FLOWS[:3], *(link("gpt", tool.id, T.MODEL_OUTPUT) for tool in tools)]
    found = match(model_of([*CHAIN[:-1], *tools], flows), (PATTERN,), bounds=Bounds(max_paths=5))
    assert (len(found.paths), found.more) == (5, 7)


def test_assumed_link_is_told() -> None:
    flows = [*FLOWS[:3], link("gpt", "refund", T.MODEL_OUTPUT, assumed="nobody saw it")]
    assert match(model_of(CHAIN, flows), (PATTERN,)).paths[0].assumes == ("gpt to refund: nobody saw it",)


SINKS = (
    "",
    "context",
    "system-prompt",
    "command",
    "sql",
    "index",
    "memory",
    "training",
    "weights",
    "inference",
)
FLAG = st.sampled_from([None, True, False])


def random_model(seed: int, elements: int, links: int) -> SystemModel:
    dice = random.Random(seed)
    kinds, trusts, effects = list(K), list(T), [None, *Effect]
    made = [
        element(
            f"e{number}", dice.choice(kinds), effect=dice.choice(effects), has_approval=dice.choice([None, True, False]),
            executes=dice.choice([None, True, False]), is_limited=dice.choice([None, True, False]),
            boundary=dice.choice(["", "outside"]),
        )
        for number in range(elements)
    ]  # fmt: skip
    flows = [
        link(dice.choice(made).id, dice.choice(made).id, dice.choice(trusts), dice.choice(SINKS))
        for _ in range(links)
    ]
    return model_of(made, [flow for flow in flows if flow.source != flow.target])


def applying(system: SystemModel) -> set[str]:
    return {threat.id for threat in read_own().threats if match(system, threat.patterns).paths}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 20), st.integers(1, 40), st.integers(0, 10_000))
def test_element_or_link_more_never_takes_a_threat_away(
    seed: int, elements: int, links: int, extra: int
) -> None:
    before = random_model(seed, elements, links)
    dice = random.Random(extra)
    new = element("new", dice.choice(list(K)), effect=dice.choice([None, *Effect]))
    ids = [one.id for one in before.elements]
    flows = [
        link(dice.choice(ids), "new", dice.choice(list(T)), dice.choice(SINKS)),
        link("new", dice.choice(ids), dice.choice(list(T)), dice.choice(SINKS)),
        link(ids[0], ids[-1], dice.choice(list(T)), dice.choice(SINKS)),
    ]
    after = replace(
        before,
        elements=(*before.elements, new),
        links=(*before.links, *(one for one in flows if one.source != one.target)),
    )
    assert applying(before) <= applying(after)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_every_path_follows_links_of_the_model_and_the_answer_is_the_same_each_time(seed: int) -> None:
    system = random_model(seed, 15, 40)
    for threat in read_own().threats:
        found = match(system, threat.patterns)
        assert found == match(system, threat.patterns)
        for path in found.paths:
            assert len(path.links) == len(path.elements) - 1
            for flow, start, end in zip(path.links, path.elements, path.elements[1:], strict=False):
                assert flow in system.links
                assert (flow.source, flow.target) == (start.id, end.id)
