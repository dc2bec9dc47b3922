"""One upstream and one gateway in the default configuration for all tests that leave both as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.gateway import upstreams
from tests.e2e.gateway.gateways import Gateway, make_project, serving, short_folder


@pytest.fixture(scope="session")
def shared_gateway() -> Iterator[Gateway]:
    with (
        short_folder() as place,
        upstreams.running() as upstream,
        serving(make_project(place, upstream), upstream) as gateway,
    ):
        yield gateway


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    """The gateway that all share, with an upstream that says what it says by default and was asked nothing."""
    shared_gateway.upstream.reset()
    shared_gateway.upstream.requests.clear()
    return shared_gateway


@pytest.fixture
def upstream() -> Iterator[upstreams.Upstream]:
    """An upstream of this test alone."""
    with upstreams.running() as found:
        yield found


@pytest.fixture
def place() -> Iterator[Path]:
    with short_folder() as found:
        yield found
