"""A realistic, hostile sample: every outcome, every status, and text that attacks each output."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from keelmark.core.assessment import Assessment, Comparison, Coverage, SettingOrigin
from keelmark.core.asset import Absence, Asset, AssetKind, Inventory
from keelmark.core.decision import Decision, Standing
from keelmark.core.declaration import Waiver
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Card, Finding, numbered
from keelmark.core.location import Location
from keelmark.core.outcome import Outcome, Severity, Status, Verdict
from keelmark.guidelines import load

ESC = "\x1b[31mred\x1b[0m\x1b]0;title\x07"
BIDI = "safe\u202egnp.exe\u2066\u200b"
SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
COMMAND = "::error file=a.py::pwned\n::set-output name=x::y ##[add-mask]z"
MARKDOWN = "[click](javascript:alert(1)) @everyone #1 </details> ``` | <!-- \n# Heading"
SURROGATE = "lone \udcff and \ud800"
LONG = "n" * 10_000
HOSTILE = (ESC, BIDI, SCRIPT, COMMAND, MARKDOWN, SURROGATE, LONG, "]]>", "\x00\x9b\u2028", "a\u0301" * 400)

CARDS = {
    card.id: card
    for card in (
        Card(
            id="pickle-dangerous-import",
            title="A model file runs code when it is loaded",
            severity=Severity.CRITICAL,
            recommendations=("DEV-1.f", "DEV-2.g"),
            tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0010"),
            references=("NCSC: Guidelines for secure AI system development",),
        ),
        Card(
            id="secret-in-code",
            title="A secret stands in the source",
            severity=Severity.HIGH,
            recommendations=("DEV-2.h",),
            settles=("DEV-2.h",),
            tags=("cwe:798",),
        ),
        Card(
            id="tool-without-approval",
            title="An agent can act without a person",
            severity=Severity.HIGH,
            recommendations=("SD-3.k", "X1.a"),
            tags=("owasp-agentic:ASI02",),
        ),
        Card(
            id="unpinned-model",
            title="A model is fetched without a fixed revision",
            severity=Severity.MEDIUM,
            recommendations=("DEV-1.c",),
        ),
        Card(
            id="debug-server",
            title="The server runs in debug mode",
            severity=Severity.MEDIUM,
            recommendations=("DEP-5.a",),
        ),
        Card(
            id="no-incident-plan",
            title="No incident plan",
            severity=Severity.MEDIUM,
            recommendations=("DEP-3.a",),
        ),
        Card(
            id="training-without-seed",
            title="Training cannot be repeated",
            severity=Severity.LOW,
            recommendations=("DEV-3.d",),
        ),
        Card(
            id="lock-missing",
            title="Dependencies are not locked",
            severity=Severity.HIGH,
            recommendations=("DEV-1.a",),
            settles=("DEV-1.a",),
        ),
    )
}


def at(path: str, line: int = 0, column: int = 0, part: str = "") -> Location:
    return Location(path=path, line=line, column=column, part=part, anchor=path)


def _findings(*, hostile: bool) -> list[Finding]:
    bad = HOSTILE if hostile else ()
    cards = CARDS
    waiver = Waiver(
        rule="debug-server", reason="Internal demo only", owner="Head of platform", expires=date(2026, 3, 1)
    )
    found = [
        cards["pickle-dangerous-import"].failed(
            "`models/reranker.pkl` calls `os.system` when it is loaded",
            at=at("models/reranker.pkl"),
            fix="Convert the weights to safetensors, or replace the file by a copy from a source you trust.",
            subject="os.system",
            evidence=(("opcode", "REDUCE"), ("position", "112")),
        ),
        cards["pickle-dangerous-import"].failed(
            "`models/old.pt` calls `builtins.eval` when it is loaded",
            at=at("models/old.pt", part="archive/data.pkl"),
            fix="Convert the weights to safetensors.",
            subject="builtins.eval",
        ),
        cards["secret-in-code"].failed(
            "an API key of a model provider stands in the source: `sk-a…9f`",
            at=at("src/bot/client.py", 14, 11),
            fix="Revoke the key, read it from the environment, and remove it from the history.",
        ),
        cards["tool-without-approval"].failed(
            "the tool `refund` changes money and runs without approval",
            at=(at("src/bot/tools.py", 88, 1), at("src/bot/agent.py", 20)),
            fix="Ask a person before the tool runs; bind the approval to its exact parameters.",
        ),
        cards["unpinned-model"].failed(
            "`AutoModel.from_pretrained` fetches `acme/small` at whatever revision is newest",
            at=at("src/bot/embed.py", 7),
            fix="Pass `revision=` with a commit.",
        ),
        replace(
            cards["debug-server"].failed(
                "`uvicorn.run` is called with `reload=True`",
                at=at("src/bot/main.py", 31),
                fix="Remove `reload=True`.",
            ),
            waiver=waiver,
        ),
        cards["no-incident-plan"].unknown(
            "no incident plan was found; it may be kept elsewhere",
            fix="Name it in `keelmark.yaml` under `attestations`.",
        ),
        cards["training-without-seed"].not_applicable("nothing in this project trains a model"),
        cards["lock-missing"].passed(
            "every dependency is locked with hashes",
            at=at("requirements.lock", 1),
            subject="requirements.lock",
        ),
    ]
    for index, text in enumerate(bad):
        found.append(
            cards["unpinned-model"].failed(
                f"`{text}` is fetched: {text}",
                at=at(f"src/{text}/{index}.py", index + 1, part=text),
                fix=f"Fix {text}",
                subject=text,
                evidence=((text, text),),
            )
        )
        found.append(cards["no-incident-plan"].unknown(text, at=at(text), fix=text))
    return found


_STATUS = {
    "DEV-1.f": Status.FAIL,
    "DEV-2.h": Status.FAIL,
    "SD-3.k": Status.FAIL,
    "DEV-1.c": Status.FAIL,
    "DEP-5.a": Status.WAIVED,
    "SD-1.a": Status.ATTESTED,
    "SD-1.e": Status.ATTESTED,
    "DEV-1.a": Status.PASS,
    "DEV-2.a": Status.PASS,
    "DEV-3.d": Status.NOT_APPLICABLE,
    "SD-4.a": Status.NOT_APPLICABLE,
}
_REASONS = {
    Status.FAIL: "a rule found a failure",
    Status.WAIVED: "accepted by Head of platform until 2026-03-01: internal demo only",
    Status.ATTESTED: "stated by the CISO on 2025-10-01, expires 2026-10-01: staff are briefed each quarter",
    Status.PASS: "every dependency is locked with hashes",
    Status.NOT_APPLICABLE: "nothing in this project trains a model",
    Status.UNKNOWN: "no rule answered and nobody attested it",
}
_MANDATORY = ("SD-2.a", "SD-2.b", "DEP-3.a", "OM-1.a")


def _standings(*, hostile: bool) -> tuple[Standing, ...]:
    rules = {card.recommendations[0]: (card.id,) for card in CARDS.values()}
    rows = []
    for row in load().by_id.values():
        status = _STATUS.get(row.id, Status.UNKNOWN)
        rows.append(
            Standing(
                recommendation=row.id,
                status=status,
                gate=row.gate,
                is_mandatory=row.id in _MANDATORY,
                reason=HOSTILE[len(rows) % len(HOSTILE)] if hostile else _REASONS[status],
                rules=rules.get(row.id, ()),
            )
        )
    return tuple(rows)


def _inventory(*, hostile: bool) -> Inventory:
    assets = [
        Asset(
            kind=AssetKind.MODEL,
            name="reranker.pkl",
            path="models/reranker.pkl",
            format="pickle",
            size=1_204,
            digest="sha256:" + "ab" * 32,
            detail=(("parameters", "22,713,216"), ("architecture", "BertForSequenceClassification")),
        ),
        Asset(
            kind=AssetKind.ABSENT_MODEL,
            name="llm.safetensors",
            path="models/llm.safetensors",
            format="git-lfs",
            size=13_476_831_744,
            digest="sha256:" + "cd" * 32,
            is_present=False,
        ),
        Asset(
            kind=AssetKind.HOSTED_MODEL,
            name="gpt-4o-mini",
            path="src/bot/client.py",
            line=20,
            format="openai",
        ),
        Asset(kind=AssetKind.TOOL, name="refund", path="src/bot/tools.py", line=88, format="langchain"),
        Asset(
            kind=AssetKind.TOOL, name="search_orders", path="src/bot/tools.py", line=40, format="langchain"
        ),
        Asset(
            kind=AssetKind.PROMPT, name="SYSTEM_PROMPT", path="src/bot/prompts.py", line=3, format="python"
        ),
        Asset(kind=AssetKind.ROUTE, name="POST /chat", path="src/bot/main.py", line=12, format="fastapi"),
        Asset(kind=AssetKind.DEPENDENCY, name="langchain", path="requirements.lock", line=4, format="pip"),
    ]
    if hostile:
        assets += [
            Asset(
                kind=AssetKind.DATASET, name=text, path=text, format=text, digest=text, detail=((text, text),)
            )
            for text in HOSTILE
        ]
    return Inventory(
        assets=tuple(assets),
        absent=(
            Absence(what="training pipeline", looked_for="Trainer, fit(), dvc.yaml, MLproject"),
            Absence(what="dataset", looked_for="csv, parquet, jsonl, arrow; dataset cards"),
        ),
        traits=("agent", "llm-application", HOSTILE[0]) if hostile else ("agent", "llm-application"),
    )


def _gaps(*, hostile: bool) -> tuple[Gap, ...]:
    gaps = [
        Gap(path="models/llm.safetensors", reason=GapReason.NOT_HERE, detail="Git LFS pointer"),
        Gap(path="data/archive.zip", reason=GapReason.ENCRYPTED, detail="2 members"),
        Gap(path="notebooks/broken.ipynb", reason=GapReason.MALFORMED, detail="line 4: no JSON", line=4),
        Gap(
            path="vendor/**",
            reason=GapReason.EXCLUDED,
            detail="third-party copy (Head of platform)",
            matters=False,
        ),
    ]
    gaps += [
        Gap(path=f"data/part-{n:03}.bin", reason=GapReason.UNSUPPORTED, matters=False) for n in range(14)
    ]
    if hostile:
        gaps += [
            Gap(path=text, reason=GapReason.CRASHED, detail=text, line=n) for n, text in enumerate(HOSTILE)
        ]
    return tuple(gaps)


def build(
    *,
    verdict: Verdict = Verdict.DO_NOT_RELEASE,
    hostile: bool = False,
    repeat: int = 1,
    **changes: object,
) -> Assessment:
    findings = _findings(hostile=hostile)
    if verdict is not Verdict.DO_NOT_RELEASE:
        findings = [finding for finding in findings if finding.severity.weight < Severity.HIGH.weight]
    findings = [
        replace(finding, subject=f"{finding.subject}#{n}" if n else finding.subject)
        for n in range(repeat)
        for finding in findings
    ]
    numbers = tuple(numbered(findings))
    standings = _standings(hostile=hostile)
    blocking = tuple(f for f in numbers if f.is_open_failure and f.severity.weight >= Severity.HIGH.weight)
    missing = tuple(row for row in standings if row.is_mandatory and row.status is Status.UNKNOWN)
    opening = HOSTILE[0] if hostile else ""
    values = {
        "id": "20251123T120000Z-7f3a",
        "target": f"support-bot{opening}",
        "system": f"Support bot{opening}",
        "version": "1.4.0",
        "started": datetime(2025, 11, 23, 12, 0, 0, tzinfo=UTC),
        "duration_s": 3.25,
        "today": date(2025, 11, 23),
        "tree_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "decision": Decision(
            verdict=verdict,
            blocking=blocking,
            missing=() if verdict is Verdict.RELEASE else missing,
            standings=standings,
            is_critical=True,
            profile="default",
        ),
        "findings": numbers,
        "inventory": _inventory(hostile=hostile),
        "gaps": _gaps(hostile=hostile),
        "coverage": Coverage(
            files=412, read=371, cached=350, opaque=((".png", 30), (".woff2", 7)), bytes=18_400_512, rules=92
        ),
        "settings": (
            SettingOrigin(name="profile", value="default", origin="built-in"),
            SettingOrigin(
                name="max_file_bytes", value=HOSTILE[2] if hostile else "16 GiB", origin="keelmark.yaml:4"
            ),
        ),
    }
    return Assessment(**{**values, **changes})


def compared(*, hostile: bool = False) -> Assessment:
    plain = build(hostile=hostile)
    failed = [finding.fingerprint for finding in plain.findings if finding.outcome is Outcome.FAIL]
    return replace(
        plain,
        only_new=True,
        comparison=Comparison(
            source="baseline.json", new=tuple(failed[:1]), known=tuple(failed[1:]), gone=("0" * 32,)
        ),
    )


@pytest.fixture(scope="session")
def make():
    return build


@pytest.fixture(scope="session")
def make_compared():
    return compared


@pytest.fixture(scope="session")
def cards():
    return CARDS


@pytest.fixture(scope="session")
def catalogue():
    return load()


@pytest.fixture(scope="session")
def known(catalogue, cards):
    """What every renderer asks for beside the assessment."""
    return {"catalogue": catalogue, "cards": cards}
