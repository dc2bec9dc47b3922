"""Analyses the threats of a project: assesses it, derives the system, and applies the library to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.assessment import Assessment
from keelmark.core.project import Project
from keelmark.core.threats import Analysis, Library
from keelmark.design.threats.analyse import analyse
from keelmark.design.threats.controls import Evidence, evidence_of
from keelmark.design.threats.library.load import load as load_library
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.workflows.assess import examine
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from keelmark.config.settings import AssessSettings
    from keelmark.core.clock import Clock
    from keelmark.workflows.assess import Progress, Target

__all__ = ["ThreatRun", "model_threats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreatRun:
    """An analysis, and what it rests on."""

    analysis: Analysis
    assessment: Assessment
    project: Project
    library: Library
    evidence: Evidence


def model_threats(
    target: Target,
    settings: AssessSettings,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> ThreatRun:
    """The threats of one project.

    Raises:
        UsageError: The target is no whole project, or cannot be read.
        ConfigurationError: What is declared, or a setting, is wrong.
        StoreError: The evidence could not be kept.
    """
    if target.only:
        msg = "threats are those of a whole project"
        raise UsageError(msg, hint="name one folder")
    library = load_library()
    examined = examine(target, settings, clock=clock, progress=progress)
    rules = rulebook(load_catalogue(), with_plugins=settings.plugins)
    declarative = frozenset(found.card.id for found in rules if found.card.reads_declaration_alone)
    return ThreatRun(
        analysis=analyse(examined.project, examined.assessment, library, declarative=declarative),
        assessment=examined.assessment,
        project=examined.project,
        library=library,
        evidence=evidence_of(examined.assessment, declarative=declarative),
    )
