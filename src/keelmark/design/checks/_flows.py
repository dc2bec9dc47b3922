"""What the flow rules share: one finding for each flow, credit for flows that are made harmless."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.facts import Flow, Sink, Trust
from keelmark.core.outcome import Severity
from keelmark.design.checks._gaps import answer_code_gaps
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Card, Finding
    from keelmark.core.project import Project, Seen

__all__ = ["answer_flows"]

# A person at the keyboard is trusted on his own machine; everybody else is not.
_REMOTE = {Trust.REQUEST, Trust.TOOL_ARGUMENT, Trust.MODEL_OUTPUT, Trust.RETRIEVED}
# Only there are values followed through the code.
_FOLLOWED = {"python"}
# Definitions of tools are modules without code.
_NO_CODE = {"json"}


def answer_flows(
    card: Card,
    project: Project,
    *sinks: Sink,
    danger: str,
    fix: str,
    sources: frozenset[Trust] | None = None,
) -> Iterator[Finding]:
    """Answer for every flow from an untrusted source to one of these sinks.

    Args:
        card: Of the rule that asks.
        project: The facts.
        sinks: Kinds of sink.
        danger: What the sink does with the value, as the end of a sentence: "is run by the shell".
        fix: What to do.
        sources: Origins that count; None for every one but the person at the keyboard.
    """
    wanted = sources or _REMOTE
    flows = [seen for seen in project.flows_to(*sinks) if seen.fact.source in wanted]
    open_flows = [seen for seen in flows if not seen.fact.cleaned_by]
    for arrivals in _by_place(open_flows):
        yield _failed(card, arrivals, danger=danger, fix=fix)
    if not open_flows:
        yield from _clean(card, project, flows)


def _clean(card: Card, project: Project, flows: list[Seen[Flow]]) -> Iterator[Finding]:
    gaps = tuple(answer_code_gaps(card, project, "such flow"))
    followed = [seen for seen in project.modules if seen.fact.language in _FOLLOWED]
    languages = sorted({seen.fact.language for seen in project.modules} - _NO_CODE)
    if gaps:
        yield from gaps
    elif flows:
        cleaned = sorted({seen.fact.cleaned_by for seen in flows})
        places = tuple(seen.at() for seen in flows[:10])
        yield card.passed(f"{counted(len(flows), 'flow')} made harmless by {', '.join(cleaned)}", at=places)
    elif not languages:
        yield card.not_applicable("no source code was found")
    elif not followed:
        yield card.unknown(
            f"values are followed through Python only; the code is {', '.join(languages)}",
            fix="Have the code reviewed, or attest that it was.",
        )
    else:
        yield card.passed(
            f"no such flow in {counted(len(followed), 'module')}; flows between modules are not followed"
        )


def _by_place(flows: list[Seen[Flow]]) -> Iterator[list[Seen[Flow]]]:
    """Flows that arrive at one call together: one place to mend."""
    places: dict[tuple[str, int, str], list[Seen[Flow]]] = defaultdict(list)
    for seen in flows:
        places[seen.file.path, seen.fact.line, seen.fact.callee].append(seen)
    yield from places.values()


def _failed(card: Card, arrivals: list[Seen[Flow]], *, danger: str, fix: str) -> Finding:
    seen = arrivals[0]
    flow = seen.fact
    others = sorted({other.fact.origin for other in arrivals} - {flow.origin})
    # A place in words ("response body") is no name of a function.
    place = f"the {flow.callee}" if " " in flow.callee else f"`{flow.callee}`"
    message = f"{flow.origin} reaches {place} and {danger}"
    severity = card.severity if seen.is_product else Severity.LOW
    evidence = [("source", flow.source.value), ("origin line", str(flow.origin_line))]
    if flow.steps:
        evidence.append(("way", " -> ".join(flow.steps)))
    evidence.extend(("also", origin) for origin in others[:5])
    return card.failed(
        message,
        at=seen.at(),
        fix=fix,
        subject=f"{flow.scope}:{flow.callee}",
        severity=severity,
        evidence=evidence,
    )
