"""A small project that may be released, with an assessment made by hand: no rule has to run for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from keelmark.config.settings import AssessSettings
from keelmark.core.assessment import Assessment, Coverage
from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.clock import FixedClock
from keelmark.core.decision import Decision
from keelmark.core.declaration import Declaration, System
from keelmark.core.outcome import Verdict
from keelmark.core.release import EnvelopeLimit
from keelmark.engine.tree import tree_digest
from keelmark.engine.walk import walk
from keelmark.trust.keys import PrivateKey, load_private, new_private
from keelmark.version import __version__
from keelmark.workflows.release import ReleaseRequest, ReleaseRun, issue
from keelmark.workflows.release_evidence import Ground
from keelmark.workflows.release_files import measure, take_snapshot
from keelmark.workflows.release_log import Evidence

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLOCK = FixedClock(NOW)
TODAY = NOW.date()
FILES = {
    "app.py": b"print('hello')\n",
    ".gitignore": b"*.log\n",
    "data/orders.csv": b"id,total\n1,2\n",
    "model.safetensors": b"\x08\0\0\0\0\0\0\0{}      ",
    "keelmark.yaml": b"version: 1\n",
}
RELEASABLE = Decision(
    verdict=Verdict.RELEASE, blocking=(), missing=(), standings=(), is_critical=False, profile="default"
)


def key(algorithm: str = "p256") -> PrivateKey:
    """A fresh key."""
    return load_private(new_private(algorithm, password=None))


def later(**time: float) -> FixedClock:
    """A clock that is so much later."""
    return FixedClock(NOW + timedelta(**time))


def write(root: Path, files: dict[str, bytes] | None = None) -> Path:
    """Lay the files of a project into a folder."""
    for name, content in (FILES if files is None else files).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    root.mkdir(parents=True, exist_ok=True)
    return root


def declared(**changes: object) -> Declaration:
    """A declaration with a system."""
    system = System(name="helpdesk", purpose="answers", owner="Head", version="1.2.3")
    return Declaration(version=1, **{"system": system, **changes})  # type: ignore[arg-type]


def assessment_of(root: Path, **changes: object) -> Assessment:
    """An assessment of what lies in a folder that says: release."""
    digests = {each.path: each.sha256 for each in measure(root).measured}
    values: dict[str, object] = {
        "id": "20261123T115900-00000001",
        "target": root.name,
        "system": "helpdesk",
        "version": __version__,
        "started": NOW - timedelta(minutes=1),
        "duration_s": 1.0,
        "today": TODAY,
        "tree_digest": tree_digest((entry.path, digests[entry.path]) for entry in walk(root).entries),
        "decision": RELEASABLE,
        "findings": (),
        "inventory": Inventory(
            assets=(
                Asset(
                    kind=AssetKind.PROMPT,
                    name="SYSTEM_PROMPT",
                    path="app.py",
                    line=1,
                    digest=f"sha256:{'ab' * 32}",
                ),
                Asset(kind=AssetKind.TOOL, name="lookup", path="app.py", line=1, format="mcp"),
            )
        ),
        "gaps": (),
        "coverage": Coverage(files=len(digests)),
    }
    return Assessment(**{**values, **changes})  # type: ignore[arg-type]


def ground_for(
    root: Path, declaration: Declaration | None = None, *, kept_at: int | None = None, **changes: object
) -> Ground:
    """What a release of a folder rests on."""
    evidence = Evidence(
        rules="rules",
        assessment=assessment_of(root, **changes),
        threats="cd" * 32,
        computed=(EnvelopeLimit(dimension="users", limit="2000", now="10", reason="keys run out"),),
    )
    return Ground(evidence=evidence, declaration=declaration, digests={}, kept_at=kept_at)


def critical(root: Path) -> Ground:
    """What a release of a critical system rests on."""
    return ground_for(root, declared(), decision=replace(RELEASABLE, is_critical=True))


def request_for(root: Path, **changes: object) -> ReleaseRequest:
    """A request to release a folder."""
    values: dict[str, object] = {"root": root, "owner": "Head of Platform", "settings": AssessSettings()}
    return ReleaseRequest(**{**values, **changes})  # type: ignore[arg-type]


def released(
    root: Path,
    signer: PrivateKey,
    ground: Ground | None = None,
    *,
    clock: FixedClock = CLOCK,
    **changes: object,
) -> ReleaseRun:
    """Release a folder."""
    return issue(
        request_for(root, **changes),
        ground or ground_for(root, declared()),
        before=take_snapshot(root),
        signer=signer,
        clock=clock,
    )


def day(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)
