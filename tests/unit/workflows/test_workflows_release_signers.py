"""A second signer: who it may be, and what becomes of a release that waits for one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.corpus.releases import (
    CLOCK,
    RELEASABLE,
    critical,
    ground_for,
    later,
    released,
    write,
)
from tests.unit.workflows.released_projects import KEY, OTHER, SECOND, in_folder, verified

from keelmark.core.outcome import Outcome
from keelmark.core.release import ReleaseState
from keelmark.errors import TrustError, UsageError
from keelmark.trust import dsse
from keelmark.workflows.countersign import CountersignRequest, countersign
from keelmark.workflows.log import LOG_FOLDER, rows
from keelmark.workflows.revoke import RevokeRequest, revoke

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "project")


def test_critical_system_needs_a_second_signer(root) -> None:
    with pytest.raises(UsageError, match="two people must sign"):
        released(root, KEY, critical(root))
    unanswered = ground_for(root, decision=replace(RELEASABLE, is_critical=None))
    with pytest.raises(UsageError, match=r"may be critical: keelmark\.yaml does not say"):
        released(root, KEY, unanswered)
    assert in_folder(root) == []


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (("Risk owner", KEY.public), "same key cannot sign twice"),
        (("head  OF platform ", SECOND.public), "`head OF platform` cannot sign twice"),
        (("", SECOND.public), "needs to know who signs"),
    ],
)
def test_second_signer_is_somebody_else(root, second, words) -> None:
    with pytest.raises(UsageError, match=words):
        released(root, KEY, critical(root), second=second)


def pending_of(root: Path, **changes):
    return released(root, KEY, critical(root), second=("Risk owner", SECOND.public), **changes)


def test_two_signers_make_one_release(root) -> None:
    run = pending_of(root, log=True)
    assert run.is_pending
    assert run.file.name.endswith(".pending.dsse.json")
    found = verified(run, root, KEY, SECOND)
    assert (found.outcome, found.state) == (Outcome.UNKNOWN, ReleaseState.INCOMPLETE)
    assert found.reasons == (f"Risk owner has not signed yet (key {SECOND.public.keyid[:16]})",)
    done = countersign(CountersignRequest(pending=run.file, root=root), signer=SECOND, clock=later(hours=1))
    assert in_folder(root) == [f"{run.signed.release.id}.dsse.json"]
    assert [row.leaf.kind for row in rows(root / LOG_FOLDER)] == ["findings", "signature", "release"]
    assert verified(done, root, KEY, SECOND).outcome is Outcome.PASS
    both = {each.keyid for each in verified(done, root, SECOND, KEY).signers}
    assert both == {SECOND.public.keyid, KEY.public.keyid}
    # One key alone cannot tell; a stranger's says no.
    assert verified(done, root, KEY).outcome is Outcome.UNKNOWN
    assert verified(done, root, OTHER).state is ReleaseState.UNTRUSTED
    with pytest.raises(UsageError, match="has all its signatures"):
        countersign(CountersignRequest(pending=done.file, root=root), signer=SECOND, clock=CLOCK)


@pytest.mark.parametrize(
    ("signer", "words"), [(KEY, "same key cannot sign twice"), (OTHER, "does not wait for key")]
)
def test_second_signature_is_of_the_named_key(root, signer, words) -> None:
    run = pending_of(root)
    with pytest.raises(UsageError, match=words):
        countersign(CountersignRequest(pending=run.file, root=root), signer=signer, clock=CLOCK)


def test_second_signer_does_not_sign_other_files(root) -> None:
    run = pending_of(root)
    (root / "app.py").write_bytes(b"evil()\n")
    done = countersign(CountersignRequest(pending=run.file, root=root), signer=SECOND, clock=CLOCK)
    assert done.file is None
    assert [each.path for each in done.differences] == ["app.py"]
    assert len(in_folder(root)) == 1


def test_pending_release_that_was_tampered_with_is_not_signed(root) -> None:
    run = pending_of(root)
    data = run.file.read_bytes()
    away = root.parent / "mail.dsse.json"
    signature = dsse.parse(data).signatures[0].value
    for spoiled in (
        data.replace(b"\n", b"\r\n"),
        dsse.encode(
            replace(
                dsse.parse(data),
                signatures=(
                    dsse.Signature(keyid=KEY.public.keyid, value=signature[:-1] + bytes([signature[-1] ^ 1])),
                ),
            )
        ),
        b"{}",
    ):
        away.write_bytes(spoiled)
        with pytest.raises(TrustError):
            countersign(CountersignRequest(pending=away, root=root), signer=SECOND, clock=CLOCK)


def test_pending_release_is_not_completed_when_its_time_is_over_or_it_was_revoked(root) -> None:
    run = pending_of(root, days=1)
    request = CountersignRequest(pending=run.file, root=root)
    with pytest.raises(UsageError, match="expired at"):
        countersign(request, signer=SECOND, clock=later(days=2))
    revoke(RevokeRequest(root=root, release="2026", reason="r", owner="o"), signer=KEY, clock=CLOCK)
    with pytest.raises(TrustError, match="revoked by o"):
        countersign(request, signer=SECOND, clock=CLOCK)


def test_pending_release_does_not_go_behind_a_newer_one(root) -> None:
    run = pending_of(root)
    released(root, KEY, clock=later(seconds=5))
    with pytest.raises(TrustError, match="newest release here"):
        countersign(CountersignRequest(pending=run.file, root=root), signer=SECOND, clock=later(seconds=9))
