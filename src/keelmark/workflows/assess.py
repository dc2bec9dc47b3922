"""Assess a project: walk once, collect facts, run rules, decide, keep the evidence.

Nothing is written inside the assessed folder except `.keelmark/`, and nothing at all with `write=False`.
"""

from __future__ import annotations

import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from keelmark.config import declaration as declaration_file
from keelmark.core.assessment import Assessment, Coverage
from keelmark.core.clock import Clock, FixedClock, SystemClock
from keelmark.core.declaration import Profile
from keelmark.core.facts import FileFacts, Gap, GapReason
from keelmark.core.project import Project
from keelmark.deployment.release.gate import Policy, decide
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine import collect as collecting
from keelmark.engine import walk as walking
from keelmark.engine.exclusions import in_force
from keelmark.engine.readers import all_readers, code_state
from keelmark.engine.run import run_rules
from keelmark.engine.tree import tree_digest
from keelmark.engine.waivers import apply_waivers
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.guidelines.applicability import inapplicable
from keelmark.store.fact_cache import SqliteFactCache, readers_version
from keelmark.store.sqlite import SqliteEvidence
from keelmark.version import __version__
from keelmark.workflows.baseline import compare, read_baseline
from keelmark.workflows.extras import prepare_extras
from keelmark.workflows.records import record_assessment
from keelmark.workflows.rulebook import rulebook
from keelmark.workflows.unseen import find_unseen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.config.settings import AssessSettings
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.declaration import Exclusion
    from keelmark.core.finding import Finding
    from keelmark.engine.discovery import Found

__all__ = ["EVIDENCE_FILE", "Examination", "Progress", "Target", "assess", "examine", "target_of"]

EVIDENCE_FILE = Path(".keelmark/evidence.db")


class Progress(Protocol):
    """Hears how far a run is."""

    def start(self, total: int) -> None:
        """So many files will be read."""
        ...

    def advance(self, path: str) -> None:
        """One file was read."""
        ...


class Silence:
    """A progress that says nothing."""

    def start(self, total: int) -> None:
        """Say nothing."""

    def advance(self, path: str) -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is assessed.

    Attributes:
        root: The folder.
        only: Files to look at, relative to the folder; empty for all.
    """

    root: Path
    only: tuple[str, ...] = ()


def target_of(paths: Sequence[Path]) -> Target:
    """The target that paths of the command line name: one folder, or files of the current folder.

    Raises:
        UsageError: A path does not exist, or folders and files are mixed.
    """
    if not paths:
        return Target(root=Path.cwd())
    missing = next((path for path in paths if not os.path.lexists(path)), None)
    if missing is not None:
        raise UsageError(f"`{missing}` does not exist", hint="name a folder, or files of the current folder")
    if len(paths) == 1 and paths[0].is_dir():
        return Target(root=paths[0].resolve())
    root = Path.cwd()
    inside = []
    for path in paths:
        if path.is_dir():
            raise UsageError(f"`{path}` is a folder", hint="name one folder, or files only")
        resolved = path.parent.resolve() / path.name
        if not resolved.is_relative_to(root):
            raise UsageError(
                f"`{path}` lies outside the current folder", hint="run in the folder of the project"
            )
        inside.append(resolved.relative_to(root).as_posix())
    return Target(root=root, only=tuple(inside))


@dataclass(slots=True)
class _Reading:
    """What the walk and the readers gave so far."""

    files: list[FileFacts] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    cached: int = 0
    is_interrupted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """An assessment, and the facts that it rests on."""

    project: Project
    assessment: Assessment


def assess(
    target: Target,
    settings: AssessSettings,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Assess one target; see `examine`."""
    return examine(target, settings, clock=clock, progress=progress).assessment


