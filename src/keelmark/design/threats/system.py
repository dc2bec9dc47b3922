"""The system of a project, found and declared together: derived once, whoever asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.design.threats.join import join
from keelmark.design.threats.observe import observe

if TYPE_CHECKING:
    from keelmark.core.project import Project
    from keelmark.core.system_model import SystemModel
    from keelmark.core.threats import Discrepancy

__all__ = ["discrepancies_of", "observed_of", "system_of"]


def observed_of(project: Project) -> SystemModel:
    """The system as its folder shows it."""
    return project.once(observe)


def system_of(project: Project) -> SystemModel:
    """The system as found and declared together."""
    return project.once(_joined)[0]


def discrepancies_of(project: Project) -> tuple[Discrepancy, ...]:
    """Where what was found and what is declared differ."""
    return project.once(_joined)[1]


def _joined(project: Project) -> tuple[SystemModel, tuple[Discrepancy, ...]]:
    return join(observed_of(project), project.declaration, paths=project.by_path)
