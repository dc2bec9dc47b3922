"""Laws of dossiers: no byte changes without notice, and what is hidden cannot be found by guessing."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.corpus.dossiers import exported, project, without_analysis
from tests.corpus.releases import key

from keelmark.core.dossier import Level
from keelmark.core.outcome import Outcome
from keelmark.trust import canonical_json, stored_zip
from keelmark.workflows.verify_dossier import verify_archive

KEY = key()


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[Level, bytes]:
    """The four levels of one release."""
    with pytest.MonkeyPatch.context() as patch:
        without_analysis(patch)
        root: Path = tmp_path_factory.mktemp("laws") / "project"
        project(root, KEY)
        return {level: exported(root, KEY, level).file.read_bytes() for level in Level}


own = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def outcome(data: bytes) -> Outcome:
    return verify_archive(data, keys=[KEY.public]).outcome


@own
@given(st.data())
def test_any_byte_changed_inserted_or_removed_is_not_valid(archives, data: st.DataObject) -> None:
    content = archives[data.draw(st.sampled_from(list(Level)))]
    at = data.draw(st.integers(0, len(content) - 1))
    match data.draw(st.sampled_from(["change", "insert", "remove", "cut", "append"])):
        case "change":
            byte = bytes([content[at] ^ data.draw(st.integers(1, 255))])
            spoiled = content[:at] + byte + content[at + 1 :]
        case "insert":
            spoiled = content[:at] + data.draw(st.binary(min_size=1, max_size=3)) + content[at:]
        case "remove":
            spoiled = content[:at] + content[at + 1 :]
        case "cut":
            spoiled = content[:at]
        case _:
            spoiled = content + data.draw(st.binary(min_size=1, max_size=30))
    # A change can give the same bytes again, such as an inserted space among spaces.
    assert outcome(spoiled) is (Outcome.PASS if spoiled == content else Outcome.FAIL)


def test_every_byte_of_the_container_and_the_statement_counts(archives) -> None:
    content = archives[Level.PUBLIC]
    parts = stored_zip.parse(content)
    ends = [content.index(b"PK\x01\x02"), len(content)]
    places = [*range(30 + len("dossier.dsse.json") + len(parts["dossier.dsse.json"])), *range(*ends)]
    for at in places:
        spoiled = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        assert outcome(spoiled) is Outcome.FAIL, at


@own
@given(
    level=st.sampled_from([Level.PUBLIC, Level.CUSTOMER, Level.AUTHORITY]), other=st.sampled_from(list(Level))
)
@example(level=Level.PUBLIC, other=Level.SEALED)
def test_parts_of_two_levels_never_make_a_third(archives, level: Level, other: Level) -> None:
    mine, theirs = stored_zip.parse(archives[level]), stored_zip.parse(archives[other])
    for name in theirs:
        mixed = {**mine, name: theirs[name]}
        assert (outcome(stored_zip.build(mixed)) is Outcome.PASS) is (mixed == mine)


def test_guessing_a_hidden_fact_needs_its_salt(archives) -> None:
    public = json.loads(stored_zip.parse(archives[Level.PUBLIC])["leaves.json"])
    sealed = json.loads(stored_zip.parse(archives[Level.SEALED])["leaves.json"])
    hidden = {each["name"]: each["commitment"] for each in public["leaves"] if each.get("redacted")}
    salts = {each["salt"] for each in public["leaves"] if "salt" in each}
    told = {each["name"]: each for each in sealed["leaves"]}
    for name, commitment in hidden.items():
        content = canonical_json.encode({"name": name, "value": told[name]["value"]})
        assert hashlib.sha256(bytes.fromhex(told[name]["salt"]) + content).hexdigest() == commitment
        guesses = {hashlib.sha256(bytes.fromhex(salt) + content).hexdigest() for salt in salts}
        assert commitment not in guesses | {hashlib.sha256(content).hexdigest()}
