"""No evaluation shows that the release is good enough.

## What it finds

A project with a model (its own or a hosted one) without an evaluation report: no document shows a benchmark with
figures for the thing that is released.

## Why it matters

A release without an evaluation is a hope. The guidelines ask for release only after appropriate and effective
evaluation such as benchmarking.

## How to fix

Write `docs/evaluation-report.md`: which suite, how many samples, on which digests, the figures with their error, the
threshold, and what failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.deployment.checks._models import has_model
from keelmark.engine.answers import Topic, answer_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="missing-security-evaluation",
    title="No evaluation shows that the release is good enough",
    severity=Severity.MEDIUM,
    recommendations=("DEP-4.b", "DEP-4.a"),
    settles=("DEP-4.b",),
    tags=("en-304-223:5.2.5-1", "atlas:AML.M0008"),
)

WRITE = "Write docs/evaluation-report.md: suite, samples, digests, figures with their error, threshold, what failed."
_RUNS = re2.compile(
    r"(^|/)(evals?|evaluations?)/|(^|/)(eval|evaluate|evaluation|run_evals?)\.(py|ipynb|ts|js)$"
)

FIGURES = Topic(
    name="figures of a benchmark",
    pattern=r"(accuracy|precision|recall|f1|auc|bleu|rouge|perplexity|pass@|exact match|mae|rmse|wer|win rate|success rate"
    r"|score|error rate|latency)[^\n]{0,60}[0-9]",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for the project."""
    if not has_model(project):
        yield CARD.not_applicable("no model was found")
        return
    if not project.documents(DocumentKind.EVALUATION_REPORT, DocumentKind.MODEL_CARD):
        runs = [seen for seen in project.modules if seen.is_product and _RUNS.search(seen.file.path.lower())]
        if runs:
            yield CARD.failed(
                f"{runs[0].file.path} evaluates, and no document tells what came out",
                at=runs[0].at(0),
                fix=WRITE,
            )
            return
    yield from answer_document(
        CARD,
        project,
        DocumentKind.EVALUATION_REPORT,
        DocumentKind.MODEL_CARD,
        what="a document with an evaluation",
        write=WRITE,
        topics=(FIGURES,),
    )
