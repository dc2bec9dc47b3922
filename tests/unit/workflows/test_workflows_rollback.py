"""What a roll-back promises: the folder as it was, nothing lost, nothing signed that is not there, begun again it ends."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from tests.corpus.releases import CLOCK, FILES, critical, key, later, released, write
from tests.unit.workflows.released_projects import KEY, OTHER, SECOND, in_folder

from keelmark.core.release import ReleaseState
from keelmark.deployment.release.verification import open_release
from keelmark.errors import StoreError, TrustError, UsageError
from keelmark.store import folder_tree
from keelmark.store.kept_files import KEPT_FOLDER
from keelmark.trust import dsse
from keelmark.workflows import rollback as rollback_module
from keelmark.workflows.countersign import CountersignRequest, countersign
from keelmark.workflows.release_history import history_in as history
from keelmark.workflows.release_history import rows_of
from keelmark.workflows.revoke import RevokeRequest, revoke
from keelmark.workflows.rollback import RollbackRequest, rollback
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

LATER = later(minutes=5)
AGAIN = later(minutes=9)
# Five things are moved, three files and two links placed, a revocation made and put, a release put.
STEPS = 5 + 3 + 2 + 1 + 1 + 1


def contents(root: Path) -> dict[str, bytes]:
    """Files and links of a project, without Keelmark's own."""
    return {
        each.relative_to(root).as_posix(): os.fsencode(each.readlink())
        if each.is_symlink()
        else each.read_bytes()
        for each in sorted(root.rglob("*"))
        if (each.is_symlink() or each.is_file()) and ".keelmark" not in each.relative_to(root).parts
    }


def back(root: Path, *, signer=KEY, clock=LATER, **changes):
    request = {"root": root, "owner": "Duty officer", "reason": "answers leak", **changes}
    return rollback(RollbackRequest(**request), signer=signer, clock=clock)