def examine(
    target: Target,
    settings: AssessSettings,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Examination:
    """Assess one target, and hand out the facts too.

    Raises:
        UsageError: The target cannot be assessed.
        ConfigurationError: `keelmark.yaml` or a setting is wrong.
        StoreError: The evidence could not be kept.
    """
    time_of_day = clock or SystemClock()
    started, began = time_of_day.now(), time.monotonic()
    speaks_of = FixedClock.on(settings.as_of).now() if settings.as_of else started
    catalogue = load_catalogue()
    found_file = declaration_file.find(target.root)
    declared = declaration_file.read(found_file, catalogue=catalogue) if found_file else None
    baseline = read_baseline(settings.baseline) if settings.baseline else None
    rules = rulebook(catalogue, with_plugins=settings.plugins)
    exclude = in_force(declared.exclude, today=speaks_of.date()) if declared else ()
    read = _read(target, settings, exclude, progress or Silence())
    project = Project(
        name=target.root.name,
        today=speaks_of.date(),
        files=tuple(read.files),
        gaps=collecting.without_found(read.gaps, read.files),
        inventory=take_inventory(read.files),
        declaration=declared,
        declaration_path=found_file.name if found_file else "keelmark.yaml",
        is_partial=bool(target.only),
        extras=prepare_extras(settings, target.root),
    )
    findings = _findings(rules, project)
    assessment = Assessment(
        id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
        target=target.root.name,
        system=declared.system.name if declared and declared.system else target.root.name,
        version=__version__,
        started=started,
        duration_s=round(time.monotonic() - began, 3),
        today=project.today,
        tree_digest=tree_digest((facts.path, facts.digest) for facts in read.files),
        decision=decide(findings, _policy(project, settings, catalogue, rules)),
        findings=findings,
        inventory=project.inventory,
        gaps=project.gaps,
        coverage=_coverage(read, rules),
        settings=settings.origins,
        comparison=compare(findings, baseline) if baseline else None,
        is_partial=project.is_partial,
        is_interrupted=read.is_interrupted,
        only_new=settings.only_new,
    )
    if settings.write and not project.is_partial:
        with SqliteEvidence(target.root / EVIDENCE_FILE) as store:
            store.keep(assessment)
        record_assessment(target.root, assessment, declared, wanted=settings.log, clock=time_of_day)
    return Examination(project=project, assessment=assessment)


def _read(
    target: Target, settings: AssessSettings, exclude: Sequence[Exclusion], progress: Progress
) -> _Reading:
    read = _Reading()
    entries = _entries(target, settings, exclude, read)
    readers = all_readers()
    cache = None
    if settings.cache and settings.write and not _is_inside(settings.cache_dir, target.root):
        version = readers_version(readers, keelmark=f"{__version__} {code_state()}")
        cache = SqliteFactCache(settings.cache_dir / "facts.db", version=version)
    bounds = collecting.Bounds(max_seconds=settings.max_seconds)
    progress.start(len(entries))
    try:
        for collected in collecting.collect(entries, readers, cache=cache, bounds=bounds):
            read.files.append(collected.facts)
            read.cached += collected.is_cached
            read.gaps.extend(collected.facts.gaps)
            progress.advance(collected.facts.path)
    except KeyboardInterrupt:
        read.is_interrupted = True
        left = [entry.path for entry in entries[len(read.files) :]]
        read.gaps.extend(
            Gap(path=path, reason=GapReason.OUT_OF_TIME, detail="the run was stopped") for path in left
        )
    finally:
        if cache is not None:
            cache.close()
    return read


def _is_inside(folder: Path, root: Path) -> bool:
    # A folder must not bring its own answers, and nothing is written in it but `.keelmark/`.
    return folder.resolve().is_relative_to(root.resolve())


def _entries(
    target: Target, settings: AssessSettings, exclude: Sequence[Exclusion], read: _Reading
) -> list[walking.Entry]:
    if target.only:
        met = [_entry(target.root, path, exclude) for path in sorted(set(target.only))]
        read.gaps.extend(entry for entry in met if isinstance(entry, Gap))
        return [entry for entry in met if isinstance(entry, walking.Entry)]
    try:
        met_all = walking.walk(
            target.root, exclude=exclude, bounds=walking.Bounds(max_files=settings.max_files)
        )
    except OSError as error:
        raise UsageError(f"`{target.root.name}` cannot be listed: {error.strerror}") from error
    read.gaps.extend(met_all.gaps)
    return met_all.entries


def _entry(root: Path, path: str, exclude: Sequence[Exclusion]) -> walking.Entry | Gap:
    left_out = walking.excluded(root / path, walking.readable(path), root=root, exclude=exclude)
    return left_out or walking.entry_of(root / path, walking.readable(path))


def _findings(rules: Sequence[Found], project: Project) -> tuple[Finding, ...]:
    asked = [found.rule for found in rules if found.card.reads_single_files or not project.is_partial]
    findings = run_rules(asked, project)
    waivers = project.declaration.waivers if project.declaration else ()
    return apply_waivers(findings, waivers, today=project.today)


def _policy(
    project: Project, settings: AssessSettings, catalogue: Catalogue, rules: Sequence[Found]
) -> Policy:
    declared = project.declaration
    strict = Profile.STRICT in {settings.profile, declared.profile if declared else Profile.DEFAULT}
    is_critical = declared.criticality.is_critical if declared and declared.criticality else None
    unseen = find_unseen(project)
    return Policy(
        catalogue=catalogue,
        today=project.today,
        profile=Profile.STRICT if strict else Profile.DEFAULT,
        is_critical=is_critical,
        declaration=declared,
        inapplicable=inapplicable(project.inventory.traits),
        unseen=unseen.hiding,
        apart=unseen.apart,
        declarative=frozenset(found.card.id for found in rules if found.card.reads_declaration_alone),
    )


def _coverage(read: _Reading, rules: Sequence[Found]) -> Coverage:
    opaque: dict[str, int] = {}
    for facts in read.files:
        # An empty file hides nothing, and what a gap names is counted there.
        if not facts.readings and facts.size and not facts.gaps:
            name = facts.path.rpartition("/")[2]
            suffix = f".{name.rpartition('.')[2]}" if "." in name[1:] else name
            opaque[suffix] = opaque.get(suffix, 0) + 1
    return Coverage(
        files=len(read.files),
        read=sum(bool(facts.readings) or not facts.size for facts in read.files),
        cached=read.cached,
        opaque=tuple(sorted(opaque.items(), key=lambda pair: (-pair[1], pair[0]))),
        bytes=sum(facts.size for facts in read.files),
        rules=len(rules),
    )
