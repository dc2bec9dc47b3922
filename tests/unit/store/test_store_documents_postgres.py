"""Documents in a real server: changed one after the other, seen by all, and by none that has not looked for too long."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.corpus.postgres import PASSWORD, needs_postgres, server

from keelmark.core.secret import Secret
from keelmark.errors import ConfigurationError, LimitExceededError, StoreError
from keelmark.store.documents_postgres import DocumentBounds, PostgresDocument, Watched

pytestmark = needs_postgres
QUICK = DocumentBounds(poll_s=0.01, connect_timeout_s=2, statement_timeout_ms=20_000)


@pytest.fixture(scope="module")
def postgres():
    with server() as found:
        yield found


@pytest.fixture
def document(postgres, request) -> PostgresDocument:
    return PostgresDocument(Secret(postgres.url.encode()), request.node.name, bounds=QUICK)


def write(document: PostgresDocument, content: bytes) -> None:
    with document.locked():
        document.write(content)


def until(is_so) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_document_is_written_read_and_changed(document) -> None:
    assert not document.exists
    with pytest.raises(StoreError, match="is not there"):
        document.read()
    write(document, b"one\x00\xff")
    assert (document.exists, document.read(), document.fingerprint()) == (True, b"one\x00\xff", 1)
    write(document, b"two")
    assert (document.read(), document.fingerprint()) == (b"two", 2)
    assert document.look(2) == (2, None)


def test_documents_of_other_names_are_others(document, postgres) -> None:
    write(document, b"one")
    assert not PostgresDocument(Secret(postgres.url.encode()), "another").exists


def test_changes_of_several_happen_one_after_the_other(document, postgres) -> None:
    write(document, b"0")

    def add_one(_: int) -> None:
        mine = PostgresDocument(Secret(postgres.url.encode()), document._name, bounds=QUICK)
        with mine.locked():
            mine.write(b"%d" % (int(mine.read()) + 1))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add_one, range(40)))
    assert document.read() == b"40"
    assert document.fingerprint() == 41


def test_what_fails_inside_changes_nothing(document) -> None:
    write(document, b"before")

    def fail() -> None:
        with document.locked():
            document.write(b"after")
            assert document.read() == b"after"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (document.read(), document.fingerprint()) == (b"before", 1)


def test_what_is_too_long_is_refused(document, postgres) -> None:
    write(document, b"x" * 100)
    small = PostgresDocument(
        Secret(postgres.url.encode()), document._name, bounds=DocumentBounds(max_bytes=99)
    )
    with pytest.raises(LimitExceededError):
        small.read()


def test_a_watch_sees_changes_and_never_half_of_one(document) -> None:
    write(document, b"1")
    watched = Watched(document, bounds=QUICK).start()
    try:
        assert (watched.fingerprint(), watched.read()) == (1, b"1")
        for number in range(2, 6):
            write(document, b"%d" % number)
            until(lambda number=number: watched.fingerprint() == number)
            assert watched.read() == b"%d" % number
    finally:
        watched.close()


def test_a_watch_that_sees_nothing_any_more_counts_until_its_time_is_over(document) -> None:
    write(document, b"1")
    now = [100.0]
    watched = Watched(document, bounds=DocumentBounds(poll_s=3600, stale_s=30), now=lambda: now[0]).start()
    try:
        now[0] = 129.0
        assert watched.fingerprint() == 1
        now[0] = 130.0
        with pytest.raises(OSError, match="not seen for too long"):
            watched.fingerprint()
    finally:
        watched.close()


def test_a_watch_goes_on_when_the_server_is_there_again() -> None:
    with server() as own:
        document = PostgresDocument(Secret(own.url.encode()), "d", bounds=QUICK)
        write(document, b"1")
        watched = Watched(document, bounds=QUICK).start()
        try:
            own.stop()
            until(lambda: watched.fault)
            assert watched.fingerprint() == 1
            own.start()
            write(document, b"2")
            until(lambda: watched.fingerprint() == 2)
            assert watched.read() == b"2"
        finally:
            watched.close()


def test_failures_tell_neither_address_nor_password(postgres) -> None:
    wrong = Secret(postgres.url.replace(PASSWORD, "wrong-secret").encode())
    with pytest.raises(StoreError) as caught:
        PostgresDocument(wrong, "d").read()
    told = repr(caught.value) + str(caught.value) + str(caught.value.hint)
    assert "wrong-secret" not in told
    assert str(postgres.folder) not in told
    with pytest.raises(StoreError):
        PostgresDocument(Secret(b"postgresql://a:b@127.0.0.1:1/none"), "d").read()
    with pytest.raises(ConfigurationError) as refused:
        PostgresDocument(Secret(b"no address: s3cret"), "d")
    assert "s3cret" not in str(refused.value)
