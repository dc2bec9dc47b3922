"""A trusted key does not make a dossier tell otherwise than its facts: page, OSCAL, test results and release are held to them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from tests.corpus.dossiers import exported, project, without_analysis
from tests.corpus.releases import key

from keelmark.core.dossier import DossierState, Fact, Level
from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier import redacted, sealed
from keelmark.deployment.release.dossier_statement import payload_of
from keelmark.deployment.release.dossier_verification import open_dossier
from keelmark.errors import UsageError
from keelmark.trust import dsse, statement, stored_zip
from keelmark.workflows.dossier_parts import readable_parts, results_payload
from keelmark.workflows.verify_dossier import VerifyDossierRequest, verify_archive, verify_dossier

KEY, OTHER = key(), key()


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[Level, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        without_analysis(patch)
        root: Path = tmp_path_factory.mktemp("verify") / "project"
        project(root, KEY)
        return {
            level: exported(root, KEY, level).file.read_bytes() for level in (Level.PUBLIC, Level.AUTHORITY)
        }


def signed_again(data: bytes, parts: dict[str, bytes | None], **changes: object) -> bytes:
    """The archive with other parts (None takes one away), signed by the same key as if it were honest."""
    stated = open_dossier(data).stated
    every = {
        name: content for name, content in {**stored_zip.parse(data), **parts}.items() if content is not None
    }
    every.pop("dossier.dsse.json")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in every.items()}
    payload = payload_of(replace(stated, parts=digests, **changes))
    envelope = dsse.sign(statement.PAYLOAD_TYPE, payload, keys=[KEY])
    return stored_zip.build({"dossier.dsse.json": dsse.encode(envelope), **every})


def verified(data: bytes, **more):
    return verify_archive(data, keys=[KEY.public], **more)


def results(payload: bytes, *, signer=KEY, kind: str = statement.PAYLOAD_TYPE) -> bytes:
    return dsse.encode(dsse.sign(kind, payload, keys=[signer]))


def test_signed_again_without_a_change_is_valid(archives) -> None:
    for data in archives.values():
        assert verified(signed_again(data, {})).outcome is Outcome.PASS


@pytest.mark.parametrize("name", ["report.html", "oscal-assessment-results.json", "leaves.json"])
def test_readable_part_that_says_otherwise_is_not_valid(archives, name) -> None:
    data = archives[Level.PUBLIC]
    content = stored_zip.parse(data)[name]
    found = verified(signed_again(data, {name: content.replace(b"helpdesk", b"helpdesk ", 1) + b"\n"}))
    assert (found.outcome, found.state) == (Outcome.FAIL, DossierState.DAMAGED)


def test_page_that_says_otherwise_is_named(archives) -> None:
    data = archives[Level.PUBLIC]
    page = stored_zip.parse(data)["report.html"].replace(b"call-without-timeout", b"nothing-at-all")
    found = verified(signed_again(data, {"report.html": page}))
    assert found.reasons == ("`report.html` does not say what the facts say",)


def test_test_results_are_signed_with_the_same_key_and_say_the_same(archives) -> None:
    data = archives[Level.PUBLIC]
    payload = dsse.parse(stored_zip.parse(data)["test-result.intoto.json"]).payload
    for content, words in (
        (results(payload, signer=OTHER), "its test results are not signed with the same key"),
        (results(payload, kind="text/plain"), "its test results are not signed with the same key"),
        (
            results(payload.replace(b"FAILED", b"PASSED")),
            "`test-result.intoto.json` does not say what the facts say",
        ),
        (b"noise", "no DSSE envelope"),
    ):
        found = verified(signed_again(data, {"test-result.intoto.json": content}))
        assert found.outcome is Outcome.FAIL
        assert words in found.reasons


def test_test_results_have_one_spelling(archives) -> None:
    data = archives[Level.PUBLIC]
    content = stored_zip.parse(data)["test-result.intoto.json"] + b" "
    assert verified(signed_again(data, {"test-result.intoto.json": content})).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("level", "change"),
    [
        (Level.PUBLIC, {"report.html": None}),
        (Level.PUBLIC, {"test-result.intoto.json": None}),
        (Level.PUBLIC, {"more.txt": b"x"}),
        (Level.PUBLIC, {"release.dsse.json": b"x"}),
        (Level.AUTHORITY, {"release.dsse.json": None}),
    ],
)
def test_files_are_those_of_the_level(archives, level, change) -> None:
    found = verified(signed_again(archives[level], change))
    (reason,) = found.reasons
    assert reason.startswith("it holds other files than a dossier of its level")
    assert next(iter(change)) in reason


def test_release_inside_is_the_one_that_it_names(archives) -> None:
    data = archives[Level.AUTHORITY]
    release = stored_zip.parse(data)["release.dsse.json"]
    found = verified(signed_again(data, {"release.dsse.json": release + b"\n"}))
    assert found.state is DossierState.OTHER_RELEASE
    assert verified(data, release=release).outcome is Outcome.PASS


def test_facts_of_no_dossier_are_not_valid_and_no_crash(archives) -> None:
    opened = open_dossier(archives[Level.PUBLIC])
    facts = {name: value for name, value in opened.dossier.facts.items() if not name.startswith("findings/")}
    spoiled = (
        {**facts, "release/summary": {"system": "x"}},
        {**facts, "tests/x": {"result": []}},
        {**facts, "residual-risks/00001": {"severity": "low"}},
        {**facts, "subjects/00001": {"files": [{"name": 1}]}},
    )
    for own in spoiled:
        whole = sealed(
            (Fact(name=name, value=value) for name, value in own.items()),
            secret=bytes(32),
            release=opened.stated.release,
            release_digest=opened.stated.release_digest,
            keelmark="0.1.0",
        )
        shown = redacted(whole, Level.SEALED)
        leaves = readable_leaves(shown)
        data = signed_again(
            archives[Level.AUTHORITY],
            {"leaves.json": leaves},
            level=Level.SEALED,
            root=whole.root,
            leaves=len(whole.leaves),
        )
        found = verified(data)
        assert found.outcome is Outcome.FAIL


def readable_leaves(dossier) -> bytes:
    from keelmark.deployment.release.dossier import document_of
    from keelmark.report.json_text import written

    return written(document_of(dossier)).encode()


def test_parts_are_the_same_each_time(archives) -> None:
    for data in archives.values():
        opened = open_dossier(data)
        parts = stored_zip.parse(data)
        made = readable_parts(opened.dossier)
        assert {name: parts[name] for name in made} == made
        assert results_payload(opened.dossier) == dsse.parse(parts["test-result.intoto.json"]).payload


def test_key_is_needed(tmp_path) -> None:
    with pytest.raises(UsageError, match="whom to trust"):
        verify_dossier(VerifyDossierRequest(file=tmp_path / "x"))


def test_other_dossier_of_a_later_form_cannot_be_told(archives) -> None:
    data = archives[Level.PUBLIC]
    tree = statement.Statement(
        predicate_type="urn:keelmark:predicate:dossier:v2",
        subjects=(statement.Subject(name="x", digest={"sha256": "00" * 32}),),
    )
    later = stored_zip.build({**stored_zip.parse(data), "dossier.dsse.json": results(statement.encode(tree))})
    found = verified(data, against=later)
    assert (found.outcome, found.against) == (Outcome.UNKNOWN, None)
    assert found.reasons[0].startswith("the other dossier: it is of a form")
