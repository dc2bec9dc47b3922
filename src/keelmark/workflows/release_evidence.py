"""The assessment that a release rests on: one of today that still fits, or a new one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.config import declaration as declaration_file
from keelmark.config.settings import AssessSettings
from keelmark.core.clock import Clock
from keelmark.core.declaration import Declaration
from keelmark.deployment.release.composition import limits_of
from keelmark.engine.exclusions import in_force
from keelmark.engine.readers import code_state
from keelmark.engine.tree import tree_digest
from keelmark.engine.walk import Bounds, walk
from keelmark.errors import TrustError
from keelmark.guidelines import load as load_catalogue
from keelmark.trust.keys import PublicKey
from keelmark.version import __version__
from keelmark.workflows.assess import Target
from keelmark.workflows.release_files import measure
from keelmark.workflows.release_log import Evidence, kept_evidence
from keelmark.workflows.rulebook import rulebook
from keelmark.workflows.threat_growth import Growth, with_growth
from keelmark.workflows.threats import model_threats

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.assessment import SettingOrigin
    from keelmark.deployment.release.subjects import Measured
    from keelmark.workflows.assess import Progress

__all__ = ["Ground", "assessed_paths", "check_tree", "ground_of", "rules_state", "tree_of"]

_JUDGING = ("config", "deployment", "design", "development", "guidelines", "operation", "workflows")
# What changes no answer: where things are kept, and how an answer is shown.
_WITHOUT_WEIGHT = frozenset({"write", "cache", "cache_dir", "log", "baseline", "only_new", "max_seconds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a release rests on.

    Attributes:
        evidence: The assessment, with what the threats say of growth.
        declaration: What people declared.
        digests: SHA-256 of the files that were read, by path.
        kept_at: Entry of the log that records it; None when it is new.
    """

    evidence: Evidence
    declaration: Declaration | None
    digests: Mapping[str, str]
    kept_at: int | None = None

    @property
    def is_reused(self) -> bool:
        """Whether it is that of an earlier run."""
        return self.kept_at is not None


def ground_of(
    root: Path,
    settings: AssessSettings,
    *,
    log: Path | None,
    key: PublicKey,
    clock: Clock,
    progress: Progress | None = None,
) -> Ground:
    """The evidence of an earlier release run when everything it depends on is as it was, else of a new run.

    What it depends on: every assessed file with `keelmark.yaml` among them, the version of Keelmark, its rules, the
    settings, and the day. Advisories and rules of other packages are not followed so far: with them, it is always a new run.

    Raises:
        UsageError: The folder cannot be assessed.
        ConfigurationError: `keelmark.yaml` or a setting is wrong.
        StoreError: The evidence could not be kept.
    """
    rules = rules_state(settings)
    if log is not None and rules and settings.advisories is None:
        kept = _kept(_Wanted(root=root, settings=settings, rules=rules, key=key, clock=clock), log)
        if kept is not None:
            return kept
    # The release itself records the run, signed: here it only is kept.
    run = model_threats(Target(root=root), replace(settings, log=False), clock=clock, progress=progress)
    analysis = with_growth(run, Growth())
    evidence = Evidence(
        rules=rules, assessment=run.assessment, threats=analysis.digest, computed=limits_of(analysis)
    )
    digests = {facts.path: facts.digest for facts in run.project.files if facts.digest}
    return Ground(evidence=evidence, declaration=run.project.declaration, digests=digests)


def assessed_paths(
    root: Path, declaration: Declaration | None, settings: AssessSettings, clock: Clock
) -> tuple[str, ...]:
    """The paths that an assessment of today reads, in its order."""
    exclude = in_force(declaration.exclude, today=clock.now().date()) if declaration else ()
    met = walk(root, exclude=exclude, bounds=Bounds(max_files=settings.max_files))
    return tuple(entry.path for entry in met.entries)


def check_tree(paths: Iterable[str], measured: Iterable[Measured], *, wanted: str) -> None:
    """Hold what will be signed to what was assessed.

    Raises:
        TrustError: The files are others.
    """
    if not wanted or tree_of(paths, measured) != wanted:
        raise TrustError(
            "files came, went or changed after they were assessed",
            hint="wait until nobody writes there, and again",
        )


def rules_state(settings: AssessSettings) -> str:
    """One word for everything that judges, as it is installed; "" when rules of other packages are among it."""
    catalogue = load_catalogue()
    rules = rulebook(catalogue, with_plugins=settings.plugins)
    if any(":" in found.origin for found in rules):
        return ""
    state = hashlib.sha256(f"{__version__} {catalogue.version} {code_state()}".encode())
    package = Path(__file__).parents[1]
    for folder in _JUDGING:
        for file in sorted((package / folder).rglob("*")):
            if file.suffix in {".json", ".py", ".yaml"}:
                status = file.stat()
                state.update(
                    f"{file.relative_to(package)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode()
                )
    return state.hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What kept evidence must fit."""

    root: Path
    settings: AssessSettings
    rules: str
    key: PublicKey
    clock: Clock

    def fits(self, evidence: Evidence) -> bool:
        """Whether nothing but the files can have changed since."""
        past = evidence.assessment
        if (evidence.rules, past.version, past.today) != (self.rules, __version__, self.clock.now().date()):
            return False
        if past.is_partial or past.is_interrupted or past.only_new or not past.tree_digest:
            return False
        return _weighty(past.settings) == _weighty(self.settings.origins)


def _kept(wanted: _Wanted, log: Path) -> Ground | None:
    kept = kept_evidence(log, wanted.key, wanted.fits)
    if kept is None:
        return None
    index, evidence = kept
    file = declaration_file.find(wanted.root)
    declaration = declaration_file.read(file, catalogue=load_catalogue()) if file else None
    paths = assessed_paths(wanted.root, declaration, wanted.settings, wanted.clock)
    # A declaration that lies among what it excludes is not in the tree, so nothing says that it is the same.
    if file is not None and file.name not in paths:
        return None
    measured = measure(wanted.root).measured
    if tree_of(paths, measured) != evidence.assessment.tree_digest:
        return None
    digests = {each.path: each.sha256 for each in measured if not each.is_link}
    return Ground(evidence=evidence, declaration=declaration, digests=digests, kept_at=index)


def _weighty(settings: Iterable[SettingOrigin]) -> Mapping[str, str]:
    return {each.name: each.value for each in settings if each.name not in _WITHOUT_WEIGHT}


def tree_of(paths: Iterable[str], measured: Iterable[Measured]) -> str:
    """The digest that an assessment of these paths would have; "" when one of them was not measured."""
    digests = {each.path: each.sha256 for each in measured if not each.is_link}
    return tree_digest((path, digests.get(path, "")) for path in paths)