def held(run, root: Path, *keys, clock=LATER):
    request = VerifyReleaseRequest(
        release=run.file, root=root, keys=tuple(each.public for each in keys or (KEY,))
    )
    return verify_release(request, clock=clock)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project that was released, changed in every way there is, and released again."""
    root = write(tmp_path / "p")
    (root / "run.sh").write_bytes(b"#!/bin/sh\n")
    (root / "run.sh").chmod(0o755)
    (root / "latest").symlink_to("data/orders.csv")
    (root / "kind").symlink_to("app.py")
    (root / "below").mkdir()
    (root / "below/here.txt").write_bytes(b"here")
    released(root, KEY)
    (root / "app.py").write_bytes(b"print('worse')\n")
    (root / "run.sh").unlink()
    (root / "latest").unlink()
    (root / "latest").symlink_to("app.py")
    (root / "kind").unlink()
    (root / "kind").write_bytes(b"a file now")
    (root / "below/here.txt").unlink()
    (root / "below").rmdir()
    (root / "below").symlink_to("data")
    (root / "new/deep").mkdir(parents=True)
    (root / "new/deep/file.txt").write_bytes(b"new")
    released(root, KEY, clock=later(minutes=1))
    return root


def first_of(root: Path) -> dict[str, bytes]:
    """What the project held when it was released first."""
    return {
        **FILES,
        "run.sh": b"#!/bin/sh\n",
        "latest": b"data/orders.csv",
        "kind": b"app.py",
        "below/here.txt": b"here",
    }


def test_the_folder_is_as_it_was_and_the_new_release_says_so(root: Path) -> None:
    before = contents(root)
    run = back(root)
    assert contents(root) == first_of(root)
    assert (root / "run.sh").stat().st_mode & 0o100
    assert not (root / "new").exists()
    assert held(run, root).state is ReleaseState.VALID
    first, second, third = [each.release for each in history(root).releases]
    assert third == run.signed.release
    assert (third.reinstates.id, third.supersedes) == (first.id, second.id)
    assert (third.verdict, third.evidence, third.expires, third.assets) == (
        first.verdict, first.evidence, first.expires, first.assets,
    )  # fmt: skip
    assert [each.state for each in rows_of(history(root), clock=LATER)] == [
        "current",
        "revoked",
        "superseded",
    ]
    # Nothing is lost.
    aside = contents(root / ".keelmark/rolled-back" / second.id)
    changed = {"app.py", "latest", "kind", "below", "new/deep/file.txt"}
    assert aside == {name: before[name] for name in changed}


def test_the_revocation_says_who_and_why(root: Path) -> None:
    run = back(root)
    [stated] = [each.stated.revocation for each in history(root).revocations]
    assert (stated.release, stated.owner) == (run.leaves.release.id, "Duty officer")
    assert stated.reason == f"rolled back to {run.back.release.id}: answers leak"


def test_a_dry_run_touches_nothing(root: Path) -> None:
    before, records = contents(root), in_folder(root)
    run = back(root, is_dry=True)
    assert {each.path for each in run.plan.put} == {"app.py", "run.sh", "latest", "kind", "below/here.txt"}
    assert run.signed is None
    assert (contents(root), in_folder(root)) == (before, records)
    assert not (root / ".keelmark/rolled-back").exists()


def test_a_content_that_is_not_kept_changes_nothing_and_is_named(root: Path) -> None:
    digest = next(each.digest for each in back(root, is_dry=True).plan.put if each.path == "app.py")
    (root / KEPT_FOLDER / digest[:2] / digest).unlink()
    before, records = contents(root), in_folder(root)
    with pytest.raises(UsageError, match=f"`app.py` .{digest[:16]}."):
        back(root)
    assert (contents(root), in_folder(root)) == (before, records)
    # Brought back by hand, it is needed no more.
    (root / "app.py").write_bytes(FILES["app.py"])
    assert held(back(root), root).state is ReleaseState.VALID


def test_a_kept_copy_that_was_changed_is_refused_before_anything_is_touched(root: Path) -> None:
    plan = back(root, is_dry=True).plan
    for each in plan.put:
        copy = root / KEPT_FOLDER / each.digest[:2] / each.digest
        copy.chmod(0o600)
        sound = copy.read_bytes()
        copy.write_bytes(b"worse")
        before, records = contents(root), in_folder(root)
        with pytest.raises(StoreError, match="was changed"):
            back(root)
        assert (contents(root), in_folder(root)) == (before, records)
        copy.write_bytes(sound)


@pytest.mark.parametrize("step", range(STEPS + 1))
def test_stopped_anywhere_the_same_command_ends_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    left = [step]

    def stops(function):
        def stopping(*args, **more):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return function(*args, **more)

        return stopping

    with monkeypatch.context() as patched:
        for name in ("move", "place", "link"):
            patched.setattr(folder_tree.FolderTree, name, stops(getattr(folder_tree.FolderTree, name)))
        patched.setattr(rollback_module, "record_revocation", stops(rollback_module.record_revocation))
        patched.setattr(rollback_module.ReleaseFolder, "put", stops(rollback_module.ReleaseFolder.put))
        try:
            run = back(root)
        except KeyboardInterrupt:
            states = [each.state for each in rows_of(history(root), clock=LATER)]
            assert states in (["current", "superseded"], ["revoked", "superseded"])
            run = None
    # It was stopped at every step that there is, and once at none.
    assert (run is None) is (step < STEPS)
    if run is None:
        run = back(root, clock=AGAIN)
    assert contents(root) == first_of(root)
    assert held(run, root, clock=AGAIN).state is ReleaseState.VALID
    [stated] = [each.stated.revocation for each in history(root).revocations]
    assert stated.release == run.leaves.release.id


def test_going_back_twice_goes_further_back(root: Path) -> None:
    (root / "app.py").write_bytes(b"print('worst')\n")
    released(root, KEY, clock=later(minutes=2))
    first, second, _ = [each.release.id for each in history(root).releases]
    assert back(root).back.release.id == second
    assert back(root, clock=AGAIN).back.release.id == first
    assert contents(root) == first_of(root)


def test_what_would_not_hold_is_not_gone_back_to(root: Path) -> None:
    first, second = [each.release.id for each in history(root).releases]
    with pytest.raises(UsageError, match="same contents"):
        back(root, to=second)
    with pytest.raises(UsageError, match="there is no release `nothing`"):
        back(root, to="nothing")
    with pytest.raises(UsageError, match="ended at"):
        back(root, clock=later(days=91))
    revoke(RevokeRequest(root=root, release=first, reason="bad too", owner="Head"), signer=KEY, clock=LATER)
    for to in ("", first):
        with pytest.raises(UsageError, match="was revoked by Head"):
            back(root, to=to)
    assert contents(root) != first_of(root)


def test_a_first_release_has_nothing_before_it(tmp_path: Path) -> None:
    root = write(tmp_path / "p")
    with pytest.raises(UsageError, match="no release here"):
        back(root)
    released(root, KEY)
    with pytest.raises(UsageError, match="no earlier release"):
        back(root)


def test_a_release_that_was_revoked_already_can_be_left(root: Path) -> None:
    revoke(RevokeRequest(root=root, release="latest", reason="leaks", owner="Head"), signer=KEY, clock=LATER)
    assert held(back(root), root).state is ReleaseState.VALID
    assert [each.stated.revocation.owner for each in history(root).revocations] == ["Head"]


def test_nobody_else_goes_back_to_what_they_do_not_trust(root: Path) -> None:
    before = contents(root)
    with pytest.raises(TrustError, match="whose key was not given"):
        back(root, signer=OTHER)
    assert contents(root) == before
    run = back(root, signer=OTHER, trusted=[KEY.public])
    assert held(run, root, OTHER, KEY).state is ReleaseState.VALID


def test_a_reason_and_an_owner_are_needed(root: Path) -> None:
    with pytest.raises(UsageError, match="reason"):
        back(root, reason=" ")
    with pytest.raises(UsageError, match="who signs"):
        back(root, owner=" ")


def test_a_critical_system_needs_two(tmp_path: Path) -> None:
    root = write(tmp_path / "p")
    for minutes in (0, 2):
        run = released(
            root, KEY, critical(root), second=("Risk owner", SECOND.public), clock=later(minutes=minutes)
        )
        countersign(
            CountersignRequest(pending=run.file, root=root),
            signer=SECOND,
            clock=later(minutes=minutes, seconds=5),
        )
        (root / "app.py").write_bytes(b"print('worse')\n")
    with pytest.raises(UsageError, match="two people"):
        back(root)
    run = back(root, second=("Risk owner", SECOND.public))
    assert run.is_pending
    assert contents(root) == FILES
    done = countersign(CountersignRequest(pending=run.file, root=root), signer=SECOND, clock=AGAIN)
    assert held(done, root, KEY, SECOND, clock=AGAIN).state is ReleaseState.VALID


def test_files_of_old_releases_are_kept_no_longer(tmp_path: Path) -> None:
    root = write(tmp_path / "p")
    for number in range(5):
        (root / "app.py").write_bytes(b"print(%d)\n" % number)
        released(root, KEY, clock=later(minutes=number))
    kept = {each.read_bytes() for each in (root / KEPT_FOLDER).rglob("*") if each.is_file()}
    assert {each for each in kept if each.startswith(b"print")} == {
        b"print(%d)\n" % each for each in (2, 3, 4)
    }
    assert not list((root / KEPT_FOLDER).rglob("*.part"))


def test_what_is_too_large_is_named_and_the_rest_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    root = write(tmp_path / "p")
    (root / "model.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{}      " + b"\0" * 4096)
    monkeypatch.setattr("keelmark.workflows.kept_release.MAX_KEPT_BYTES", 2048)
    released(root, KEY, report=told.append)
    assert any("`model.safetensors`" in each and "app.py" not in each for each in told)
    (root / "app.py").write_bytes(b"print('worse')\n")
    released(root, KEY, clock=later(minutes=1))
    # It did not change, so that nobody has to bring it back.
    assert held(back(root), root).state is ReleaseState.VALID


def test_nothing_is_kept_where_that_is_not_wanted(tmp_path: Path) -> None:
    root = write(tmp_path / "p")
    released(root, KEY, keeps=False)
    assert not (root / KEPT_FOLDER).exists()


def test_copies_are_for_the_owner_alone(root: Path) -> None:
    for each in (root / KEPT_FOLDER, *(root / KEPT_FOLDER).rglob("*")):
        assert not each.stat().st_mode & 0o077, each


def test_a_link_on_the_way_is_never_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "orders.csv").write_bytes(b"of somebody else")
    for each in (root / "data").iterdir():
        each.unlink()
    (root / "data").rmdir()
    (root / "data").symlink_to(outside)
    back(root)
    assert (outside / "orders.csv").read_bytes() == b"of somebody else"
    assert (root / "data/orders.csv").read_bytes() == FILES["data/orders.csv"]


def test_what_cannot_be_moved_is_named_before_anything_is_touched(root: Path) -> None:
    os.mkfifo(root / "pipe")
    before = contents(root)
    with pytest.raises(UsageError, match="`pipe` is neither"):
        back(root)
    assert contents(root) == before


def test_a_release_of_before_is_spelled_as_ever(root: Path) -> None:
    for signed in history(root).releases:
        assert b"reinstates" not in signed.envelope.payload
        assert open_release(dsse.encode(signed.envelope)) == signed


def test_a_roll_back_in_the_second_of_the_release_waits(root: Path) -> None:
    before = contents(root)
    with pytest.raises(StoreError, match="very second"):
        back(root, clock=later(minutes=1))
    assert contents(root) == before


def test_the_clock_must_not_go_backwards(root: Path) -> None:
    with pytest.raises(StoreError, match="the clock says"):
        back(root, clock=CLOCK)


def test_it_ends_with_the_release_that_it_goes_back_to(root: Path) -> None:
    run = back(root, clock=later(days=89))
    end = run.back.release.expires
    assert run.signed.release.expires == end
    assert held(run, root, clock=later(days=89)).state is ReleaseState.VALID
    assert held(run, root, clock=type(CLOCK)(end + timedelta(seconds=1))).state is ReleaseState.EXPIRED


def test_keys_of_other_kinds_go_back_as_well(tmp_path: Path) -> None:
    signer = key("ed25519")
    root = write(tmp_path / "p")
    released(root, signer)
    (root / "app.py").write_bytes(b"print('worse')\n")
    released(root, signer, clock=later(minutes=1))
    assert held(back(root, signer=signer), root, signer).state is ReleaseState.VALID
