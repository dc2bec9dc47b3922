"""API keys: their form, what is kept of them, how they change, and how the gateway looks them up."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.principal import Proof
from keelmark.core.secret import Secret
from keelmark.deployment.access import key_changes, keys
from keelmark.deployment.access.key_changes import KeyRequest, add_key, revoke_key, rotate_key
from keelmark.deployment.access.key_ring import KeyRing, Settings
from keelmark.deployment.access.key_table import Bounds, KeyDocument, parse_keys, render_keys
from keelmark.deployment.access.keys import (
    KEY_LENGTH,
    KeyTable,
    digest_of,
    id_of,
    new_key,
    parse_pepper,
    pepper_id,
)
from keelmark.detectors import secrets as detector
from keelmark.errors import ConfigurationError, KeelmarkError, UsageError

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PEPPER = Secret(bytes(range(32)))
SECOND = 10**9


def made(document: KeyDocument | None = None, **changes) -> key_changes.Made:
    asked = {"name": "nightly", "owner": "ana", "team": "ml", "scopes": ("infer:small",), **changes}
    return add_key(
        document or KeyDocument(pepper=pepper_id(PEPPER)), KeyRequest(**asked), pepper=PEPPER, now=NOW
    )


def text_of(found: key_changes.Made) -> str:
    return found.key.reveal().decode()


class File:
    """A key file in memory, as the store hands it out."""

    def __init__(self, document: KeyDocument) -> None:
        self.content = render_keys(document)
        self.error: Exception | None = None
        self.version = 0
        self.looks = 0

    def put(self, document: KeyDocument) -> None:
        self.content, self.version = render_keys(document), self.version + 1

    def fingerprint(self) -> int:
        self.looks += 1
        return self.version

    def read(self) -> bytes:
        if self.error is not None:
            raise self.error
        return self.content


# -- form ---------------------------------------------------------------------------------------------------------


def test_new_keys_have_the_form_and_differ() -> None:
    pairs = [new_key() for _ in range(50)]
    assert len({key.reveal() for _, key in pairs}) == 50
    for key_id, key in pairs:
        text = key.reveal().decode()
        assert len(text) == KEY_LENGTH
        assert text.startswith(f"km_{key_id}.")
        assert id_of(text) == key_id


@given(st.text(max_size=80))
def test_any_text_is_no_key(text: str) -> None:
    assert id_of(text) is None
    assert KeyTable((made().record,)).match(text, pepper=PEPPER, now=NOW) is None


@given(place=st.integers(0, KEY_LENGTH - 1), sign=st.characters())
def test_changing_any_character_makes_it_no_key(place: int, sign: str) -> None:
    found = made()
    text = text_of(found)
    other = text[:place] + sign + text[place + 1 :]
    ring = KeyRing(File(found.document), PEPPER)
    assert (ring.verify(other, now=NOW, now_ns=0) is not None) == (other == text)


def test_our_own_detector_finds_keys_and_checks_their_sum() -> None:
    text = text_of(made())
    found = [
        each
        for each in detector.find(f'KEY = "{text}"\n', path="settings.py")
        if each.kind == "keelmark-api-key"
    ]
    assert len(found) == 1
    assert not found[0].dismissed
    wrong = text[:-1] + ("a" if text[-1] != "a" else "b")
    assert all(
        each.dismissed
        for each in detector.find(f'KEY = "{wrong}"\n', path="settings.py")
        if each.kind == "keelmark-api-key"
    )


def test_pepper_is_bytes_or_digits_and_nothing_else() -> None:
    raw = bytes(range(32))
    assert parse_pepper(raw).reveal() == raw
    assert parse_pepper(raw.hex().encode() + b"\n").reveal() == raw
    for wrong in (b"", b"x" * 31, b"zz" * 32, raw.hex().encode()[:-2], b"\xff" * 64):
        with pytest.raises(ConfigurationError) as caught:
            parse_pepper(wrong)
        assert wrong.hex() == "" or wrong.hex() not in str(caught.value)


def test_nothing_that_prints_shows_a_key_or_its_digest() -> None:
    found = made()
    for shown in (repr(found), repr(found.record), repr(found.document), str(found.key)):
        assert text_of(found) not in shown
        assert repr(found.record.digest) not in shown


# -- matching -----------------------------------------------------------------------------------------------------


def test_right_key_names_its_caller() -> None:
    found = made(tenant="acme")
    record = KeyTable((found.record,)).match(text_of(found), pepper=PEPPER, now=NOW)
    assert record == found.record
    caller = found.record.principal()
    assert (caller.id, caller.proof, caller.team, caller.tenant) == (
        found.record.id,
        Proof.API_KEY,
        "ml",
        "acme",
    )
    assert caller.scopes == {"infer:small"}
    assert dict(caller.attributes) == {"name": "nightly", "owner": "ana"}


def test_another_pepper_makes_every_key_wrong() -> None:
    found = made()
    assert KeyTable((found.record,)).match(text_of(found), pepper=Secret(bytes(32)), now=NOW) is None


@pytest.mark.parametrize(
    "change",
    [
        {"expires": NOW},
        {"not_before": NOW + timedelta(seconds=1)},
        {"revoked": NOW - timedelta(days=1)},
        {"revoked": NOW + timedelta(days=1)},
    ],
)
def test_key_counts_only_while_it_is_in_force(change) -> None:
    found = made()
    record = replace(found.record, **change)
    assert KeyTable((record,)).match(text_of(found), pepper=PEPPER, now=NOW) is None


def test_unknown_id_costs_what_a_wrong_secret_costs(monkeypatch) -> None:
    found = made()
    counted: list[int] = []
    real = keys.hmac.digest

    class Counting:
        compare_digest = staticmethod(keys.hmac.compare_digest)

        @staticmethod
        def digest(key: bytes, data: bytes, name: str) -> bytes:
            counted.append(len(data))
            return real(key, data, name)

    monkeypatch.setattr(keys, "hmac", Counting)
    table = KeyTable((found.record,))
    assert table.match(text_of(found), pepper=PEPPER, now=NOW) is not None
    assert table.match(new_key()[1].reveal().decode(), pepper=PEPPER, now=NOW) is None
    assert KeyTable().match(text_of(found), pepper=PEPPER, now=NOW) is None
    assert counted == [KEY_LENGTH] * 3


# -- file ---------------------------------------------------------------------------------------------------------


def test_reading_gives_back_what_was_written() -> None:
    first = made(tenant="acme", not_before=NOW + timedelta(days=1))
    second = made(first.document, name="other")
    gone = revoke_key(second.document, second.record.id, reason="leaked", now=NOW)
    assert parse_keys(render_keys(gone)) == gone
    assert gone.records[1].revoked == NOW


def edited(change) -> bytes:
    content = json.loads(render_keys(made().document))
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.update(more=1), "more"),
        (lambda file: file["keys"][0].update(admin=True), "admin"),
        (lambda file: file["keys"].append(file["keys"][0]), "stands twice"),
        (lambda file: file.update(format="other/1"), "format"),
        (lambda file: file["keys"][0].pop("expires"), "expires"),
        (lambda file: file["keys"][0].update(expires="2026-05-01T12:00:00"), "expires"),
        (lambda file: file["keys"][0].update(expires=None), "expires"),
        (lambda file: file["keys"][0].update(expires="2001-01-01T00:00:00Z"), "ends before"),
        (lambda file: file["keys"][0].update(scopes=["*"]), "scope"),
        (lambda file: file["keys"][0].update(scopes=["everything:*"]), "scope"),
        (lambda file: file["keys"][0].update(id="ABC"), "id"),
        (lambda file: file["keys"][0].update(digest="00"), "digest"),
        (lambda file: file["keys"][0].update(owner=" "), "owner"),
        (lambda file: file.update(keys={}), "keys"),
    ],
)
def test_file_that_is_not_exactly_right_is_refused(change, words: str) -> None:
    with pytest.raises(ConfigurationError, match="no key file") as caught:
        parse_keys(edited(change), path="keys.json")
    assert words in caught.value.message
    assert caught.value.path == "keys.json"


def test_key_that_stands_twice_in_an_object_is_refused() -> None:
    content = render_keys(made().document).replace(b'"owner"', b'"name": "x", "owner"', 1)
    with pytest.raises(ConfigurationError, match="`name` stands twice"):
        parse_keys(content)


def test_file_is_bounded() -> None:
    content = render_keys(made().document)
    for bounds in (Bounds(max_keys=0), Bounds(max_bytes=10)):
        with pytest.raises(ConfigurationError):
            parse_keys(content, bounds=bounds)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_words(content: bytes) -> None:
    with pytest.raises(ConfigurationError):
        parse_keys(content)


# -- changes ------------------------------------------------------------------------------------------------------


def test_key_lives_90_days_unless_told() -> None:
    assert made().record.expires == NOW + timedelta(days=90)
    assert made(days=1).record.expires == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "change",
    [
        {"days": 0},
        {"days": 367},
        {"scopes": ()},
        {"owner": ""},
        {"name": "a\nb"},
        {"team": "x" * 201},
        {"not_before": NOW + timedelta(days=90)},
    ],
)
def test_request_that_cannot_be_is_refused(change) -> None:
    with pytest.raises(UsageError):
        made(**change)


def test_keys_of_a_file_are_bounded() -> None:
    with pytest.raises(UsageError, match="holds 1 keys"):
        add_key(
            made().document,
            KeyRequest(name="n", owner="o", scopes=("infer:small",)),
            pepper=PEPPER,
            now=NOW,
            bounds=key_changes.Bounds(max_keys=1),
        )


def test_key_of_another_pepper_is_not_added() -> None:
    with pytest.raises(UsageError, match="another pepper"):
        made(KeyDocument(pepper="0" * 16))


def test_rotation_overlaps_and_then_the_old_key_ends() -> None:
    old = made(tenant="acme")
    new = rotate_key(old.document, old.record.id, overlap=timedelta(hours=2), pepper=PEPPER, now=NOW)
    table = KeyTable(new.document.records)
    during, after = NOW + timedelta(hours=1, minutes=59), NOW + timedelta(hours=2)
    assert table.match(text_of(old), pepper=PEPPER, now=during) is not None
    assert table.match(text_of(new), pepper=PEPPER, now=during) is not None
    assert table.match(text_of(old), pepper=PEPPER, now=after) is None
    assert table.match(text_of(new), pepper=PEPPER, now=after) is not None
    assert new.record.replaces == old.record.id
    assert (new.record.owner, new.record.tenant, new.record.scopes) == ("ana", "acme", old.record.scopes)
    assert parse_keys(render_keys(new.document)) == new.document


def test_rotation_never_lengthens_a_life() -> None:
    old = made(days=1)
    new = rotate_key(old.document, old.record.id, overlap=timedelta(days=30), pepper=PEPPER, now=NOW)
    assert new.ended is not None
    assert new.ended.expires == old.record.expires


def test_rotation_of_a_key_that_did_not_begin_ends_it_within_the_overlap() -> None:
    old = made(not_before=NOW + timedelta(days=3))
    new = rotate_key(old.document, old.record.id, overlap=timedelta(0), pepper=PEPPER, now=NOW)
    assert (
        KeyTable(new.document.records).match(text_of(old), pepper=PEPPER, now=NOW + timedelta(days=4)) is None
    )
    assert parse_keys(render_keys(new.document)) == new.document


def test_what_is_over_is_not_rotated() -> None:
    old = made()
    gone = revoke_key(old.document, old.record.id, reason="leaked", now=NOW)
    with pytest.raises(UsageError, match="revoked"):
        rotate_key(gone, old.record.id, overlap=timedelta(0), pepper=PEPPER, now=NOW)
    with pytest.raises(UsageError, match="expired"):
        rotate_key(
            old.document, old.record.id, overlap=timedelta(0), pepper=PEPPER, now=NOW + timedelta(days=91)
        )
    with pytest.raises(UsageError, match="overlap"):
        rotate_key(old.document, old.record.id, overlap=timedelta(days=31), pepper=PEPPER, now=NOW)
    with pytest.raises(UsageError, match="no key"):
        rotate_key(old.document, "000000000000", overlap=timedelta(0), pepper=PEPPER, now=NOW)


def test_revocation_needs_a_reason_and_is_never_taken_back() -> None:
    found = made()
    with pytest.raises(UsageError, match="reason"):
        revoke_key(found.document, found.record.id, reason=" ", now=NOW)
    gone = revoke_key(found.document, found.record.id, reason="leaked", now=NOW)
    again = revoke_key(gone, found.record.id, reason="other", now=NOW + timedelta(days=1))
    assert again == gone


# -- ring ---------------------------------------------------------------------------------------------------------


def test_key_that_was_right_is_not_computed_again_and_still_expires() -> None:
    found = made(days=1)
    ring = KeyRing(File(found.document), PEPPER)
    first = ring.verify(text_of(found), now=NOW, now_ns=0)
    assert first is not None
    assert ring.verify(text_of(found), now=NOW, now_ns=1) is first
    assert ring.verify(text_of(found), now=NOW + timedelta(days=1), now_ns=2) is None


def test_revocation_in_the_file_counts_within_a_second() -> None:
    found = made()
    file = File(found.document)
    ring = KeyRing(file, PEPPER)
    assert ring.verify(text_of(found), now=NOW, now_ns=0) is not None
    file.put(revoke_key(found.document, found.record.id, reason="leaked", now=NOW))
    assert ring.verify(text_of(found), now=NOW, now_ns=SECOND // 2) is None


def test_file_is_looked_at_no_more_often_than_told() -> None:
    file = File(made().document)
    ring = KeyRing(file, PEPPER, Settings(poll_s=0.5))
    file.looks = 0
    for step in range(100):
        ring.verify("x", now=NOW, now_ns=step * SECOND // 100)
    assert file.looks == 2


def test_key_revoked_here_stays_refused_whatever_the_file_says() -> None:
    found = made()
    file = File(found.document)
    ring = KeyRing(file, PEPPER)
    assert ring.verify(text_of(found), now=NOW, now_ns=0) is not None
    assert ring.revoke_now(found.record.id)
    assert ring.verify(text_of(found), now=NOW, now_ns=1) is None
    file.put(found.document)
    assert ring.verify(text_of(found), now=NOW, now_ns=SECOND) is None
    assert not ring.revoke_now("000000000000")


def test_new_keys_in_the_file_are_found() -> None:
    first = made()
    file = File(first.document)
    ring = KeyRing(file, PEPPER)
    second = made(first.document)
    assert ring.verify(text_of(second), now=NOW, now_ns=0) is None
    file.put(second.document)
    assert ring.verify(text_of(second), now=NOW, now_ns=SECOND) is not None
    assert len(ring) == 2


@pytest.mark.parametrize("error", [OSError("gone"), KeelmarkError("others can write it")])
def test_file_that_cannot_be_read_closes_until_it_can(error: Exception) -> None:
    found = made()
    file = File(found.document)
    ring = KeyRing(file, PEPPER)
    assert ring.verify(text_of(found), now=NOW, now_ns=0) is not None
    file.error, file.version = error, 1
    assert ring.verify(text_of(found), now=NOW, now_ns=SECOND) is None
    assert "no key is right" in ring.fault
    file.error = None  # nothing but the error went away: the file is the same
    assert ring.verify(text_of(found), now=NOW, now_ns=2 * SECOND) is not None
    assert ring.fault == ""


def test_file_that_cannot_be_looked_at_or_is_damaged_closes() -> None:
    found = made()
    file = File(found.document)
    ring = KeyRing(file, PEPPER)
    file.content, file.version = file.content[:-20], 7
    assert ring.verify(text_of(found), now=NOW, now_ns=0) is None
    file.fingerprint = lambda: (_ for _ in ()).throw(FileNotFoundError(2, "none"))
    ring.poll()
    assert "none" in ring.fault


def test_wrong_pepper_closes_with_words() -> None:
    found = made()
    ring = KeyRing(File(found.document), Secret(bytes(32)))
    assert "another pepper" in ring.fault
    assert ring.verify(text_of(found), now=NOW, now_ns=0) is None


def test_wrong_keys_are_not_remembered_and_right_ones_bounded() -> None:
    document = KeyDocument(pepper=pepper_id(PEPPER))
    texts = []
    for _ in range(20):
        found = made(document)
        document = found.document
        texts.append(text_of(found))
    ring = KeyRing(File(document), PEPPER, Settings(max_remembered=4))
    for text in texts:
        assert ring.verify(text, now=NOW, now_ns=0) is not None
        ring.verify(new_key()[1].reveal().decode(), now=NOW, now_ns=0)
        ring.verify("é" * KEY_LENGTH, now=NOW, now_ns=0)
    assert len(ring._remembered) <= 8


def test_digest_speaks_of_the_whole_key() -> None:
    found = made()
    text = text_of(found)
    assert digest_of(text, PEPPER) == found.record.digest
    assert digest_of(text[:-1], PEPPER) != found.record.digest
