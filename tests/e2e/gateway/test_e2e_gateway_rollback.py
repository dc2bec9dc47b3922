"""Releases come and go beneath a gateway that runs: what it serves is what was released last, without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.corpus.releases import released
from tests.e2e.gateway.gateways import Gateway, Project, ground_of, make_project, serving, until
from tests.e2e.gateway.test_e2e_gateway_operations import is_served, port_of_two
from tests.e2e.gateway.upstreams import Upstream

from keelmark.core.clock import SystemClock

BETTER = "A better prompt.\n"


@pytest.fixture
def project(place: Path, upstream: Upstream) -> Project:
    """A project that was released two days ago."""
    return make_project(place, upstream, listen="listen: {workers: 2}", age_days=2)


def release_again(project: Project) -> None:
    released(project.root, project.signer, ground_of(project.root), clock=SystemClock())


def refusal(gateway: Gateway) -> str:
    answer = gateway.ask()
    return "" if answer.status == 200 else answer.reason


def test_a_roll_back_is_in_force_without_a_restart(project: Project, upstream: Upstream) -> None:
    prompt = project.root / "app.py"
    before = prompt.read_bytes()
    with port_of_two() as port, serving(project, upstream, port=port, workers=2) as gateway:
        assert gateway.ask().status == 200
        prompt.write_text(BETTER)
        until(lambda: refusal(gateway) == "release-changed", every_s=1)
        release_again(project)
        until(lambda: [is_served(gateway) for _ in range(4)] == [True] * 4, every_s=1)
        done = gateway.run(
            "release", "rollback", ".", "--reason", "answers leak", "--owner", "Duty officer", "--key", "../release.pem"
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        assert b"ROLLED BACK" in done.stdout
        assert prompt.read_bytes() == before
        until(lambda: [is_served(gateway) for _ in range(4)] == [True] * 4, every_s=1)
        newest = max((project.root / ".keelmark/releases").glob("*Z-????????????????.dsse.json")).name
        release = newest.removesuffix(".dsse.json")
        state = gateway.run("release", "list", ".", "--format", "json").stdout
        assert release in state.decode()
        sent = len(upstream.requests)
        assert gateway.ask().status == 200
        assert len(upstream.requests) == sent + 1
    log = b"".join(
        each.read_bytes() for each in (project.root / ".keelmark/requests").rglob("*") if each.is_file()
    )
    assert f'"release":"{release}"'.encode() in log


def test_a_release_that_brings_other_settings_is_served_with_those(
    project: Project, upstream: Upstream
) -> None:
    settings = project.root / "gateway.yaml"
    policies = project.root / "policies" / "all.cedar"
    with port_of_two() as port, serving(project, upstream, port=port, workers=2) as gateway:
        assert gateway.ask().status == 200
        policies.write_text("permit (principal, action, resource) when { false };\n")
        release_again(project)
        until(
            lambda: [refusal(gateway) for _ in range(4)] == ["no-such-model"] * 4,
            lambda: (refusal(gateway), gateway.told),
            every_s=1,
        )
        done = gateway.run(
            "release", "rollback", ".", "--reason", "nobody may call", "--owner", "Duty officer", "--key", "../release.pem"
        )  # fmt: skip
        assert done.returncode == 0, done.stderr.decode()
        until(lambda: [is_served(gateway) for _ in range(4)] == [True] * 4, lambda: gateway.told, every_s=1)
        # What a restart alone puts in force serves nothing until there is one.
        settings.write_text(settings.read_text().replace("workers: 2", "workers: 2, host: 127.0.0.2"))
        until(lambda: refusal(gateway) == "release-changed", every_s=1)
        release_again(project)
        until(
            lambda: any("nothing is served until they are" in line for line in gateway.told),
            lambda: gateway.told,
        )
        assert {refusal(gateway) for _ in range(8)} == {"release-changed"}
