"""What tests of several layers share: a rich assessment, a picture of a folder, and an environment of their own."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from keelmark.core.assessment import Assessment, Comparison, Coverage, SettingOrigin
from keelmark.core.asset import Absence, Asset, AssetKind, Inventory
from keelmark.core.decision import Decision, Standing
from keelmark.core.declaration import Waiver
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Finding
from keelmark.core.location import Location
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict

# The same code gets the same answer on every machine: examples are derived from each test, and no test fails for a
# busy machine's sake. `make explore` draws new examples each time; what it finds becomes an example of its test.
settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "explore", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

FAILURE = Finding(
    rule="unpinned-model",
    outcome=Outcome.FAIL,
    severity=Severity.MEDIUM,
    confidence=Confidence.HIGH,
    message="`acme/small` is fetched at whatever revision is newest: “ä” 😀 \x1b[31m \u202e",
    recommendations=("DEV-1.c",),
    settles=("DEV-1.c",),
    locations=(Location(path="src/embed.py", line=7, column=3, part="cell 2", anchor="x = load()"),),
    fix="Pass `revision=` with a commit.",
    subject="acme/small",
    evidence=(("revision", "main"), ("", "")),
    fingerprint="0123456789abcdef0123456789abcdef",
    waiver=Waiver(
        rule="unpinned-model", reason="demo", owner="Head", expires=date(2027, 1, 1), path="src/**"
    ),
)


@pytest.fixture
def make_assessment():
    """Builds an assessment in which every kind of part occurs; keywords replace parts."""

    def make(**changes: object) -> Assessment:
        standing = Standing(
            recommendation="DEV-1.c",
            status=Status.WAIVED,
            gate=Gate.BLOCK,
            is_mandatory=True,
            reason="1 waived by Head",
            rules=("unpinned-model",),
        )
        values: dict[str, object] = {
            "id": "20260131T120000-00000001",
            "target": "project",
            "system": "Helpdesk",
            "version": "0.1.0",
            "started": datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=UTC),
            "duration_s": 1.25,
            "today": date(2026, 1, 31),
            "tree_digest": "ab" * 32,
            "decision": Decision(
                verdict=Verdict.DO_NOT_RELEASE,
                blocking=(FAILURE,),
                missing=(standing,),
                standings=(standing,),
                is_critical=None,
                profile="default",
            ),
            "findings": (FAILURE,),
            "inventory": Inventory(
                assets=(
                    Asset(
                        kind=AssetKind.MODEL,
                        name="m.onnx",
                        path="m.onnx",
                        size=2**40,
                        digest="sha256:00",
                        detail=(("role", "weights"),),
                    ),
                ),
                absent=(Absence(what="model card", looked_for="MODEL_CARD.md"),),
                traits=("agent",),
            ),
            "gaps": (Gap(path="x.bin", reason=GapReason.TRUNCATED, detail="after 3 bytes", line=1),),
            "coverage": Coverage(files=3, read=2, cached=1, opaque=((".png", 1),), bytes=10, rules=60),
            "settings": (SettingOrigin(name="profile", value="default", origin="default"),),
            "comparison": Comparison(source="known.json", new=("a",), known=("b",), gone=("c",)),
        }
        return Assessment(**{**values, **changes})  # type: ignore[arg-type]

    return make


@pytest.fixture
def picture():
    """Names, kinds, contents and times of everything below a folder."""

    def take(root: Path, *, without: str = "") -> dict[str, tuple[object, ...]]:
        seen: dict[str, tuple[object, ...]] = {}
        for folder, names, files in os.walk(root):
            for name in [*names, *files]:
                path = Path(folder, name)
                relative = path.relative_to(root).as_posix()
                if without and (relative == without or relative.startswith(f"{without}/")):
                    continue
                status = path.lstat()
                content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
                seen[relative] = (status.st_mode, status.st_mtime_ns, status.st_ino, content)
        return seen

    return take


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No variable of the machine counts, and the cache lies in a folder of the test."""
    for name in [name for name in os.environ if name.startswith("KEELMARK_")]:
        monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache
