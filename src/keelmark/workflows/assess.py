"""Assess a project: walk once, collect facts, run rules, decide, keep the evidence.

Nothing is written inside the assessed folder except `.keelmark/`, and nothing at all with `write=False`.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from keelmark import __version__
from keelmark.config import declaration as declaration_file
from keelmark.core.assessment import Assessment, Coverage
from keelmark.core.clock import Clock, FixedClock, SystemClock
from keelmark.core.declaration import Declaration, Profile
from keelmark.core.facts import FileFacts, FileRole, Gap, GapReason
from keelmark.core.project import Project
from keelmark.deployment.release.gate import Policy, decide
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine import collect as collecting
from keelmark.engine import walk as walking
from keelmark.engine.readers import all_readers, code_state
from keelmark.engine.roles import role_of
from keelmark.engine.run import run_rules
from keelmark.engine.waivers import apply_waivers
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.guidelines.applicability import inapplicable
from keelmark.store.fact_cache import SqliteFactCache, readers_version
from keelmark.store.sqlite import SqliteEvidence
from keelmark.workflows.baseline import compare, read_baseline
from keelmark.workflows.extras import prepare_extras
from keelmark.workflows.rulebook import rulebook

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from keelmark.config.settings import AssessSettings
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.decision import Decision
    from keelmark.core.finding import Finding
    from keelmark.engine.discovery import Found

__all__ = ["EVIDENCE_FILE", "Progress", "Target", "assess", "target_of"]

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


def assess(
    target: Target,
    settings: AssessSettings,
    *,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Assess one target.

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
    read = _read(target, settings, declared, progress or Silence())
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
        tree_digest=_tree_digest(read.files),
        decision=_decision(findings, project, settings, catalogue),
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
    return assessment


def _read(
    target: Target, settings: AssessSettings, declared: Declaration | None, progress: Progress
) -> _Reading:
    read = _Reading()
    entries = _entries(target, settings, declared, read)
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
    target: Target, settings: AssessSettings, declared: Declaration | None, read: _Reading
) -> list[walking.Entry]:
    exclude = declared.exclude if declared else ()
    if target.only:
        met = [
            walking.excluded(path, exclude) or walking.entry_of(target.root / path, walking.readable(path))
            for path in sorted(set(target.only))
        ]
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


def _findings(rules: Sequence[Found], project: Project) -> tuple[Finding, ...]:
    asked = [found.rule for found in rules if found.card.reads_single_files or not project.is_partial]
    findings = run_rules(asked, project)
    waivers = project.declaration.waivers if project.declaration else ()
    return apply_waivers(findings, waivers, today=project.today)


def _decision(
    findings: tuple[Finding, ...], project: Project, settings: AssessSettings, catalogue: Catalogue
) -> Decision:
    declared = project.declaration
    strict = Profile.STRICT in {settings.profile, declared.profile if declared else Profile.DEFAULT}
    is_critical = declared.criticality.is_critical if declared and declared.criticality else None
    policy = Policy(
        catalogue=catalogue,
        today=project.today,
        profile=Profile.STRICT if strict else Profile.DEFAULT,
        is_critical=is_critical,
        declaration=declared,
        inapplicable=inapplicable(project.inventory.traits),
        unseen=_unseen(project.gaps),
    )
    return decide(findings, policy)


def _unseen(gaps: Sequence[Gap]) -> str:
    # A pointer names what it stands for; every other gap that matters may hide anything.
    hidden = [
        gap.path
        for gap in gaps
        if gap.matters and gap.reason is not GapReason.NOT_HERE and role_of(gap.path) is FileRole.PRODUCT
    ]
    if not hidden:
        return ""
    others = f" and {len(hidden) - 1} more" if len(hidden) > 1 else ""
    return f"{hidden[0]}{others} could not be looked at"


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


def _tree_digest(files: Iterable[FileFacts]) -> str:
    tree = hashlib.sha256()
    for facts in files:
        if not facts.digest:
            return ""
        tree.update(f"{facts.path}\0{facts.digest}\n".encode("utf-8", "surrogatepass"))
    return tree.hexdigest()
