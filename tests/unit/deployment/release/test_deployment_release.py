"""Each numbered rule of releases, by example: what is stated, what it rests on, and when it holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from tests.corpus.releases import (
    NOW,
    RELEASABLE,
    TODAY,
    critical,
    day,
    declared,
    ground_for,
    key,
    released,
    write,
)

from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.decision import Standing
from keelmark.core.declaration import Attestation, Exclusion, NotApplicable, Waiver
from keelmark.core.facts import Gap, GapReason
from keelmark.core.finding import Finding
from keelmark.core.outcome import Confidence, Gate, Outcome, Severity, Status, Verdict
from keelmark.core.release import Contents, LeftOut, ReleaseState, Revocation
from keelmark.core.threat_model import DeclaredThreatModel, Disposition, Treatment
from keelmark.deployment.release import predicate
from keelmark.deployment.release.composition import check_signers, findings_digest, not_assessed, signatory
from keelmark.deployment.release.history import history_of
from keelmark.deployment.release.subjects import Measured, compare, subjects_of
from keelmark.deployment.release.validity import Ground, check_waivers, grounds_of, validity_of
from keelmark.deployment.release.verification import (
    is_complete,
    is_own_record,
    judge_signatures,
    open_release,
    open_revocation,
)
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust import dsse, statement
from keelmark.trust.statement import Subject

if TYPE_CHECKING:
    from pathlib import Path

    from keelmark.core.release import Release
    from keelmark.deployment.release.verification import SignedRelease

KEY, SECOND, OTHER = key(), key("ed25519"), key()
REVOCATION = Revocation(release="r", reason="leak", owner="CISO", revoked=NOW, keyid=KEY.public.keyid)


@pytest.fixture
def signed(tmp_path: Path) -> SignedRelease:
    return released(write(tmp_path / "project"), KEY).signed


@pytest.fixture
def both(tmp_path: Path) -> SignedRelease:
    root = write(tmp_path / "project")
    run = released(root, KEY, critical(root), second=("Risk owner", SECOND.public))
    return sign(run.signed.release, run.signed.stated.subjects, KEY, SECOND)


def sign(release: Release, subjects: tuple[Subject, ...], *keys) -> SignedRelease:
    """A release as somebody signs it who does not ask our gate."""
    payload = predicate.payload_of(predicate.with_id(release, subjects), subjects)
    return open_release(dsse.encode(dsse.sign(statement.PAYLOAD_TYPE, payload, keys=keys)))


def states(signed: SignedRelease, *keys, also=()) -> tuple[Outcome, ReleaseState]:
    found = judge_signatures(
        signed, keys=[each.public for each in keys], also_keys=[each.public for each in also]
    )
    return found.outcome, found.state


# Signatures: rules 1 to 4 of verification.


def test_rule_1_nothing_counts_without_a_trusted_signature(signed) -> None:
    assert states(signed, KEY) == (Outcome.PASS, ReleaseState.VALID)
    assert states(signed, OTHER) == (Outcome.FAIL, ReleaseState.UNTRUSTED)
    assert states(signed) == (Outcome.FAIL, ReleaseState.UNTRUSTED)
    assert states(signed, KEY, also=[OTHER]) == (Outcome.FAIL, ReleaseState.UNTRUSTED)
    assert states(signed, OTHER, also=[KEY]) == (Outcome.FAIL, ReleaseState.UNTRUSTED)


def test_rule_2_wrong_doubled_misnamed_and_uninvited_signatures_spoil_it(signed) -> None:
    (own,) = signed.envelope.signatures
    stranger = dsse.sign(signed.envelope.payload_type, signed.envelope.payload, keys=[OTHER]).signatures[0]
    for signatures in (
        (replace(own, value=own.value[:-1] + bytes([own.value[-1] ^ 1])),),
        (own, own),
        (replace(own, keyid="0" * 64),),
        (own, stranger),
        (own, replace(stranger, keyid="1" * 64)),
    ):
        spoiled = replace(signed, envelope=replace(signed.envelope, signatures=signatures))
        assert states(spoiled, KEY) == (Outcome.FAIL, ReleaseState.DAMAGED)


def test_rule_3_everybody_named_must_have_signed(both) -> None:
    assert states(both, KEY, SECOND) == (Outcome.PASS, ReleaseState.VALID)
    assert states(both, KEY, also=[SECOND]) == (Outcome.PASS, ReleaseState.VALID)
    assert states(both, KEY) == (Outcome.UNKNOWN, ReleaseState.UNKNOWN)
    first = replace(both, envelope=replace(both.envelope, signatures=both.envelope.signatures[:1]))
    assert states(first, KEY, SECOND) == (Outcome.UNKNOWN, ReleaseState.INCOMPLETE)
    assert is_complete(both)
    assert not is_complete(first)


def test_rule_4_critical_system_with_one_signer_is_no_release(signed, both) -> None:
    for answer in (True, None):
        alone = sign(replace(signed.release, critical=answer), signed.stated.subjects, KEY)
        assert states(alone, KEY) == (Outcome.FAIL, ReleaseState.DAMAGED)
    twice = tuple(replace(each, name="Head") for each in both.release.signers)
    one_person = sign(replace(both.release, signers=twice), both.stated.subjects, KEY, SECOND)
    assert states(one_person, KEY, SECOND) == (Outcome.FAIL, ReleaseState.DAMAGED)


def test_verdict_that_is_no_release_does_not_verify(signed) -> None:
    forged = sign(replace(signed.release, verdict=Verdict.DO_NOT_RELEASE), signed.stated.subjects, KEY)
    assert states(forged, KEY) == (Outcome.FAIL, ReleaseState.DAMAGED)


# The statement.


def test_statement_has_one_spelling(signed) -> None:
    tree = msgspec.json.decode(signed.envelope.payload)
    changes = [
        lambda tree: tree["predicate"].update(id="20261123T120000Z-0000000000000000"),
        lambda tree: tree["predicate"].update(more=1),
        lambda tree: tree["predicate"].pop("waivers"),
        lambda tree: tree["predicate"].update(critical="no"),
        lambda tree: tree["predicate"].update(created="2026-11-23T12:00:00"),
        lambda tree: tree.update(predicateType="urn:other"),
        lambda tree: tree["subject"].reverse(),
        lambda tree: tree["subject"].append(tree["subject"][0]),
        lambda tree: tree["subject"][0]["digest"].update(sha512="00" * 64),
        lambda tree: tree["predicate"]["contents"].update(files=0),
        lambda tree: tree["predicate"]["contents"].update(links=["absent"]),
        lambda tree: tree["predicate"].update(system="\ud800"),
    ]
    for change in changes:
        spoiled = msgspec.json.decode(msgspec.json.encode(tree))
        change(spoiled)
        with pytest.raises(ParseError):
            predicate.parse_release(as_payload(spoiled))
    with pytest.raises(ParseError, match="spelled otherwise"):
        predicate.parse_release(signed.envelope.payload.replace(b",", b", ", 1))


def as_payload(tree: object) -> bytes:
    import json

    return json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signers": ()}, "names nobody"),
        ({"expires": NOW}, "ends before it begins"),
        ({"created": NOW.replace(tzinfo=None)}, "without a zone"),
    ],
)
def test_statement_that_cannot_be_is_refused(signed, changes, words) -> None:
    with pytest.raises(ParseError, match=words):
        sign(replace(signed.release, **changes), signed.stated.subjects, KEY)


def test_id_says_when_and_what(signed) -> None:
    assert signed.release.id.startswith("20261123T120000Z-")
    other = sign(replace(signed.release, system="other"), signed.stated.subjects, KEY)
    assert other.release.id != signed.release.id


def test_revocation_has_one_spelling() -> None:
    payload = predicate.revocation_payload(REVOCATION, digest="ab" * 32)
    envelope = dsse.sign(statement.PAYLOAD_TYPE, payload, keys=[KEY])
    assert open_revocation(dsse.encode(envelope)).stated.revocation == REVOCATION
    assert is_own_record(dsse.encode(envelope))
    for spoiled in (
        payload.replace(b"leak", b"\\ud800"),
        payload.replace(b"sha256", b"sha512"),
        payload.replace(b'"reason"', b'"Reason"'),
    ):
        with pytest.raises(ParseError):
            predicate.parse_revocation(spoiled)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        dsse.encode(dsse.sign("text/plain", b"x", keys=[KEY])),
        dsse.encode(dsse.sign(statement.PAYLOAD_TYPE, b"x", keys=[KEY])),
        dsse.encode(dsse.sign(statement.PAYLOAD_TYPE, b"x", keys=[])),
    ],
)
def test_other_envelopes_are_no_releases(data) -> None:
    assert not is_own_record(data)
    with pytest.raises(ParseError):
        open_release(data)
    with pytest.raises(ParseError):
        open_revocation(data)


# Subjects.


def test_differences_are_named_each_for_what_it_is() -> None:
    measured = [Measured(path=path, sha256=path * 64) for path in "abc"]
    subjects = subjects_of([*measured, Measured(path="l", sha256="d" * 64, is_link=True)], Inventory())
    contents = Contents(files=4, bytes=3, links=("l",))
    now = {
        "a": Measured(path="a", sha256="a" * 64),
        "b": Measured(path="b", sha256="0" * 64),
        "l": Measured(path="l", sha256="d" * 64),
        "n": Measured(path="n", sha256="0" * 64),
    }
    found = [(str(each.change), each.path) for each in compare(subjects, contents, now)]
    assert found == [("added", "n"), ("changed", "b"), ("link", "l"), ("removed", "c")]


def test_parts_of_one_name_are_told_apart_by_place_and_absent_ones_left_out() -> None:
    prompts = [
        Asset(kind=AssetKind.PROMPT, name="P", path="a.py", line=1, digest=f"sha256:{'0' * 64}"),
        Asset(kind=AssetKind.PROMPT, name="P", path="b.py", line=2, digest="sha256:short"),
        Asset(kind=AssetKind.TOOL, name="t\ud800", path="a.py", line=3, is_present=False),
    ]
    names = [each.name for each in subjects_of([], Inventory(assets=tuple(prompts)))]
    assert names == ["prompt:P@a.py:1", "prompt:P@b.py:2"]


def test_digest_of_a_tool_changes_with_its_file_and_its_definition() -> None:
    tool = Asset(kind=AssetKind.TOOL, name="t", path="a.py", detail=(("parameters", "x"),))

    def digest(asset: Asset, content: str) -> str:
        measured = [Measured(path="a.py", sha256=content * 64)]
        return subjects_of(measured, Inventory(assets=(asset,)))[1].digest["sha256"]

    first = digest(tool, "0")
    assert digest(tool, "0") == first
    assert len({first, digest(tool, "1"), digest(replace(tool, detail=(("parameters", "y"),)), "0")}) == 3


def test_what_was_not_assessed_is_told_with_the_reason(tmp_path) -> None:
    gaps = (Gap(path="vendor", reason=GapReason.EXCLUDED, detail="theirs"),)
    assessment = ground_for(write(tmp_path / "p"), gaps=gaps).evidence.assessment
    measured = [
        Measured(path="app.py", sha256="0" * 64),
        Measured(path="l", sha256="0" * 64, is_link=True),
        Measured(path="odd", sha256="0" * 64),
        Measured(path="vendor/a/b.py", sha256="0" * 64),
    ]
    found, total = not_assessed(measured, frozenset({"app.py"}), assessment)
    assert total == 3
    assert found == (
        LeftOut(path="l", reason="a link is not followed"),
        LeftOut(path="odd", reason="left out by the assessment"),
        LeftOut(path="vendor/a/b.py", reason="excluded: theirs"),
    )


# Validity.


def finding(**changes: object) -> Finding:
    values: dict[str, object] = {
        "rule": "r",
        "outcome": Outcome.FAIL,
        "severity": Severity.LOW,
        "confidence": Confidence.HIGH,
        "message": "m\ud800",
        "recommendations": ("DEV-1.c",),
        "waiver": Waiver(rule="r", reason="x", owner="Lead", expires=day("2027-01-01"), path="src/**"),
    }
    return Finding(**{**values, **changes})  # type: ignore[arg-type]


def test_rule_1_release_rests_on_what_is_in_force_and_used(tmp_path) -> None:
    rows = [("OM-3.b", Status.ATTESTED), ("OM-3.c", Status.PASS), ("OM-3.d", Status.NOT_APPLICABLE)]
    standings = tuple(
        Standing(recommendation=row, status=status, gate=Gate.WARN, is_mandatory=False, reason="")
        for row, status in rows
    )
    attested = Attestation(
        recommendation="OM-3.b", statement="s", by="b", on=day("2026-11-01"), expires=day("2027-02-01")
    )
    excused = NotApplicable(recommendation="OM-3.d", reason="r", owner="o", review=day("2027-03-01"))
    accepted = Disposition(
        threat="t", treatment=Treatment.ACCEPT, reason="r", owner="o", expires=day("2027-04-01")
    )
    declaration = declared(
        attestations=(attested, replace(attested, recommendation="OM-3.c", expires=day("2026-12-01"))),
        not_applicable=(excused, replace(excused, review=TODAY)),
        exclude=(
            Exclusion(path="vendor/**", reason="r", owner="o", expires=day("2027-05-01")),
            Exclusion(path="old/**", reason="r", owner="o", expires=TODAY),
            Exclusion(path="ever/**", reason="r", owner="o"),
        ),
        threat_model=DeclaredThreatModel(
            dispositions=(
                accepted,
                replace(accepted, threat="u", treatment=Treatment.MITIGATE),
                replace(accepted, threat="v", expires=TODAY),
            )
        ),
    )
    assessment = ground_for(
        write(tmp_path / "p"),
        decision=replace(RELEASABLE, standings=standings),
        findings=(finding(), finding(), finding(rule="s", waiver=None, outcome=Outcome.PASS)),
    ).evidence.assessment
    found = grounds_of(assessment, declaration)
    assert [(each.about, each.covers) for each in found.waivers] == [("r", 2)]
    assert [each.about for each in found.attestations] == ["OM-3.b"]
    assert [each.about for each in found.not_applicable] == ["OM-3.d"]
    assert [each.about for each in found.exclusions] == ["vendor/**", "ever/**"]
    assert [each.threat for each in found.accepted_threats] == ["t"]
    assert [f"{each.expires:%Y-%m}" for each in found.ending] == [
        "2027-01",
        "2027-02",
        "2027-03",
        "2027-05",
        "2027-04",
    ]
    assert grounds_of(assessment, None).attestations == ()
    assert len(findings_digest(assessment)) == 64


def test_rule_2_days_end_at_their_first_second_in_utc() -> None:
    found = validity_of([Ground(what="x", expires=day("2026-11-24"))], now=NOW, days=90)
    assert (found.expires - NOW, found.limited_by) == (timedelta(hours=12), "x")
    assert validity_of([], now=NOW, days=1).limited_by == "1 day as asked"
    with pytest.raises(UsageError, match="the x has ended"):
        validity_of([Ground(what="x", expires=TODAY)], now=NOW, days=90)


def test_rule_3_expired_waiver_stops_a_release() -> None:
    check_waivers(None, today=TODAY)
    waiver = Waiver(rule="r", reason="x", owner="Lead", expires=TODAY)
    check_waivers(declared(waivers=(replace(waiver, expires=TODAY + timedelta(days=1)),)), today=TODAY)
    with pytest.raises(UsageError, match="the waiver of `r` by Lead expired"):
        check_waivers(declared(waivers=(waiver,)), today=TODAY)


# Signers, and the history of releases.


def test_who_signs_is_named() -> None:
    assert signatory("  Head \n of  Platform ", KEY.public).name == "Head of Platform"
    with pytest.raises(UsageError):
        signatory(" ", KEY.public)
    check_signers([signatory("a", KEY.public)], critical=False)
    check_signers([signatory("a", KEY.public), signatory("b", SECOND.public)], critical=None)


def test_history_names_what_is_asked_for(signed) -> None:
    later = sign(replace(signed.release, created=NOW + timedelta(1)), signed.stated.subjects, KEY)
    found = history_of(
        {f"{each.release.id}.dsse.json": dsse.encode(each.envelope) for each in (later, signed)}
    )
    assert [each.release.id for each in found.releases] == [signed.release.id, later.release.id]
    assert found.named("latest") == later == found.newest("helpdesk")
    assert found.newest("other") is None
    assert found.named(signed.release.id) == signed == found.named("20261123")
    for wrong, words in (("2026", "more than one"), ("x", "no release"), ("", "no release")):
        with pytest.raises(UsageError, match=words):
            found.named(wrong)
    with pytest.raises(UsageError, match="no release"):
        history_of({}).named("latest")


def test_history_with_an_incomplete_release_under_the_name_of_a_complete_one_is_refused(both) -> None:
    half = replace(both.envelope, signatures=both.envelope.signatures[:1])
    with pytest.raises(TrustError, match="lacks a signature"):
        history_of({f"{both.release.id}.dsse.json": dsse.encode(half)})
