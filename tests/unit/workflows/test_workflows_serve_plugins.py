"""Stages of users: only those that are named, only where they may stand."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from keelmark.core.exchange import ALLOW
from keelmark.engine import installed
from keelmark.errors import ConfigurationError
from keelmark.gateway.settings import StageSettings
from keelmark.workflows.serve_plugins import STAGE_GROUP, own_stages


def stage(name: str) -> type:
    return type("Own", (), {"name": name, "__call__": lambda _self, _exchange: ALLOW})


@pytest.fixture(autouse=True)
def _installed(monkeypatch) -> None:
    found = {"hours": stage("hours"), "region": stage("region"), "alias": stage("hours"), "no-stage": object}
    points = [
        SimpleNamespace(name=name, dist=SimpleNamespace(name="own"), load=lambda each=each: each)
        for name, each in found.items()
    ]
    monkeypatch.setattr(
        installed.metadata, "entry_points", lambda group: points if group == STAGE_GROUP else []
    )


def named(*pairs: tuple[str, str]) -> list[StageSettings]:
    return [StageSettings(name=name, after=after) for name, after in pairs]


def test_stages_stand_behind_the_one_they_follow_in_the_order_they_are_named() -> None:
    assert own_stages([]) == {}
    found = own_stages(named(("region", "identify"), ("hours", "identify")))
    assert {after: [each.name for each in stages] for after, stages in found.items()} == {
        "identify": ["region", "hours"]
    }


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("hours", "upstream")], "cannot follow `upstream`"),
        ([("hours", "region")], "cannot follow `region`"),
        ([("hours", "bound"), ("hours", "identify")], "two stages"),
        ([("identify", "bound")], "two stages of the name `identify`"),
        ([("upstream", "bound")], "two stages"),
        ([("Hours", "bound")], "is no name of a stage"),
        ([("a" * 65, "bound")], "is no name of a stage"),
        ([("none", "bound")], "there is no stage `none`"),
        ([("no-stage", "bound")], "is no stage"),
        ([("alias", "bound")], "does not call itself so"),
    ],
)
def test_what_breaks_the_contract_is_refused(pairs, words) -> None:
    with pytest.raises(ConfigurationError, match=words):
        own_stages(named(*pairs))
