"""Flows: the facts that come out when values were followed through a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Flow, Trust
from keelmark.errors import LimitExceededError
from keelmark.formats.python.taint.arrivals import sinks_of
from keelmark.formats.python.taint.checks import path_of
from keelmark.formats.python.taint.entries import Entry, seeds
from keelmark.formats.python.taint.execute import judge, judge_module
from keelmark.formats.python.taint.machine import Machine
from keelmark.formats.python.taint.table_sources import WEB_ROOTS, source_of
from keelmark.formats.python.taint.values import EXEMPT, Hit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Function

__all__ = ["flows_of"]

_ROUNDS = 2


def flows_of(index: Index, entries: Mapping[Function, Entry]) -> tuple[Flow, ...]:
    """Every flow of the module once, in order of the sinks.

    Raises:
        LimitExceededError: The module takes too many evaluations; flows of it are not known.
    """
    if not _may_flow(index, entries):
        return ()
    seeded = {function: (entry, *seeds(function, entry, index)) for function, entry in entries.items()}
    for function in _request_functions(index, entries):
        entry = Entry(trust=Trust.REQUEST, label=f"`{function.qualname}`")
        seeded[function] = (entry, {}, {argument.arg for argument, _ in function.parameters[:1]})
    machine = Machine(index, seeded, judge)
    hits: set[Hit] = set()
    for _ in range(_ROUNDS):
        known = dict(machine.member_values)
        hits |= _round(machine, index)
        if machine.member_values == known:
            break
        machine.forget()
    if machine.left < 0:
        raise LimitExceededError("too many expressions to follow values through")
    return _flows(hits, index)


def _round(machine: Machine, index: Index) -> set[Hit]:
    frame = judge_module(machine, index.body)
    machine.module_values = frame.values
    hits = set(frame.hits)
    functions = [*index.functions, *index.lambdas.values()][: index.bounds.max_functions]
    for function in functions:
        hits |= machine.summary(function).hits
    return hits


def _may_flow(index: Index, entries: Mapping[Function, Entry]) -> bool:
    roots = {entry.name.partition(".")[0] for entry in index.imports}
    has_source = bool(entries) or not WEB_ROOTS.isdisjoint(roots) or "sys" in roots
    if not has_source and not any(
        source_of(site.name, "" if site.name else path_of(site.node.func)) for site in index.sites
    ):
        return False
    if any(entry.returns_page for entry in entries.values()):
        return True
    if any("content" in site.keys for site in index.dicts) or any(
        root.startswith("langchain") for root in roots
    ):
        return True
    return any(True for site in index.sites for _ in sinks_of(site.node, site.name, index, site.scope))


def _request_functions(index: Index, entries: Mapping[Function, Entry]) -> list[Function]:
    """Functions that take a request object, though nothing in this module says where they are routed."""
    roots = {entry.name.partition(".")[0] for entry in index.imports}
    is_django = bool(roots & {"django", "rest_framework"})
    found = []
    for function in index.functions:
        parameters = function.parameters
        if function in entries or not parameters or not is_django:
            continue
        if parameters[0][0].arg == "request":
            found.append(function)
    return found


def _flows(hits: Iterable[Hit], index: Index) -> tuple[Flow, ...]:
    best: dict[tuple[object, ...], Flow] = {}
    for hit in sorted(hits, key=_order):
        if hit.taint.source is None:
            continue
        by = hit.taint.cleaner(hit.sink)
        if by == EXEMPT:
            continue
        key = (hit.taint.source, hit.taint.origin, hit.sink, hit.callee, hit.line)
        known = best.get(key)
        if known is None or (known.cleaned_by and not by):
            best[key] = Flow(
                source=hit.taint.source,
                origin=hit.taint.origin,
                origin_line=hit.taint.line,
                sink=hit.sink,
                callee=hit.callee,
                line=hit.line,
                steps=hit.taint.steps,
                cleaned_by=by or "",
                scope=hit.scope,
                anchor=index.text.anchor(hit.line),
            )
    ordered = sorted(best.values(), key=lambda flow: (flow.line, flow.sink, flow.origin_line, flow.origin))
    return tuple(ordered[: index.bounds.max_items])


def _order(hit: Hit) -> tuple[int, str, str, int, int, tuple[str, ...]]:
    taint = hit.taint
    return (hit.line, hit.callee, taint.origin, taint.line, len(taint.steps), taint.steps)
