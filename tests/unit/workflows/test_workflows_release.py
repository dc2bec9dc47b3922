"""Releases from the gate to the verified folder: what is written, what holds, and what no longer does."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.corpus.releases import (
    CLOCK,
    NOW,
    RELEASABLE,
    day,
    declared,
    ground_for,
    later,
    released,
    request_for,
    write,
)
from tests.unit.workflows.released_projects import KEY, OTHER, in_folder, verified

from keelmark.core.decision import Standing
from keelmark.core.declaration import Attestation, GrowthEnvelope, Waiver
from keelmark.core.declaration import Dimension as Limit
from keelmark.core.log import LogKind
from keelmark.core.outcome import Gate, Outcome, Status, Verdict
from keelmark.core.release import ReleaseState
from keelmark.deployment.release.verification import open_release
from keelmark.errors import LimitExceededError, TrustError, UsageError
from keelmark.store.releases import ReleaseBounds
from keelmark.trust import dsse, statement
from keelmark.workflows import release as job
from keelmark.workflows.log import LOG_FOLDER, rows
from keelmark.workflows.release import issue
from keelmark.workflows.release_files import measure, take_snapshot
from keelmark.workflows.release_history import history_in, rows_of
from keelmark.workflows.revoke import RevokeRequest, revoke
from keelmark.workflows.verify_release import VerifyReleaseRequest, is_release, verify_release

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


def test_what_was_released_verifies(root) -> None:
    run = released(root, KEY)
    found = verified(run, root)
    assert (found.outcome, found.state) == (Outcome.PASS, ReleaseState.VALID)
    assert found.files == 5
    assert [each.path for each in found.ignored] == [".keelmark"]
    assert found.signers[0].keyid == KEY.public.keyid
    assert in_folder(root) == [f"{run.signed.release.id}.dsse.json"]


def test_release_states_what_it_rests_on(root) -> None:
    standing = Standing(
        recommendation="OM-3.b", status=Status.ATTESTED, gate=Gate.WARN, is_mandatory=False, reason="so"
    )
    attested = Attestation(
        recommendation="OM-3.b", statement="so", by="CISO", on=day("2026-11-01"), expires=day("2026-12-24")
    )
    declaration = declared(
        attestations=(attested, replace(attested, recommendation="OM-3.c", expires=day("2026-12-01"))),
        growth_envelope=GrowthEnvelope(users=Limit(limit=2000, now=1.5, beyond="keys"), exposure="internal"),
    )
    ground = ground_for(root, declaration, decision=replace(RELEASABLE, standings=(standing,)))
    stated = released(root, KEY, ground).signed.release
    assert [(each.about, each.owner) for each in stated.attestations] == [("OM-3.b", "CISO")]
    assert f"{stated.expires:%Y-%m-%d %H:%M}" == "2026-12-24 00:00"
    assert stated.limited_by == "attestation of OM-3.b (CISO)"
    assert (stated.system, stated.system_version, stated.keelmark) == ("helpdesk", "1.2.3", "0.1.0")
    (limit,) = stated.envelope.declared
    assert (limit.dimension, limit.limit, limit.now, limit.reason) == ("users", "2000", "1.5", "keys")
    assert stated.envelope.computed[0].limit == "2000"
    assert stated.envelope.exposure == "internal"
    assert stated.evidence.run == "20261123T115900-00000001"


def test_prompts_and_tools_are_subjects_behind_the_files(root) -> None:
    signed = released(root, KEY).signed
    names = [each.name for each in signed.stated.subjects]
    assert names == [
        ".gitignore",
        "app.py",
        "data/orders.csv",
        "keelmark.yaml",
        "model.safetensors",
        "prompt:SYSTEM_PROMPT",
        "tool:lookup",
    ]
    assert signed.release.contents.files == 5
    assert signed.stated.subjects[5].digest == {"sha256": "ab" * 32}


def test_payload_is_an_in_toto_statement(root) -> None:
    envelope = dsse.parse(released(root, KEY).file.read_bytes())
    assert envelope.payload_type == "application/vnd.in-toto+json"
    assert statement.parse(envelope.payload).predicate_type == "urn:keelmark:predicate:release:v1"


@pytest.mark.parametrize(
    ("change", "word", "path"),
    [
        (lambda root: (root / "app.py").write_bytes(b"print('hellO')\n"), "changed", "app.py"),
        (lambda root: (root / ".gitignore").write_bytes(b""), "changed", ".gitignore"),
        (lambda root: (root / "data/orders.csv").unlink(), "removed", "data/orders.csv"),
        (lambda root: (root / "data/more.csv").touch(), "added", "data/more.csv"),
        (lambda root: (root / ".hidden").touch(), "added", ".hidden"),
        (lambda root: (root / "link").symlink_to("app.py"), "added", "link"),
        (lambda root: os.mkfifo(root / "pipe"), "special", "pipe"),
        (lambda root: os.close(os.open(os.fsencode(root) + b"/\xff", os.O_CREAT)), "special", "\udcff"),
    ],
)
def test_each_change_is_named(root, change, word, path) -> None:
    run = released(root, KEY)
    change(root)
    found = verified(run, root)
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.CHANGED)
    assert [(str(each.change), each.path) for each in found.differences] == [(word, path)]


def test_file_replaced_by_a_link_to_its_content_is_named(root) -> None:
    run = released(root, KEY)
    (root / "app.py").rename(root.parent / "elsewhere.py")
    (root / "app.py").symlink_to(root.parent / "elsewhere.py")
    (difference,) = verified(run, root).differences
    assert (str(difference.change), difference.detail) == ("link", "it was a file and is a link")


def test_links_are_recorded_by_their_target_and_not_followed(root) -> None:
    (root / "latest").symlink_to("model.safetensors")
    (root / "nowhere").symlink_to("/does/not/exist")
    run = released(root, KEY)
    assert run.signed.release.contents.links == ("latest", "nowhere")
    assert verified(run, root).outcome is Outcome.PASS
    (root / "latest").unlink()
    (root / "latest").symlink_to("app.py")
    (difference,) = verified(run, root).differences
    assert (difference.path, difference.detail) == ("latest", "it leads elsewhere")


def test_git_objects_are_left_out_by_name_and_the_commit_is_told(root) -> None:
    write(root, {".git/HEAD": b"ref: refs/heads/main\n", ".git/refs/heads/main": b"1" * 40 + b"\n"})
    write(root, {"sub/.git/config": b"kept", ".gitattributes": b"* text\n"})
    run = released(root, KEY)
    contents = run.signed.release.contents
    assert contents.commit == "1" * 40
    assert [each.path for each in contents.left_out] == [".git", ".keelmark"][: len(contents.left_out)]
    (root / ".git/HEAD").write_bytes(b"changed")
    found = verified(run, root)
    assert found.outcome is Outcome.PASS
    assert [each.path for each in found.ignored] == [".git", ".keelmark"]
    (root / "sub/.git/config").write_bytes(b"changed")
    assert verified(run, root).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("head", "packed", "commit"),
    [
        (b"2" * 40, b"", "2" * 40),
        (b"ref: refs/heads/main", b"# pack\n" + b"3" * 64 + b" refs/heads/main\n", "3" * 64),
        (b"ref: refs/heads/main", b"zz refs/heads/main\n", ""),
        (b"ref: refs/../../secret", b"", ""),
        (b"ref: HEAD", b"", ""),
        (b"\xff", b"", ""),
        (b"5" * 5_000, b"", ""),
    ],
)
def test_commit_is_a_commit_or_not_known(root, head, packed, commit) -> None:
    write(root, {".git/HEAD": head, ".git/packed-refs": packed})
    assert measure(root).commit == commit


@pytest.mark.parametrize("verdict", [Verdict.DO_NOT_RELEASE, Verdict.NOT_ENOUGH_EVIDENCE])
def test_gate_keeps_back(root, verdict) -> None:
    ground = ground_for(root, decision=replace(RELEASABLE, verdict=verdict))
    run = released(root, KEY, ground, log=True)
    assert run.signed is None
    assert in_folder(root) == []
    assert [row.leaf.kind for row in rows(root / LOG_FOLDER)] == [LogKind.FINDINGS]


@pytest.mark.parametrize("changes", [{"is_partial": True}, {"is_interrupted": True}, {"tree_digest": ""}])
def test_run_over_less_than_everything_releases_nothing(root, changes) -> None:
    assert released(root, KEY, ground_for(root, **changes)).signed is None
    assert in_folder(root) == []


def test_file_changed_after_the_assessment_ends_it(root) -> None:
    ground = ground_for(root)
    (root / "app.py").write_bytes(b"evil()\n")
    with pytest.raises(TrustError, match="after they were assessed"):
        released(root, KEY, ground)
    before = take_snapshot(root)
    ground = ground_for(root)
    (root / "new.py").write_bytes(b"evil()\n")
    with pytest.raises(TrustError, match="since they were assessed"):
        issue(request_for(root), ground, before=before, signer=KEY, clock=CLOCK)
    assert in_folder(root) == []


def test_digest_of_the_assessment_is_used_again_only_while_nothing_changed(root) -> None:
    known = {each.path: each.sha256 for each in measure(root).measured}
    before = take_snapshot(root)
    wrong = {**known, "app.py": "0" * 64}
    assert measure(root, known=wrong).measured[1].sha256 == known["app.py"]
    assert measure(root, before=before, known=wrong).measured[1].sha256 == "0" * 64


def test_special_file_cannot_be_released(root) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(UsageError, match="neither file, folder nor link"):
        job.release(request_for(root), signer=KEY, clock=CLOCK)
    with pytest.raises(UsageError, match="neither file, folder nor link"):
        released(root, KEY)


def test_release_holds_from_and_to(root) -> None:
    run = released(root, KEY, days=10)
    assert verified(run, root, clock=later(days=9, hours=23)).outcome is Outcome.PASS
    found = verified(run, root, clock=later(days=10))
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.EXPIRED)
    found = verified(run, root, clock=later(seconds=-1))
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.NOT_YET_VALID)


@pytest.mark.parametrize("days", [0, -1, 367])
def test_release_holds_for_a_sensible_time(root, days) -> None:
    with pytest.raises(UsageError, match="cannot hold"):
        released(root, KEY, days=days)


def test_expired_waiver_is_renewed_or_removed_first(root) -> None:
    waiver = Waiver(rule="missing-backup", reason="r", owner="Lead", expires=day("2026-11-23"))
    with pytest.raises(UsageError, match="expired on 2026-11-23"):
        released(root, KEY, ground_for(root, declared(waivers=(waiver,))))
    assert in_folder(root) == []


def test_later_release_supersedes_the_one_before(root) -> None:
    first = released(root, KEY, log=True)
    second = released(root, KEY, clock=later(minutes=1))
    assert second.signed.release.supersedes == first.signed.release.id
    found = verified(first, root, clock=later(minutes=2))
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.SUPERSEDED)
    assert verified(second, root, clock=later(minutes=2)).outcome is Outcome.PASS
    assert [row.state for row in rows_of(history_in(root), clock=later(minutes=2))] == [
        "current",
        "superseded",
    ]
    kinds = [row.leaf.kind for row in rows(root / LOG_FOLDER)]
    assert kinds == ["findings", "release", "findings", "release", "supersession"]


def test_successor_that_no_given_key_signed_is_never_passed_over(root) -> None:
    first = released(root, KEY)
    released(root, OTHER, clock=later(minutes=1))
    found = verified(first, root, clock=later(minutes=2))
    assert (found.outcome, found.state) == (Outcome.UNKNOWN, ReleaseState.SUPERSEDED)
    assert verified(first, root, KEY, OTHER, clock=later(minutes=2)).outcome is Outcome.FAIL


def test_revoked_release_no_longer_holds(root) -> None:
    run = released(root, KEY, log=True)
    request = RevokeRequest(root=root, release="latest", reason="leak in a prompt", owner="CISO")
    revocation, file = revoke(request, signer=KEY, clock=later(minutes=1))
    found = verified(run, root, clock=later(minutes=2))
    assert (found.outcome, found.state) == (Outcome.FAIL, ReleaseState.REVOKED)
    assert found.reasons == ("revoked at 2026-11-23 12:01 UTC by CISO: leak in a prompt",)
    assert revocation.release == run.signed.release.id
    with pytest.raises(UsageError, match="was revoked by CISO"):
        revoke(request, signer=KEY, clock=later(minutes=2))
    assert rows(root / LOG_FOLDER)[-1].leaf.kind is LogKind.REVOCATION
    assert run.file.exists()
    # Elsewhere, with the record handed over.
    away = root.parent / "away"
    away.mkdir()
    copy = away / "release.dsse.json"
    copy.write_bytes(run.file.read_bytes())
    record_ = root.parent / "revocation.json"
    record_.write_bytes(file.read_bytes())
    (file.parent / file.name).unlink()
    given = VerifyReleaseRequest(release=copy, root=root, keys=[KEY.public])
    assert verify_release(given, clock=CLOCK).outcome is Outcome.PASS
    for place in (record_, record_.parent / "folder"):
        if place.name == "folder":
            place.mkdir()
            (place / "r.dsse.json").write_bytes(record_.read_bytes())
        found = verify_release(replace(given, revocations=[place]), clock=CLOCK)
        assert found.state is ReleaseState.REVOKED
    with pytest.raises(UsageError, match="no record of a release"):
        verify_release(replace(given, revocations=[root / "app.py"]), clock=CLOCK)


def test_revocation_by_a_stranger_makes_it_unknown(root) -> None:
    run = released(root, KEY)
    revoke(RevokeRequest(root=root, release="latest", reason="r", owner="x"), signer=OTHER, clock=CLOCK)
    found = verified(run, root)
    assert (found.outcome, found.state) == (Outcome.UNKNOWN, ReleaseState.REVOKED)
    assert "none of the given keys signed that" in found.reasons[0]


def test_damaged_record_beside_a_release_makes_it_unknown(root) -> None:
    run = released(root, KEY)
    _, file = revoke(
        RevokeRequest(root=root, release="latest", reason="r", owner="x"), signer=KEY, clock=CLOCK
    )
    for spoiled in (b"", file.read_bytes() + b" "):
        file.write_bytes(spoiled)
        assert verified(run, root).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "request_",
    [
        {"release": "nothing", "reason": "r", "owner": "o"},
        {"release": "", "reason": "r", "owner": "o"},
        {"release": "latest", "reason": " ", "owner": "o"},
        {"release": "latest", "reason": "r", "owner": ""},
    ],
)
def test_revocation_names_release_reason_and_owner(root, request_) -> None:
    released(root, KEY)
    with pytest.raises(UsageError):
        revoke(RevokeRequest(root=root, **request_), signer=KEY, clock=CLOCK)


def test_verifying_needs_a_key_and_a_folder(root) -> None:
    run = released(root, KEY)
    with pytest.raises(UsageError, match="whom to trust"):
        verify_release(VerifyReleaseRequest(release=run.file, root=root), clock=CLOCK)
    with pytest.raises(UsageError, match="is no folder"):
        verified(run, root / "app.py")


def test_release_is_known_by_name_or_content(root) -> None:
    run = released(root, KEY)
    other = root.parent / "renamed"
    other.write_bytes(run.file.read_bytes())
    assert is_release(run.file)
    assert is_release(other)
    other.write_bytes(b"{}")
    assert not is_release(other)
    assert not is_release(root / "model.safetensors")
    assert not is_release(root)


def test_read_release_is_the_one_that_was_signed(root) -> None:
    run = released(root, KEY)
    assert open_release(run.file.read_bytes()) == run.signed
    assert run.signed.release.created == NOW


def test_release_longer_than_its_bound_is_refused(root, monkeypatch) -> None:
    monkeypatch.setattr(job, "ReleaseBounds", lambda: ReleaseBounds(max_bytes=100))
    with pytest.raises(LimitExceededError):
        released(root, KEY)
