"""What a dossier rests on: the run behind a release as it was kept, and its threat analysis, made again from the same files.

Nothing is believed because it lies in the folder. The release signs digests of the findings, the report and the analysis, and
what does not fit them is refused: a dossier never tells of another run than the one that was released on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import msgspec

from keelmark.config.settings import AssessSettings
from keelmark.core.assessment import Assessment
from keelmark.core.finding import Card
from keelmark.core.threats import Analysis
from keelmark.deployment.release.composition import findings_digest, limits_of
from keelmark.deployment.release.dossier_facts import fact, release_facts
from keelmark.deployment.release.dossier_findings import assessment_facts
from keelmark.deployment.release.dossier_risks import risk_facts
from keelmark.deployment.release.dossier_threats import threat_facts
from keelmark.design.threats.analyse import analyse
from keelmark.design.threats.controls import evidence_of
from keelmark.design.threats.library.load import load as load_library
from keelmark.design.threats.library.shipped import read_shipped
from keelmark.engine.discovery import Found
from keelmark.errors import StoreError, TrustError
from keelmark.guidelines import load as load_catalogue
from keelmark.report.formats import FORMATS
from keelmark.store.sqlite import SqliteEvidence
from keelmark.trust import canonical_json
from keelmark.version import __version__
from keelmark.workflows.assess import EVIDENCE_FILE, Target, examine
from keelmark.workflows.records import log_place
from keelmark.workflows.release_log import kept_evidence
from keelmark.workflows.rulebook import rulebook
from keelmark.workflows.threat_growth import Growth, with_growth
from keelmark.workflows.threats import ThreatRun

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keelmark.core.dossier import Fact
    from keelmark.core.release import Release
    from keelmark.workflows.assess import Progress
    from keelmark.workflows.dossier_release import VerifiedRelease

__all__ = ["DossierGround", "facts_of", "ground_of"]

_ADVISORIES = ("vulnerable-dependency", "advisory file")


@dataclass(frozen=True, slots=True, kw_only=True)
class DossierGround:
    """A run, its threat analysis, and the rules that judged."""

    assessment: Assessment
    analysis: Analysis
    cards: Mapping[str, Card]
    rules: tuple[Found, ...]


def ground_of(root: Path, verified: VerifiedRelease, *, progress: Progress | None = None) -> DossierGround:
    """What the release rests on.

    Raises:
        StoreError: The run was not kept.
        TrustError: What was kept, or what is made again, is not what the release signs.
    """
    release = verified.signed.release
    kept = _kept(root, verified)
    if kept is None:
        raise StoreError(
            f"the run {release.evidence.run} behind the release is not kept in .keelmark",
            hint="take .keelmark/evidence.db from where it was released, or release again here",
        )
    rules = tuple(rulebook(load_catalogue(), with_plugins=_with_plugins(kept)))
    cards = {found.card.id: found.card for found in rules}
    _check_run(kept, release, cards)
    analysis = _analysis(root, kept, rules, progress)
    if analysis.digest != release.evidence.threats or limits_of(analysis) != release.envelope.computed:
        raise TrustError(
            "the threat analysis does not come out as it was released on",
            hint="export with the same version of Keelmark and the same extras (numpy), or release again",
        )
    return DossierGround(assessment=kept, analysis=analysis, cards=cards, rules=rules)


def facts_of(ground: DossierGround, verified: VerifiedRelease) -> tuple[Fact, ...]:
    """All facts of a release."""
    return (
        *release_facts(verified.signed.stated),
        *assessment_facts(ground.assessment, ground.cards),
        *threat_facts(ground.analysis),
        *risk_facts(ground.assessment, ground.analysis, ground.cards),
        *_corpora(ground),
        fact("seeds/rules", used=False, why="rules are functions of the files: nothing is drawn"),
    )


def _kept(root: Path, verified: VerifiedRelease) -> Assessment | None:
    """The run from the store, else from the log."""
    run = verified.signed.release.evidence.run
    file = root / EVIDENCE_FILE
    if file.is_file():
        with SqliteEvidence(file) as store:
            try:
                found = store.load(run)
            except StoreError:
                found = None
        if found is not None and found.id == run:
            return found
    place = log_place(root, wanted=None)
    if place is None:
        return None
    for key in verified.keys:
        kept = kept_evidence(place, key, lambda evidence: evidence.assessment.id == run)
        if kept is not None:
            return kept[1].assessment
    return None


def _check_run(kept: Assessment, release: Release, cards: Mapping[str, Card]) -> None:
    evidence = release.evidence
    if findings_digest(kept) != evidence.findings or kept.tree_digest != evidence.tree:
        raise TrustError(
            f"the kept run {kept.id} is not the one that was released on: its findings were changed",
            hint="take .keelmark/evidence.db from where it was released, or release again here",
        )
    report = FORMATS["json"].render(kept, catalogue=load_catalogue(), cards=cards)
    if hashlib.sha256(report.encode()).hexdigest() != evidence.json_report:
        version = f"; it was released with Keelmark {release.keelmark}, and this is {__version__}"
        raise TrustError(
            f"the report of run {kept.id} does not come out as it was released on"
            f"{version if release.keelmark != __version__ else ''}",
            hint="export with the same version of Keelmark and the same plugins, or release again",
        )


def _with_plugins(kept: Assessment) -> bool:
    return all(each.value != "False" for each in kept.settings if each.name == "plugins")


def _analysis(root: Path, kept: Assessment, rules: tuple[Found, ...], progress: Progress | None) -> Analysis:
    """The threat analysis over the files as they are and the run as it was kept; nothing is written."""
    files = [int(each.value) for each in kept.settings if each.name == "max_files" and each.value.isdecimal()]
    settings = AssessSettings(
        write=False,
        log=False,
        plugins=False,
        as_of=kept.today,
        max_files=files[0] if files else AssessSettings().max_files,
    )
    examined = examine(Target(root=root), settings, progress=progress)
    if examined.assessment.tree_digest != kept.tree_digest:
        raise TrustError(
            "files came, went or changed while they were read",
            hint="wait until nobody writes there, and again",
        )
    library = load_library()
    declarative = frozenset(found.card.id for found in rules if found.card.reads_declaration_alone)
    run = ThreatRun(
        analysis=analyse(examined.project, kept, library, declarative=declarative),
        assessment=kept,
        project=examined.project,
        library=library,
        evidence=evidence_of(kept, declarative=declarative),
    )
    return with_growth(run, Growth())


def _corpora(ground: DossierGround) -> Iterator[Fact]:
    catalogue = resources.files("keelmark.guidelines").joinpath("catalogue.json").read_bytes()
    yield fact(
        "corpora/guidelines", version=load_catalogue().version, sha256=hashlib.sha256(catalogue).hexdigest()
    )
    cards = [_spelled(ground.cards[rule]) for rule in sorted(ground.cards)]
    yield fact(
        "corpora/rules",
        keelmark=ground.assessment.version,
        rules=len(cards),
        from_other_packages=sum(":" in found.origin for found in ground.rules),
        sha256=hashlib.sha256(b"\n".join(cards)).hexdigest(),
    )
    for source, version, day in ground.analysis.library:
        yield fact(f"corpora/threats-{source}", version=version, date=day)
    yield fact("corpora/threat-data", sha256=read_shipped().digest)
    rule, key = _ADVISORIES
    digests = [
        value
        for finding in ground.assessment.findings
        if finding.rule == rule
        for name, value in finding.evidence
        if name == key
    ]
    given = any(each.name == "advisories" and each.value for each in ground.assessment.settings)
    yield fact("corpora/advisories", used=given, sha256="".join(digests[:1]).removeprefix("sha256:"))


def _spelled(card: Card) -> bytes:
    return canonical_json.encode(msgspec.to_builtins(card))
