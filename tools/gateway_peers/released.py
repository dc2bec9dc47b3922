"""Makes the folder that the gateway is measured in: key, policy, settings, and a release that really holds.

The release is issued, signed, watched and verified as any other. Only the assessment it rests on is not the outcome of the
rules: it is written here, and says that one hosted model may be released.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from keelmark.config.settings import AssessSettings
from keelmark.core.assessment import Assessment, Coverage
from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.clock import SystemClock
from keelmark.core.decision import Decision
from keelmark.core.declaration import Declaration, System
from keelmark.core.outcome import Verdict
from keelmark.core.release import EnvelopeLimit
from keelmark.engine.tree import tree_digest
from keelmark.engine.walk import walk
from keelmark.trust.keys import load_private, new_private
from keelmark.version import __version__
from keelmark.workflows.release import ReleaseRequest, issue
from keelmark.workflows.release_evidence import Ground
from keelmark.workflows.release_files import measure, take_snapshot
from keelmark.workflows.release_log import Evidence

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["lay_out"]

_OWNER = "bench@example.org"


def lay_out(folder: Path, *, settings: str, policy: str, scopes: tuple[str, ...] = ("infer:small",)) -> str:
    """Make the folder; the API key that is let through."""
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "team.cedar").write_text(policy)
    (folder / "gateway.yaml").write_text(settings)
    (folder / "keelmark.yaml").write_text("version: 1\n")
    key = subprocess.run(
        [
            *(sys.executable, "-m", "keelmark", "access", "key", "add", "--name", "bench", "--team", "bench"),
            *("--owner", _OWNER, "--valid-for", "2"),
            *(word for scope in scopes for word in ("--scope", scope)),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    signer = load_private(new_private("ed25519", password=None))
    (folder / "release.pem.pub").write_text(signer.public.pem)
    run = issue(
        ReleaseRequest(root=folder, owner=_OWNER, settings=AssessSettings(), days=2, log=False),
        _ground(folder),
        before=take_snapshot(folder),
        signer=signer,
        clock=SystemClock(),
    )
    if run.signed is None:
        raise SystemExit("the release of the benchmark was kept back")
    return key


def _ground(folder: Path) -> Ground:
    now = SystemClock().now()
    digests = {each.path: each.sha256 for each in measure(folder).measured}
    assessment = Assessment(
        id=f"{now:%Y%m%dT%H%M%S}-00000001",
        target=folder.name,
        system="bench",
        version=__version__,
        started=now - timedelta(seconds=1),
        duration_s=1.0,
        today=now.date(),
        tree_digest=tree_digest((entry.path, digests[entry.path]) for entry in walk(folder).entries),
        decision=Decision(
            verdict=Verdict.RELEASE,
            blocking=(),
            missing=(),
            standings=(),
            is_critical=False,
            profile="default",
        ),
        findings=(),
        inventory=Inventory(
            assets=(Asset(kind=AssetKind.HOSTED_MODEL, name="small", path="gateway.yaml", line=1),)
        ),
        gaps=(),
        coverage=Coverage(files=len(digests)),
    )
    limits = (EnvelopeLimit(dimension="users", limit="2000", now="10", reason="measured"),)
    evidence = Evidence(rules="rules", assessment=assessment, threats="cd" * 32, computed=limits)
    system = System(name="bench", purpose="answers", owner=_OWNER, version="1")
    return Ground(
        evidence=evidence, declaration=Declaration(version=1, system=system), digests={}, kept_at=None
    )
