"""A declared limit of growth lies beyond the size at which another threat appears or the appetite is exceeded.

## What it finds

Limits of the growth envelope that are larger than the system can become before something changes in its threat model: a
threat of the library begins to apply between the size of today and the limit, an approval that is declared to depend on the
case can no longer be relied on, or, where losses are estimated and an appetite is declared, the simulated annual loss leaves
the appetite. Each dimension is looked at alone. For the figures every control counts as if it worked, so that what is
reported holds whatever the controls do. A dimension of which the size today is not declared is left alone unless figures ask
for it.

## Why it matters

The envelope says how far the decision to release holds. A limit that nobody computed lets the system grow into threats that
nobody weighed.

## How to fix

Lower the limit to the one that was computed, or weigh the threat at the larger size: add controls, decide what is done about
it, and state the size of today anew once it has been weighed.

```yaml
growth_envelope:
  users: { limit: 50, now: 40 }   # not 100000 when the appetite ends at 60
```
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.core.system_model import GROWING
from keelmark.core.threats import Analysis, ApplicableThreat, ControlState
from keelmark.design.checks._gaps import answer_code_gaps
from keelmark.design.threats.envelope import envelope_of, too_wide
from keelmark.design.threats.library.load import load
from keelmark.design.threats.reanalysis import reanalysis
from keelmark.design.threats.risk import Simulation
from keelmark.design.threats.scenarios import Figures, approvals_by_case
from keelmark.design.threats.system import system_of
from keelmark.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keelmark.core.declaration import Declaration
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.core.system_model import SystemModel
    from keelmark.core.threats import Beyond, Library

CARD = Card(
    id="growth-envelope-too-wide",
    title="A limit of growth lies beyond the size for which the threats were weighed",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.f", "X7.a"),
    tags=("en-304-223:5.1.3-1.1",),
    audience=Audience.RISK_OWNER,
    references=(
        "Guidelines for secure AI system development: Model the threats to your system",
        "The Open Group: Open FAIR",
    ),
)

FIX = "Lower the limit, or weigh the threat at the larger size and say what is done about it."


def check(project: Project) -> Iterator[Finding]:
    """Answer for each limit that is too large, or once."""
    declaration = project.declaration
    limits = _limits(declaration) if declaration else {}
    if declaration is None or not limits:
        yield CARD.not_applicable("no limit of growth is declared in numbers")
        return
    at = _place(project, "growth_envelope")
    library = load()
    if not _can_matter(declaration, library, limits):
        yield CARD.passed("no threat of the library begins below the declared limits", at=at)
        return
    try:
        found = _computed(project, declaration, library)
    except (UsageError, ConfigurationError) as error:
        yield CARD.unknown(f"the limits could not be computed: {error.message}", fix=error.hint, at=at)
        return
    wide = too_wide(found, declaration.growth_envelope)
    for entry in wide:
        yield CARD.failed(
            f"{entry.dimension.replace('_', ' ')} may grow to {entry.declared:g}, and the threat model holds up to "
            f"{entry.beyond.limit:g}: {entry.beyond.because}",
            at=_place(project, f"growth_envelope.{entry.dimension}"),
            fix=FIX,
            subject=entry.dimension,
        )
    yield from _rest(project, declaration, found, limits, has_failed=bool(wide))


def _rest(
    project: Project,
    declaration: Declaration,
    found: tuple[Beyond, ...],
    limits: dict[str, float],
    *,
    has_failed: bool,
) -> Iterator[Finding]:
    at = _place(project, "growth_envelope")
    unsaid = [beyond.dimension for beyond in found if beyond.now is None and beyond.dimension in limits]
    if unsaid and _has_figures(declaration):
        names = ", ".join(name.replace("_", " ") for name in unsaid)
        yield CARD.unknown(
            f"an appetite is declared, and how it fares at the limits of {names} cannot be computed without the size today",
            fix="State `now` beside each `limit`.",
            at=at,
        )
        return
    hidden = tuple(answer_code_gaps(CARD, project, "threat that begins below a limit"))
    yield from hidden
    if not has_failed and not hidden:
        yield CARD.passed("no further threat begins below the declared limits", at=at)


def _limits(declaration: Declaration) -> dict[str, float]:
    envelope = declaration.growth_envelope
    stated = {name: getattr(envelope, name) for name in GROWING} if envelope else {}
    return {name: limit.limit for name, limit in stated.items() if limit is not None}


def _has_figures(declaration: Declaration) -> bool:
    model = declaration.threat_model
    return model is not None and bool(model.estimates) and model.appetite is not None


def _can_matter(declaration: Declaration, library: Library, limits: dict[str, float]) -> bool:
    """Whether anything can begin below a limit at all; most systems need not be looked at again."""
    envelope = declaration.growth_envelope
    begins = any(
        growth.above is not None
        and growth.dimension in limits
        # What is not known to be small is large: such a threat applies today.
        and getattr(envelope, growth.dimension).now is not None
        and getattr(envelope, growth.dimension).now <= growth.above < limits[growth.dimension]
        for threat in library.threats
        for growth in threat.growth
    )
    by_case = "autonomy" in limits and bool(approvals_by_case(declaration.tools))
    return begins or by_case or _has_figures(declaration)


def _computed(project: Project, declaration: Declaration, library: Library) -> tuple[Beyond, ...]:
    model = system_of(project)
    declared = declaration.threat_model
    figures = None
    if declared is not None and declared.estimates and declared.appetite is not None:
        figures = Figures(simulation=Simulation(declared.estimates), appetite=declared.appetite)
    return envelope_of(
        model,
        _as_if_proven(model, library),
        figures=figures,
        by_case=approvals_by_case(declaration.tools),
        dimensions=GROWING,
    )


def _as_if_proven(
    model: SystemModel, library: Library
) -> Callable[[SystemModel], tuple[ApplicableThreat, ...]]:
    """The threats that apply, each with all of its controls at work."""
    nothing = Analysis(
        model=model, threats=(), not_applicable=(), discrepancies=(), library=library.versions, digest=""
    )
    again = reanalysis(nothing, library)

    def applicable(then: SystemModel) -> tuple[ApplicableThreat, ...]:
        return tuple(
            replace(
                found,
                controls=tuple(replace(applied, state=ControlState.PROVEN) for applied in found.controls),
            )
            for found in again(then)
        )

    return applicable


def _place(project: Project, dotted: str) -> Location:
    line = project.declaration.line(dotted) if project.declaration else 0
    return Location(path=project.declaration_path, line=line)
