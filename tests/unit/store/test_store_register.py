"""A register on a server: what was seen is what is changed, or nothing is; nothing that an error says holds a password."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.corpus.postgres import needs_postgres, server
from tests.unit.store.test_store_leases_redis import PASSWORD, Redis, needs_server
from tests.unit.store.test_store_leases_redis import redis as redis  # noqa: PLC0414 - the fixture

from keelmark.core.register import MAX_REGISTER_BYTES, Register
from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, StoreError
from keelmark.store.redis_server import RedisServer
from keelmark.store.register_postgres import PostgresRegister
from keelmark.store.register_redis import RedisRegister


def kept(one: Register, two: Register) -> None:
    """The promises."""
    assert one.look() is None
    assert not one.swap(b"x", b"y")
    assert one.swap(None, b"a\0\xff")
    assert two.look() == b"a\0\xff"
    assert not two.swap(None, b"b")
    assert not two.swap(b"a", b"b")
    assert not two.swap(b"", b"b")
    assert two.swap(b"a\0\xff", b"")
    assert one.look() == b""
    assert not one.swap(None, b"c")
    assert one.swap(b"", b"c")
    assert two.look() == b"c"


@needs_server
def test_a_register_in_redis(redis: Redis) -> None:
    one, two = (
        RedisRegister(Secret(redis.url.encode()), gateway="g", name="n", timeout_s=10) for _ in range(2)
    )
    other = RedisRegister(Secret(redis.url.encode()), gateway="h", name="n", timeout_s=10)
    kept(one, two)
    assert other.look() is None
    for each in (one, two, other):
        each.close()


@needs_postgres
def test_a_register_in_postgres() -> None:
    with server() as postgres:
        url = Secret(postgres.url.encode())
        one, two = (PostgresRegister(url, name="n") for _ in range(2))
        other = PostgresRegister(url, name="m")
        kept(one, two)
        assert other.look() is None
        # A connection that was lost is made anew with the next look.
        one._connection.close()
        with pytest.raises(StoreError):
            one.look()
        assert one.look() == b"c"
        assert one.swap(b"c", bytes(MAX_REGISTER_BYTES + 1))
        with pytest.raises(StoreError, match="LimitExceededError"):
            two.look()
        for each in (one, two, other):
            each.close()


def test_a_server_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    away: list[Register] = [
        RedisRegister(
            Secret(f"unix://:{PASSWORD}@{tmp_path}/none".encode()), gateway="g", name="n", timeout_s=1
        ),
        PostgresRegister(Secret(f"postgresql://somebody:{PASSWORD}@127.0.0.1:1/none".encode()), name="n"),
    ]
    for register in away:
        for act in (register.look, lambda register=register: register.swap(None, b"x")):
            with pytest.raises(StoreError) as caught:
                act()
            assert PASSWORD not in str(caught.value)
            assert "somebody" not in str(caught.value)
        register.close()


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        RedisRegister(Secret(b"http://x"), gateway="g", name="n", timeout_s=1)
    with pytest.raises(ConfigurationError):
        PostgresRegister(Secret(b"words"), name="n")


@pytest.mark.parametrize("found", ["text", 1, [], bytes(MAX_REGISTER_BYTES + 1)])
def test_an_answer_that_cannot_be_read_is_an_error(monkeypatch, found: object) -> None:
    register = RedisRegister(Secret(b"redis://localhost"), gateway="g", name="n", timeout_s=1)
    monkeypatch.setattr(RedisServer, "_run", lambda *_: found)
    with pytest.raises(StoreError, match="cannot be read"):
        register.look()
    monkeypatch.setattr(RedisServer, "_run", lambda *_: 2)
    with pytest.raises(StoreError, match="cannot be read"):
        register.swap(None, b"x")
    register.close()
