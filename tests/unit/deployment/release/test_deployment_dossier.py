"""The rules of verifying a dossier, one test for each, on forged ones that a trusted key has signed."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.releases import NOW, key, released, write

from keelmark.core.dossier import DossierState, DossierStatement, Fact, Level
from keelmark.core.outcome import Outcome
from keelmark.deployment.release import dossier, dossier_facts
from keelmark.deployment.release.dossier import check_leaves, document_of, parse_document, redacted, sealed
from keelmark.deployment.release.dossier_assessment import seen_of
from keelmark.deployment.release.dossier_facts import fact, release_facts
from keelmark.deployment.release.dossier_sections import SECTIONS
from keelmark.deployment.release.dossier_statement import form_of, parse_statement, payload_of
from keelmark.deployment.release.dossier_verification import (
    Findings,
    is_dossier,
    is_of_later_form,
    judge_facts,
    judge_pair,
    judge_release,
    judge_signature,
    open_dossier,
)
from keelmark.errors import KeelmarkError, LimitExceededError, ParseError, UsageError
from keelmark.trust import dsse, statement, stored_zip

KEY, OTHER = key(), key("ed25519")
SECRET = bytes(range(32))
DIGEST = "ab" * 32
FACTS = (
    Fact(name="release/summary", value={"system": "helpdesk", "critical": None}),
    Fact(name="settings/profile", value={"value": "default"}),
    Fact(name="subjects/00001", value={"files": [{"name": "app.py", "sha256": DIGEST, "link": False}]}),
    Fact(name="finding-evidence/00001", value={"evidence": []}),
)


def whole(facts=FACTS, *, secret=SECRET, digest=DIGEST):
    return sealed(facts, secret=secret, release="id", release_digest=digest, keelmark="0.1.0")


def written(shown) -> bytes:
    return json.dumps(document_of(shown)).encode()


def archive(shown, *, signer=KEY, **changes) -> bytes:
    parts = {"leaves.json": written(shown), **changes.pop("parts", {})}
    stated = DossierStatement(
        level=shown.level,
        release=shown.release,
        release_digest=shown.release_digest,
        root=shown.root,
        leaves=len(shown.leaves),
        parts={name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
        keelmark="0.1.0",
        made=NOW,
    )
    payload = changes.pop("payload", None) or payload_of(replace(stated, **changes))
    envelope = dsse.sign(statement.PAYLOAD_TYPE, payload, keys=[signer])
    return stored_zip.build({"dossier.dsse.json": dsse.encode(envelope), **parts})


def judged(data: bytes, *keys) -> Findings:
    found, opened = Findings(), open_dossier(data)
    if judge_signature(opened, keys or [KEY.public], found) is not None:
        judge_facts(opened, found)
    return found


def test_honest_dossiers_of_all_levels_are_valid() -> None:
    for level in Level:
        found = judged(archive(redacted(whole(), level)), OTHER.public, KEY.public)
        assert (found.outcome, found.state, found.reasons) == (Outcome.PASS, DossierState.VALID, ())


def test_rule_1_nothing_counts_until_a_given_key_signed_it() -> None:
    found = judged(archive(whole(), signer=OTHER))
    assert (found.outcome, found.state) == (Outcome.FAIL, DossierState.UNTRUSTED)
    assert OTHER.public.keyid[:16] in found.reasons[0]
    data = archive(whole())
    parts = stored_zip.parse(data)
    envelope = dsse.parse(parts["dossier.dsse.json"])
    other = dsse.sign(envelope.payload_type, envelope.payload, keys=[OTHER])
    for signatures in (
        (replace(envelope.signatures[0], value=other.signatures[0].value),),
        (*envelope.signatures, *other.signatures),
        (*envelope.signatures, *envelope.signatures),
    ):
        spoiled = dsse.encode(replace(envelope, signatures=signatures))
        found = judged(stored_zip.build({**parts, "dossier.dsse.json": spoiled}))
        assert (found.outcome, found.state) == (Outcome.FAIL, DossierState.DAMAGED)
    bare = dsse.encode(replace(envelope, signatures=()))
    assert judged(stored_zip.build({**parts, "dossier.dsse.json": bare})).outcome is Outcome.FAIL


def test_rule_2_every_part_is_named_by_digest() -> None:
    parts = stored_zip.parse(archive(whole(), parts={"report.html": b"signed"}))
    for change in ({"report.html": b"other"}, {"more.txt": b""}):
        found = judged(stored_zip.build({**parts, **change}))
        assert found.state is DossierState.DAMAGED
        assert f"`{next(iter(change))}` is not the file that was signed" in found.reasons
    del parts["report.html"]
    assert judged(stored_zip.build(parts)).outcome is Outcome.FAIL


def test_rule_2_envelope_has_one_spelling() -> None:
    parts = stored_zip.parse(archive(whole()))
    spoiled = stored_zip.build({**parts, "dossier.dsse.json": parts["dossier.dsse.json"] + b"\n"})
    with pytest.raises(ParseError, match="spelled otherwise"):
        open_dossier(spoiled)


def forged(change, level=Level.CUSTOMER):
    """A dossier of that level with one leaf changed, and everything else made to fit it."""
    honest = redacted(whole(), level)
    leaves = tuple(change(each) for each in honest.leaves)
    return judged(archive(replace(honest, leaves=tuple(each for each in leaves if each is not None))))


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("release/summary", {"value": {"system": "evil"}}, "is not the fact that was committed to"),
        ("release/summary", {"value": {"system": 1.5}}, "is not the fact that was committed to"),
        ("release/summary", {"value": {"system": "\ud800"}}, "is not the fact that was committed to"),
        ("release/summary", {"salt": "00" * 32}, "is not the fact that was committed to"),
        ("release/summary", {"salt": "00"}, "is not the fact that was committed to"),
        (
            "release/summary",
            {"value": None, "salt": ""},
            "it hides `release/summary`, which needs the level public",
        ),
        ("release/summary", {"needs": Level.SEALED}, "do not give the root"),
        ("subjects/00001", {"needs": Level.PUBLIC}, "it hides `subjects/00001`"),
        ("subjects/00001", {"commitment": "00" * 32}, "do not give the root"),
        ("subjects/00001", {"name": "subjects/00002"}, "do not give the root"),
        (
            "subjects/00001",
            {"value": FACTS[2].value, "salt": "00" * 32},
            "it shows `subjects/00001`, which needs the level authority",
        ),
        ("subjects/00001", None, "do not give the root"),
    ],
)
def test_rule_3_each_forged_leaf_is_noticed(name, change, words) -> None:
    def spoil(leaf):
        if leaf.name != name:
            return leaf
        return None if change is None else replace(leaf, **change)

    found = forged(spoil)
    assert (found.outcome, found.state) == (Outcome.FAIL, DossierState.DAMAGED)
    assert any(words in each for each in found.reasons), found.reasons


def test_rule_3_leaves_stand_in_their_order_each_once() -> None:
    honest = whole()
    for leaves in (tuple(reversed(honest.leaves)), (*honest.leaves, honest.leaves[-1])):
        wrong = replace(honest, leaves=leaves)
        wrong = replace(wrong, root=dossier.root_of(leaves))
        assert check_leaves(wrong) == ("its facts do not stand in their order, each once",)


@pytest.mark.parametrize(
    "change",
    [
        {"level": Level.PUBLIC},
        {"release": "other"},
        {"release_digest": "00" * 32},
        {"root": "00" * 32},
        {"leaves": 3},
    ],
)
def test_rule_3_facts_are_those_of_the_statement(change) -> None:
    found = judged(archive(whole(), **change))
    assert found.state is DossierState.DAMAGED
    assert "another level, release or root" in found.reasons[0]


def test_many_wrong_facts_are_counted() -> None:
    many = whole(tuple(Fact(name=f"gaps/{number:05}", value={}) for number in range(50)))
    wrong = replace(many, leaves=tuple(replace(each, salt="00" * 32) for each in many.leaves))
    found = judged(archive(wrong))
    assert len(found.reasons) == 21
    assert found.reasons[-1] == "and 30 more facts like these"


def test_rule_4_pairs_are_of_one_release_and_the_same_facts() -> None:
    mine = open_dossier(archive(redacted(whole(), Level.PUBLIC)))
    for other, state in (
        (whole(), DossierState.VALID),
        (whole(digest="cd" * 32), DossierState.OTHER_RELEASE),
        (whole(secret=bytes(32)), DossierState.OTHER_FACTS),
        (whole(FACTS[:3]), DossierState.OTHER_FACTS),
    ):
        found = Findings()
        judge_pair(mine, open_dossier(archive(other)), found)
        assert found.state is state


def test_rule_5_release_is_the_signed_one_and_says_the_same(tmp_path) -> None:
    signed = released(write(tmp_path / "project"), KEY).signed
    data = dsse.encode(signed.envelope)
    digest = hashlib.sha256(data).hexdigest()
    facts = release_facts(signed.stated)

    def judge(own, release=data) -> Findings:
        found = Findings()
        judge_release(
            open_dossier(archive(redacted(whole(own, digest=digest), Level.AUTHORITY))), release, found
        )
        return found

    assert judge(facts).outcome is Outcome.PASS
    assert judge(facts, data + b"\n").state is DossierState.OTHER_RELEASE
    summary = next(each for each in facts if each.name == "release/summary")
    lie = replace(summary, value={**summary.value, "system": "other"})
    found = judge((*(each for each in facts if each is not summary), lie))
    assert found.state is DossierState.OTHER_FACTS
    assert found.reasons == ("`release/summary` is not as the release states it",)
    assert judge(facts[1:]).state is DossierState.OTHER_FACTS
    noise = b"no release"
    found = Findings()
    judge_release(open_dossier(archive(whole(digest=hashlib.sha256(noise).hexdigest()))), noise, found)
    assert found.state is DossierState.DAMAGED


def test_rule_6_what_fails_decides() -> None:
    found = Findings()
    assert (found.outcome, found.state) == (Outcome.PASS, DossierState.VALID)
    found.unknown.append("u")
    assert (found.outcome, found.state) == (Outcome.UNKNOWN, DossierState.UNKNOWN)
    found.failed.append((DossierState.OTHER_FACTS, "f"))
    found.failed.append((DossierState.DAMAGED, "d"))
    assert (found.outcome, found.state, found.reasons) == (
        Outcome.FAIL,
        DossierState.DAMAGED,
        ("d", "f", "u"),
    )


def test_later_form_is_told_from_damage() -> None:
    tree = statement.Statement(
        predicate_type="urn:keelmark:predicate:dossier:v2",
        subjects=(statement.Subject(name="x", digest={"sha256": DIGEST}),),
    )
    later = archive(whole(), payload=statement.encode(tree))
    with pytest.raises(ParseError):
        open_dossier(later)
    assert is_of_later_form(later, [KEY.public])
    assert not is_of_later_form(later, [OTHER.public])
    assert not is_of_later_form(archive(whole()), [KEY.public])
    assert not is_of_later_form(b"noise", [KEY.public])
    assert form_of(b"noise") == ""


@pytest.mark.parametrize(
    "change",
    [
        {"root": "x"},
        {"root": "AB" * 32},
        {"parts": {"a": "x"}},
        {"made": NOW.replace(tzinfo=None)},
        {"release_digest": "x"},
    ],
)
def test_statement_with_a_digest_or_time_that_is_none_is_refused(change) -> None:
    honest = DossierStatement(
        level=Level.PUBLIC,
        release="id",
        release_digest=DIGEST,
        root=DIGEST,
        leaves=1,
        parts={},
        keelmark="0.1.0",
        made=NOW,
    )
    assert parse_statement(payload_of(honest)) == honest
    with pytest.raises(ParseError):
        parse_statement(payload_of(replace(honest, **change)))


def test_statement_has_one_spelling_and_nothing_unknown() -> None:
    honest = payload_of(open_dossier(archive(whole())).stated)
    for spoiled in (honest.replace(b'"leaves"', b'"more":1,"leaves"'), honest.replace(b",", b", "), b"{}"):
        with pytest.raises(ParseError):
            parse_statement(spoiled)
    with pytest.raises(ParseError, match="not `urn:keelmark:predicate:dossier:v1`"):
        parse_statement(honest.replace(b"dossier:v1", b"dossier:v9"))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "other"},
        {"schema": "2.0"},
        {"more": 1},
        {"level": "king"},
        {"leaves": []},
        {"leaves": [{"name": "a", "needs": "public", "commitment": DIGEST}]},
        {"leaves": [{"name": "a", "needs": "public", "commitment": "x", "redacted": True}]},
        {"leaves": [{"name": "a", "needs": "public", "commitment": DIGEST, "redacted": True, "salt": "x"}]},
        {"leaves": [{"name": "a", "needs": "public", "commitment": DIGEST, "redacted": True, "value": {}}]},
    ],
)
def test_list_of_facts_that_is_none_is_refused(change) -> None:
    tree = {**document_of(whole()), **change}
    with pytest.raises(ParseError):
        parse_document(json.dumps(tree).encode())


def test_document_is_read_again() -> None:
    for level in Level:
        shown = redacted(whole(), level)
        assert parse_document(written(shown)) == shown


def test_archive_without_its_parts_is_no_dossier() -> None:
    parts = stored_zip.parse(archive(whole()))
    for name in parts:
        with pytest.raises(ParseError, match="lacks"):
            open_dossier(
                stored_zip.build({other: parts[other] for other in parts if other != name} or {"a": b""})
            )


def test_dossier_is_recognised_by_content_or_name() -> None:
    data = archive(whole())
    assert is_dossier(data, data, name="x.bin")
    assert is_dossier(b"\0" + data[1:], data, name="x.bin")
    assert is_dossier(b"", b"", name="a.dossier.zip")
    assert not is_dossier(b"PK\x03\x04", b"", name="model.zip")


@pytest.mark.parametrize("bad", [{"value": 1.5}, {"value": "\ud800"}])
def test_fact_that_has_no_spelling_is_refused(bad) -> None:
    with pytest.raises(UsageError):
        whole((Fact(name="settings/x", value=bad),))


def test_fact_of_no_section_is_refused() -> None:
    with pytest.raises(UsageError, match="no section"):
        whole((Fact(name="hearsay/x", value={}),))


def test_too_many_facts_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(dossier, "MAX_LEAVES", 3)
    with pytest.raises(LimitExceededError, match="at most 3"):
        whole()


def test_facts_are_plain() -> None:
    made = fact("gaps/\ud800", number=1.5, text="\ud800", nested=[{"a": (2.0, None, True)}])
    assert made.name == "gaps/\\ud800"
    assert made.value == {"number": "1.5", "text": "\\ud800", "nested": [{"a": ["2.0", None, True]}]}


def test_many_files_are_spread_over_a_bounded_number_of_facts(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(dossier_facts, "MAX_SUBJECT_FACTS", 2)
    stated = released(write(tmp_path / "project"), KEY).signed.stated
    groups = [each.value["files"] for each in release_facts(stated) if each.section == "subjects"]
    assert [len(group) for group in groups] == [3, 2]
    names = [each["name"] for group in groups for each in group]
    assert names == [each.name for each in stated.subjects[:5]]


def test_every_hidden_section_says_why() -> None:
    for section in SECTIONS.values():
        assert bool(section.why) is (section.needs is not Level.PUBLIC)


def test_levels_see_what_those_below_see() -> None:
    order = tuple(Level)
    for at, level in enumerate(order):
        assert [level.sees(other) for other in order] == [index <= at for index in range(4)]


def test_facts_that_are_no_assessment_are_a_parse_error() -> None:
    with pytest.raises(ParseError, match="not those of a dossier"):
        seen_of(whole())


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_dossier_or_an_error(data) -> None:
    with pytest.raises(KeelmarkError):
        open_dossier(data)
    with pytest.raises(KeelmarkError):
        parse_document(data)


tree = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["level", "leaves", "root", "release", "sections", "keelmark"]), tree))
@settings(max_examples=200, deadline=None)
def test_any_tree_is_a_dossier_or_a_parse_error(changes) -> None:
    data = msgspec.json.encode({**document_of(whole()), **changes})
    with contextlib.suppress(ParseError):
        parse_document(data)
