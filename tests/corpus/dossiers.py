"""A released project whose run and threat analysis are made by hand, with text that attacks each output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.corpus.releases import CLOCK, RELEASABLE, day, declared, ground_for, released, write
from tests.unit.report.threats_sample import agent

from keelmark.core.assessment import Assessment, Coverage, SettingOrigin
from keelmark.core.clock import FixedClock
from keelmark.core.decision import Standing
from keelmark.core.declaration import Attestation, Exclusion, NotApplicable, Waiver
from keelmark.core.dossier import Level
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Finding, numbered
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status
from keelmark.core.threats import Analysis
from keelmark.deployment.release.composition import limits_of
from keelmark.store.sqlite import SqliteEvidence
from keelmark.trust.keys import PrivateKey, PublicKey
from keelmark.workflows import dossier_ground
from keelmark.workflows.assess import EVIDENCE_FILE
from keelmark.workflows.dossier import Exported, ExportRequest, export
from keelmark.workflows.release import ReleaseRun
from keelmark.workflows.release_evidence import Ground

EVIL = "\x1b[2J\u202e</script><script>alert(1)</script> ::error::x ##[add-mask]z `tick"
SECRETS = (
    "src/kept-secret/place.py",
    "Kept Secret Owner",
    "kept secret words",
    "kept-secret-file",
    "kept secret evidence",
)
"""Words that only higher levels may show: a path, an owner, a message, a file that nothing reads, and what was read."""
PATH, OWNER, WORDS, OPAQUE, READ = SECRETS
WAIVER = Waiver(
    rule="debug-mode-on", reason="demo only", owner=OWNER, expires=day("2027-01-01"), path="src/**"
)


def finding(rule: str, outcome: Outcome, **changes: object) -> Finding:
    """One finding, in a place that low levels must not show."""
    values: dict[str, object] = {
        "rule": rule,
        "outcome": outcome,
        "severity": Severity.MEDIUM,
        "confidence": Confidence.HIGH,
        "message": f"{WORDS}: {EVIL}",
        "recommendations": ("DEP-5.a",),
        "settles": ("DEP-5.a",),
        "locations": (Location(path=PATH, line=7, column=3, part=EVIL, anchor="x"),),
        "fix": f"mend it {EVIL}",
        "subject": PATH,
        "evidence": ((READ, EVIL),),
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


def analysis_of(text: str = f" {PATH}") -> Analysis:
    """The analysis of the project; titles and fixes are those of the library, which quotes nobody."""
    plain = agent().threats
    made = agent(text)
    threats = tuple(
        replace(
            each,
            threat=own.threat,
            controls=tuple(
                replace(control, control=ours.control)
                for control, ours in zip(each.controls, own.controls, strict=True)
            ),
        )
        for each, own in zip(made.threats, plain, strict=True)
    )
    return replace(made, threats=threats)


def findings() -> tuple[Finding, ...]:
    """Every outcome: an open failure that does not block, a waived one, an unknown, a pass, and one that does not apply."""
    return tuple(
        numbered(
            (
                finding("call-without-timeout", Outcome.PASS, severity=Severity.INFO),
                finding("call-without-timeout", Outcome.FAIL, severity=Severity.LOW),
                finding("debug-mode-on", Outcome.FAIL, waiver=WAIVER),
                finding("vulnerable-dependency", Outcome.UNKNOWN, locations=(), evidence=()),
                finding(
                    "dead-notebook", Outcome.NOT_APPLICABLE, locations=(), evidence=(), severity=Severity.INFO
                ),
            )
        )
    )


def standings() -> tuple[Standing, ...]:
    """A recommendation of each status."""
    rows = zip(("SD-1.a", "SD-1.b", "SD-1.c", "DEP-5.a", "DEV-1.a", "X1.a"), Status, strict=True)
    return tuple(
        Standing(
            recommendation=row,
            status=status,
            gate=Gate.WARN,
            is_mandatory=False,
            reason=f"{WORDS} {EVIL}",
            rules=("debug-mode-on",),
        )
        for row, status in rows
    )


def ground(root: Path) -> Ground:
    """What the release rests on."""
    analysis = analysis_of()
    attested = Attestation(
        recommendation="DEP-5.a",
        statement="stated so",
        by=OWNER,
        on=day("2026-11-01"),
        expires=day("2027-12-24"),
    )
    excepted = NotApplicable(
        recommendation="DEV-1.a", reason="nothing is bought", owner=OWNER, review=day("2027-06-01")
    )
    declaration = declared(
        attestations=(attested,),
        not_applicable=(excepted,),
        exclude=(Exclusion(path=PATH, reason="not ours", owner=OWNER, expires=day("2027-05-01")),),
    )
    made = ground_for(
        root,
        declaration,
        decision=replace(RELEASABLE, standings=standings()),
        findings=findings(),
        gaps=(
            Gap(path=PATH, reason=GapReason.EXCLUDED, detail=EVIL),
            Gap(path="b", reason=GapReason.TRUNCATED),
        ),
        coverage=Coverage(files=5, read=4, rules=153, opaque=((".png", 1), (OPAQUE, 1)), bytes=99),
        settings=(
            SettingOrigin(name="profile", value="default", origin="default"),
            SettingOrigin(name="advisories", value="osv.zip", origin="command line"),
        ),
    )
    evidence = replace(made.evidence, threats=analysis.digest, computed=limits_of(analysis))
    return replace(made, evidence=evidence)


def project(place: Path, signer: PrivateKey, **changes: object) -> ReleaseRun:
    """Lay out a project, release it, and keep its run as `assess` does."""
    root = write(place)
    made = ground(root)
    run = released(root, signer, made, **changes)
    keep(root, made.evidence.assessment)
    return run


def keep(root: Path, assessment: Assessment) -> None:
    """Keep a run."""
    with SqliteEvidence(root / EVIDENCE_FILE) as store:
        store.keep(assessment)


def without_analysis(monkeypatch, analysis: Analysis | None = None) -> None:
    """Let the analysis come out as it did by hand: the files of the project are no real system."""
    found = analysis or analysis_of()
    monkeypatch.setattr(dossier_ground, "_analysis", lambda *_: found)


def exported(
    root: Path,
    signer: PrivateKey,
    level: Level,
    *,
    clock: FixedClock = CLOCK,
    trusted: tuple[PublicKey, ...] = (),
    **changes: object,
) -> Exported:
    """Export one level, outside of the project."""
    output = root.parent / f"{level}.dossier.zip"
    request = ExportRequest(root=root, level=level, output=output, trusted=trusted, **changes)  # type: ignore[arg-type]
    return export(request, signer=signer, clock=clock)
