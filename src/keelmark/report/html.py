"""One self-contained page that a risk owner can read, print and sign.

No external resource, no network, no cookie. It works without script: filters are style sheet rules over checkboxes,
folding is `<details>`. The content security policy names style and script by digest and forbids the rest. Every value
is cleaned by `sanitise` and then escaped, both by the environment, so a template cannot forget it.
"""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from keelmark.core.outcome import Area, Outcome, Status
from keelmark.report import html_view
from keelmark.report.reasons import reasons
from keelmark.report.sanitise import name, segments, sentence
from keelmark.report.summary import (
    AREA_TITLES,
    OTHER_ROWS,
    STATUS_WORDS,
    count,
    gap_groups,
    headline,
    next_steps,
    waived,
)
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card

__all__ = ["asset", "environment", "finished", "policy_of", "render"]

_TEMPLATE = "report.html.j2"


def render(assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The page."""
    pages = environment()
    style = asset("report.css")
    script = asset("report.js.j2")
    top = reasons(assessment, catalogue=catalogue, cards=cards)
    page = pages.get_template(_TEMPLATE).render(
        style=style,
        script=script,
        policy=policy_of(style, script),
        keelmark=__version__,
        a=assessment,
        catalogue=catalogue,
        head=headline(assessment),
        reasons=top,
        areas=html_view.areas(assessment, catalogue),
        groups=html_view.finding_groups(assessment, catalogue, cards),
        tables=html_view.recommendation_tables(assessment, catalogue),
        assets=html_view.asset_groups(assessment),
        gap_groups=gap_groups(assessment),
        waived=waived(assessment),
        attested=[row for row in assessment.decision.standings if row.status is Status.ATTESTED],
        counts=html_view.outcome_counts(assessment),
        steps=next_steps(assessment, top, cards),
        bounds=html_view.BOUNDS,
    )
    return finished(page)


def finished(page: str) -> str:
    """A page that shows the same, and out of which no CI log that prints it reads a command."""
    return page.replace("##[", "#&#35;[")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """What every page is made with: cleans and escapes each value, so that no template can forget it."""
    made = Environment(
        loader=PackageLoader("keelmark.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(prose=_prose, place=name, size=_size, number="{:,}".format)
    made.globals.update(
        AREA_TITLES=AREA_TITLES,
        OTHER_ROWS=OTHER_ROWS,
        STATUS_WORDS=STATUS_WORDS,
        SYMBOLS=html_view.SYMBOLS,
        Area=Area,
        Outcome=Outcome,
        Status=Status,
        count=count,
    )
    return made


def _finalized(value: object) -> object:
    # INVARIANT: whatever a template prints is cleaned here, before it is escaped; only our own mark-up passes.
    if isinstance(value, str) and not isinstance(value, Markup):
        return sentence(value, limit=html_view.BOUNDS.sentence)
    return value


def _prose(text: str) -> Markup:
    """A message, with what stands in backticks as code."""
    clean = sentence(text, limit=html_view.BOUNDS.sentence)
    parts = [
        Markup("<code>{}</code>").format(part) if is_code else escape(part)
        for part, is_code in segments(clean)
    ]
    return Markup("").join(parts)


def _size(number: int | None) -> str:
    if number is None:
        return ""
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def asset(file: str) -> Markup:
    """A packaged style sheet or script, as it stands."""
    loader = environment().loader
    assert loader is not None
    source, _, _ = loader.get_source(environment(), file)
    return Markup(source)  # noqa: S704 - our own packaged file


def policy_of(style: str, script: str = "") -> str:
    """The content security policy of a page with this style and script, and nothing else."""
    scripts = f"'{_digest(script)}'" if script else "'none'"
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src {scripts}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
