"""Releases as text and as JSON: everything that is signed is shown, and foreign text drives nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.corpus.releases import day, key, released, write

from keelmark.core.outcome import Outcome
from keelmark.core.release import (
    AcceptedThreat,
    Contents,
    LeftOut,
    LogReference,
    Release,
    ReleasedAsset,
    ReleasedStatement,
    ReleaseState,
    ReleaseVerification,
)
from keelmark.report import release_console, release_json

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "\x1b[2J\u202e::error::x"
STATED = ReleasedStatement(about=EVIL, owner=EVIL, reason=EVIL, expires=day("2027-01-01"))


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release in which every part occurs, each with hostile text."""
    plain = released(write(tmp_path / "project"), key()).signed.release
    return replace(
        plain,
        system=EVIL,
        limited_by=EVIL,
        supersedes=EVIL,
        contents=Contents(
            files=3,
            bytes=1,
            links=(EVIL,),
            left_out=(LeftOut(path=".git", reason="r"),),
            not_assessed=(LeftOut(path=EVIL, reason=EVIL),) * 4,
            not_assessed_total=4,
        ),
        evidence=replace(
            plain.evidence, run=EVIL, log=LogReference(origin=EVIL, index=7, size=9, root="cm9vdA==")
        ),
        waivers=(STATED,),
        attestations=(STATED,),
        not_applicable=(STATED,),
        exclusions=(STATED,),
        accepted_threats=(AcceptedThreat(threat=EVIL, treatment="accept", owner=EVIL, reason=EVIL),),
    )


def harmless(text: str) -> bool:
    return (
        "\x1b" not in text
        and "\u202e" not in text
        and not any(line.startswith("::") for line in text.splitlines())
    )


def test_everything_is_shown_and_cleaned(release) -> None:
    shown = release_console.shown_text(release, state="current", parts=("prompt:P", "tool:T", "tool:U"))
    assert harmless(shown)
    assert "covers      2 files (1 bytes), 1 link, 1 prompt, 2 tools" in shown
    assert "not covered .git: r, commit not known" in shown
    assert "not assessed, though covered: 4 files" in shown
    assert "1 waiver, 1 attestation, 1 exception, 1 exclusion, 1 accepted threat" in shown
    assert "log         entry 7 of" in shown
    for word in ("waiver", "attested", "exception", "exclusion", "threat", "computed"):
        assert f"\n  {word:<11} " in shown


def test_tools_that_no_digest_is_known_of_are_named(release) -> None:
    named = [("track", "sha256:aa"), ("track", ""), (EVIL, ""), *((f"t{number}", "") for number in range(5))]
    assets = [ReleasedAsset(kind="tool", name=name, digest=digest) for name, digest in named]
    shown = release_console.shown_text(replace(release, assets=tuple(assets)), state="current", parts=())
    (line,) = [line for line in shown.splitlines() if line.startswith("  no pin ")]
    assert "6 tools whose definition is made when a program runs: " in line
    assert "t0" in line
    assert line.endswith(", …")
    assert "track" not in line
    assert harmless(shown)
    pinned = replace(release, assets=(ReleasedAsset(kind="tool", name="track", digest="sha256:aa"),))
    assert "no pin" not in release_console.shown_text(pinned, state="current", parts=())


def test_what_was_made_says_what_comes_next(release) -> None:
    for is_pending, words in ((True, "--sign"), (False, "keelmark verify")):
        text = release_console.made_text(release, place=EVIL, is_pending=is_pending, is_reused=True, parts=())
        assert harmless(text)
        assert words in text.splitlines()[-1]
        assert "of an earlier run of today" in text


def test_answers_are_cleaned(release) -> None:
    found = ReleaseVerification(
        outcome=Outcome.UNKNOWN,
        state=ReleaseState.REVOKED,
        reasons=(EVIL,),
        release=release,
        ignored=(LeftOut(path=EVIL, reason=EVIL),),
        notes=(EVIL,),
    )
    assert harmless(release_console.verified_text(found))
    document = json.loads(release_json.verified_json(found))
    assert (document["outcome"], document["exit_code"], document["state"]) == ("unknown", 3, "revoked")
    assert harmless(json.dumps(document, ensure_ascii=False))
    assert document["release"]["signers"][0]["public_key"] == release.signers[0].public_key


def test_documents_are_cleaned(release) -> None:
    for text in (
        release_json.made_json(release, place=EVIL, is_pending=False, is_reused=False),
        release_json.shown_json(release, state="current"),
        release_json.listed_json([(release, "current")]),
        release_json.differences_json([]),
    ):
        assert harmless(json.dumps(json.loads(text), ensure_ascii=False))


def test_published_schema_is_that_of_the_predicate() -> None:
    published = release_json.schema()
    made = json.loads(json.dumps(msgspec.json.schema(Release)))
    assert {name: published[name] for name in made} == made
