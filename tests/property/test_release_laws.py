"""Laws of releases: no byte changes without notice, and nothing that blocks is ever released."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.corpus.releases import CLOCK, FILES, NOW, TODAY, ground_for, key, released, write
from tests.property.test_gate_laws import CATALOGUE, findings, many, policies

from keelmark.core.declaration import Profile
from keelmark.core.finding import Finding
from keelmark.core.outcome import Outcome, Verdict
from keelmark.core.release import ReleaseState
from keelmark.deployment.release.composition import may_be_released
from keelmark.deployment.release.gate import Policy, decide
from keelmark.deployment.release.validity import Ground, validity_of
from keelmark.deployment.release.verification import judge_signatures, open_release
from keelmark.errors import KeelmarkError, UsageError
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release

KEY = key()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A released project, and its release outside of it."""
    folder = tmp_path_factory.mktemp("laws")
    root = write(folder / "project", {**FILES, "empty": b""})
    copy = folder / "release.dsse.json"
    released(root, KEY, output=copy)
    return root, copy


def state(root: Path, file: Path) -> ReleaseState:
    request = VerifyReleaseRequest(release=file, root=root, keys=[KEY.public])
    return verify_release(request, clock=CLOCK).state


own = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@own
@given(st.data())
def test_any_byte_of_any_subject_changed_breaks_it(place: tuple[Path, Path], data: st.DataObject) -> None:
    root, file = place
    path = data.draw(st.sampled_from(sorted(path for path in FILES)))
    content = FILES[path]
    at = data.draw(st.integers(0, len(content) - 1))
    mask = data.draw(st.integers(1, 255))
    (root / path).write_bytes(content[:at] + bytes([content[at] ^ mask]) + content[at + 1 :])
    try:
        assert state(root, file) is ReleaseState.CHANGED
    finally:
        (root / path).write_bytes(content)
    assert state(root, file) is ReleaseState.VALID


@own
@given(st.data())
def test_any_byte_of_the_envelope_changed_breaks_it(place: tuple[Path, Path], data: st.DataObject) -> None:
    root, file = place
    content = file.read_bytes()
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["change", "insert", "remove", "cut"])):
        case "change":
            byte = bytes([content[at] ^ data.draw(st.integers(1, 255))])
            spoiled = content[:at] + byte + content[at + 1 :]
        case "insert":
            spoiled = content[:at] + data.draw(st.binary(min_size=1, max_size=3)) + content[at:]
        case "remove":
            spoiled = content[:at] + content[at + 1 :]
        case _:
            spoiled = content[:at]
    with tempfile.TemporaryDirectory() as folder:
        other = Path(folder, "r.dsse.json")
        other.write_bytes(spoiled)
        # A change can give the same bytes again, such as an inserted line feed among line feeds.
        assert (state(root, other) is ReleaseState.VALID) is (spoiled == content)


def test_every_single_byte_of_the_envelope_counts(place: tuple[Path, Path]) -> None:
    content = place[1].read_bytes()
    for at in range(len(content)):
        spoiled = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        try:
            found = judge_signatures(open_release(spoiled), keys=[KEY.public])
        except KeelmarkError:
            continue
        assert found.outcome is Outcome.FAIL, at


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_release_or_a_parse_error(data: bytes) -> None:
    with pytest.raises(KeelmarkError):
        open_release(data)


@given(many, findings(), policies())
@settings(max_examples=150, deadline=None)
def test_adding_a_finding_never_turns_do_not_release_into_release(
    before: list[Finding], new: Finding, policy: Policy
) -> None:
    if decide(before, policy).verdict is Verdict.DO_NOT_RELEASE:
        assert decide([*before, new], policy).verdict is Verdict.DO_NOT_RELEASE


@given(many, policies())
@settings(max_examples=150, deadline=None)
def test_stricter_profile_never_releases_more(before: list[Finding], policy: Policy) -> None:
    strict = decide(before, replace(policy, profile=Profile.STRICT)).verdict
    if strict is Verdict.RELEASE:
        assert decide(before, replace(policy, profile=Profile.DEFAULT)).verdict is Verdict.RELEASE


@given(many, policies())
@settings(max_examples=60, deadline=None)
def test_what_blocks_is_never_written(before: list[Finding], policy: Policy) -> None:
    decision = decide(before, replace(policy, is_critical=False, today=TODAY, catalogue=CATALOGUE))
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder, "project"))
        ground = ground_for(root, decision=decision, findings=tuple(before))
        run = released(root, KEY, ground)
        files = [*(root / ".keelmark/releases").glob("*.json")]
        is_releasable = decision.verdict is Verdict.RELEASE
        assert (run.signed is not None, len(files)) == (is_releasable, int(is_releasable))
        assert may_be_released(ground.evidence.assessment) is is_releasable
        # A verdict that does not fit its reasons is not believed either.
        if decision.blocking or decision.missing:
            forged = ground_for(root, decision=replace(decision, verdict=Verdict.RELEASE))
            assert released(root, KEY, forged).signed is None


@given(
    st.lists(st.dates(min_value=TODAY.replace(year=2020), max_value=TODAY.replace(year=2030))),
    st.integers(-5, 400),
)
@settings(max_examples=150, deadline=None)
def test_nothing_that_a_release_rests_on_ends_before_it(days: list, asked: int) -> None:
    grounds = [Ground(what="x", expires=each) for each in days]
    try:
        found = validity_of(grounds, now=NOW, days=asked)
    except UsageError:
        assert not 1 <= asked <= 366 or any(each <= TODAY for each in days)
        return
    assert found.not_before == NOW < found.expires
    assert all(found.expires.date() <= each for each in days)
    assert (found.expires - NOW).days <= asked
