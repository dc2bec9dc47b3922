"""Only what is under a valid release passes, each reason told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.corpus.releases import NOW, key, released, write

from keelmark.core.asset import AssetKind
from keelmark.core.call import Action, Api, Call, ToolDefinition
from keelmark.core.exchange import ALLOW, Exchange, Request
from keelmark.core.outcome import Outcome
from keelmark.core.release import ReleasedAsset, ReleaseState, ReleaseVerification
from keelmark.core.route import Route, RouteKind
from keelmark.deployment.release.stage_released import InForce, ReleaseBook, ReleasedStage, in_force

ASSETS = (
    ReleasedAsset(kind=AssetKind.MODEL, name="small", path="models/small.gguf", digest="sha256:00"),
    ReleasedAsset(kind=AssetKind.HOSTED_MODEL, name="hosted", revision="2026-01-01"),
    ReleasedAsset(kind=AssetKind.MCP_SERVER, name="tickets"),
    ReleasedAsset(kind=AssetKind.DATASET, name="orders"),
)


@pytest.fixture
def verification(tmp_path) -> ReleaseVerification:
    release = released(write(tmp_path / "project"), key()).signed.release
    return ReleaseVerification(
        outcome=Outcome.PASS, state=ReleaseState.VALID, release=replace(release, assets=ASSETS)
    )


def asked(
    route: Route | None, *, action: Action = Action.INFER, tools: tuple[ToolDefinition, ...] = ()
) -> Exchange:
    call = Call(api=Api.CHAT, action=action, model="m", body={}, tools=tools)
    request = Request(method="POST", path="/")
    return Exchange(id="0", request=request, started=datetime.now(UTC), started_ns=0, call=call, route=route)


def to(asset: str, *, kind: RouteKind = RouteKind.MODEL, revision: str = "") -> Route:
    return Route(name="m", kind=kind, upstream="u", asset=asset, revision=revision)


def stage(page: InForce, *, at: datetime = NOW) -> ReleasedStage:
    return ReleasedStage(ReleaseBook(page=page), now=at.timestamp)


@pytest.mark.parametrize(
    "route",
    [
        to("small"),
        to("models/small.gguf"),
        to("hosted", revision="2026-01-01"),
        to("tickets", kind=RouteKind.SERVER),
    ],
)
def test_what_was_released_passes(verification, route) -> None:
    exchange = asked(route)
    assert stage(in_force(verification))(exchange) is ALLOW
    assert exchange.release == verification.release.id


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (to("other"), "not-released"),
        (to("orders"), "not-released"),
        (to("tickets"), "not-released"),
        (to("small", kind=RouteKind.SERVER), "not-released"),
        (to("small", revision="2"), "release-changed"),
        (to("hosted"), "release-changed"),
        (to("hosted", revision="2026-02-02"), "release-changed"),
        (None, "no-such-model"),
    ],
)
def test_what_was_not_is_refused(verification, route, reason: str) -> None:
    assert stage(in_force(verification))(asked(route)).reason == reason


def test_a_listing_needs_no_route(verification) -> None:
    assert stage(in_force(verification))(asked(None, action=Action.LIST_MODELS)) is ALLOW


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (ReleaseState.REVOKED, "release-revoked"),
        (ReleaseState.SUPERSEDED, "release-revoked"),
        (ReleaseState.CHANGED, "release-changed"),
        (ReleaseState.DAMAGED, "release-changed"),
        (ReleaseState.EXPIRED, "release-expired"),
        (ReleaseState.NOT_YET_VALID, "release-expired"),
        (ReleaseState.UNTRUSTED, "not-released"),
        (ReleaseState.INCOMPLETE, "not-released"),
        (ReleaseState.UNKNOWN, "not-released"),
    ],
)
def test_every_state_but_valid_serves_nothing(verification, state, reason: str) -> None:
    page = in_force(replace(verification, state=state))
    assert stage(page)(asked(to("small"))).reason == reason
    assert stage(page)(asked(None, action=Action.LIST_MODELS)).reason == reason


def test_without_a_release_nothing_is_served(verification) -> None:
    assert stage(InForce())(asked(to("small"))).reason == "not-released"
    assert in_force(replace(verification, release=None)) == InForce()


def test_a_release_ends_at_its_time_however_long_ago_it_was_verified(verification) -> None:
    page, release = in_force(verification), verification.release
    assert stage(page, at=release.expires - timedelta(seconds=1))(asked(to("small"))) is ALLOW
    assert stage(page, at=release.expires)(asked(to("small"))).reason == "release-expired"
    assert (
        stage(page, at=release.not_before - timedelta(seconds=1))(asked(to("small"))).reason
        == "release-expired"
    )


def test_a_tool_that_was_pinned_must_be_as_it_was(verification) -> None:
    tools = [
        ("refund", "sha256:aa"),
        ("look", "sha256:bb"),
        ("look", "sha256:cc"),
        ("late", ""),
        ("look", ""),
    ]
    assets = [ReleasedAsset(kind="tool", name=name, digest=digest) for name, digest in tools]
    for path in ("tests/test_attack.py", "examples/other.py", "docs/tools.json"):
        assets.append(ReleasedAsset(kind="tool", name="refund", path=path, digest="sha256:dd"))
        assets.append(ReleasedAsset(kind="tool", name="only-here", path=path))
    release = replace(verification.release, assets=(*verification.release.assets, *assets))
    page = in_force(replace(verification, release=release))
    assert page.tools == {"refund": {"aa"}, "look": {"bb", "cc"}}
    assert page.unpinned == ("late",)

    def said(name: str, digest: str, pinned=()) -> str:
        check = ReleasedStage(ReleaseBook(page=page), now=NOW.timestamp, pinned=pinned)
        return check(asked(to("small"), tools=(ToolDefinition(name=name, digest=digest),))).reason

    assert [said("refund", "aa"), said("refund", "bb")] == ["", "tool-changed"]
    assert [said("look", "cc"), said("look", "aa")] == ["", "tool-changed"]
    # What nothing pins is for the guard of tools, and so is what the settings pin.
    assert [said("other", "bb"), said("late", "bb"), said("refund", "bb", pinned=["refund"])] == ["", "", ""]


def test_what_is_in_force_is_swapped_as_a_whole(verification) -> None:
    book = ReleaseBook()
    check = ReleasedStage(book, now=NOW.timestamp)
    assert check(asked(to("small"))).reason == "not-released"
    book.page = in_force(verification)
    assert check(asked(to("small"))) is ALLOW
