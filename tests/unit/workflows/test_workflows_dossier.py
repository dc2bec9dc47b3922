"""Dossiers from a release to four verified levels: what each shows, what proves them, and what is refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from tests.corpus import dossiers
from tests.corpus.dossiers import EVIL, READ, SECRETS, exported, project, without_analysis
from tests.corpus.releases import CLOCK, NOW, key, later, request_for

from keelmark.core.dossier import DossierState, Level
from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier_sections import SECTIONS
from keelmark.errors import StoreError, TrustError, UsageError
from keelmark.store.dossiers import DOSSIERS_FOLDER
from keelmark.trust import dsse, stored_zip
from keelmark.workflows import dossier as job
from keelmark.workflows import dossier_ground
from keelmark.workflows.dossier import ExportRequest, export, public_facts
from keelmark.workflows.revoke import RevokeRequest, revoke
from keelmark.workflows.verify_dossier import VerifyDossierRequest, verify_archive, verify_dossier

KEY, SECOND, OTHER = key(), key("ed25519"), key()
LEVELS = tuple(Level)


@pytest.fixture
def root(tmp_path: Path, monkeypatch) -> Path:
    without_analysis(monkeypatch)
    project(tmp_path / "project", KEY)
    return tmp_path / "project"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory):
    """A project that no test changes, and all levels of it, each exported a day after the one before."""
    with pytest.MonkeyPatch.context() as patch:
        without_analysis(patch)
        root = tmp_path_factory.mktemp("shared") / "project"
        project(root, KEY)
        return root, {
            level: exported(root, KEY, level, clock=later(days=days)) for days, level in enumerate(LEVELS)
        }


@pytest.fixture
def four(shared):
    return shared[1]


def parts_of(done) -> dict[str, bytes]:
    return stored_zip.parse(done.file.read_bytes())


def text_of(done) -> str:
    return b"\n".join(parts_of(done).values()).decode()


def test_four_levels_verify_and_are_of_the_same_release_and_facts(shared) -> None:
    root, four = shared
    (release,) = (root / ".keelmark/releases").glob("*Z-*.dsse.json")
    assert len({done.dossier.root for done in four.values()}) == 1
    for level, done in four.items():
        for other in four.values():
            found = verify_dossier(
                VerifyDossierRequest(
                    file=done.file, keys=[OTHER.public, KEY.public], release=release, against=other.file
                ),
                clock=CLOCK,
            )
            assert (found.outcome, found.state, found.reasons) == (Outcome.PASS, DossierState.VALID, ())
            assert (found.statement.level, found.against) == (level, other.dossier.level)
            assert found.system == "helpdesk 1.2.3"
            assert found.signers[0].keyid == KEY.public.keyid
    assert stored_zip.parse(four[Level.PUBLIC].file.read_bytes()).keys() == {
        "dossier.dsse.json",
        "leaves.json",
        "oscal-assessment-results.json",
        "report.html",
        "test-result.intoto.json",
    }


def test_each_level_shows_more_and_the_last_one_all(four) -> None:
    shown = [set(four[level].dossier.facts) for level in LEVELS]
    assert shown[0] < shown[1] < shown[2] < shown[3]
    assert not four[Level.SEALED].dossier.hidden
    names = [[each.name for each in done.dossier.leaves] for done in four.values()]
    assert names.count(names[0]) == 4


def test_what_a_level_hides_is_nowhere_in_its_archive(four) -> None:
    for secret in SECRETS:
        assert secret not in text_of(four[Level.PUBLIC])
    for secret in SECRETS:
        assert secret not in text_of(four[Level.CUSTOMER])
    authority = text_of(four[Level.AUTHORITY])
    assert READ not in authority
    assert all(secret in authority for secret in SECRETS if secret != READ)
    assert READ in text_of(four[Level.SEALED])
    assert "release.dsse.json" in parts_of(four[Level.AUTHORITY])
    assert "SYSTEM_PROMPT" not in text_of(four[Level.PUBLIC])
    assert "SYSTEM_PROMPT" in text_of(four[Level.CUSTOMER])


def test_failures_are_included_at_every_level(four) -> None:
    for done in four.values():
        dossier = done.dossier
        assert dossier.facts["tests/call-without-timeout"]["result"] == "fail"
        assert dossier.facts["tests/call-without-timeout"]["outcomes"] == {"fail": 1, "pass": 1}
        assert dossier.facts["tests/debug-mode-on"]["result"] == "waived"
        assert dossier.facts["tests/vulnerable-dependency"]["result"] == "unknown"
        outcomes = [fact["outcome"] for fact in dossier.of("findings").values()]
        assert outcomes == ["fail", "fail", "unknown", "pass", "not-applicable"]
        risks = [(fact["kind"], fact["state"]) for fact in dossier.of("residual-risks").values()]
        assert ("failure", "open") in risks
        assert ("failure", "waived until 2027-01-01") in risks
        assert ("threat", "open") in risks
        page = parts_of(done)["report.html"].decode()
        assert "call-without-timeout" in page


def test_every_redaction_is_listed_with_level_and_reason(four) -> None:
    document = json.loads(parts_of(four[Level.PUBLIC])["leaves.json"])
    why = {each["name"]: each for each in document["sections"]}
    hidden = [each for each in document["leaves"] if each.get("redacted")]
    assert len(hidden) == len(four[Level.PUBLIC].dossier.hidden) > 50
    for each in hidden:
        section = why[each["name"].partition("/")[0]]
        assert section["hidden"] is True
        assert section["why"]
        assert section["needs"] == each["needs"] != "public"
        assert "value" not in each
        assert "salt" not in each
    page = parts_of(four[Level.PUBLIC])["report.html"].decode()
    for section in {each["name"].partition("/")[0] for each in hidden}:
        assert f"{section}/" in page
        assert SECTIONS[section].why in page


def test_secret_never_leaves_the_project(shared) -> None:
    root, four = shared
    (file,) = (root / DOSSIERS_FOLDER).glob("*.secret")
    secret = json.loads(dsse.parse(file.read_bytes()).payload)["secret"]
    assert all(secret not in text_of(done) for done in four.values())


def test_seeds_corpora_and_settings_are_told(four) -> None:
    facts = four[Level.CUSTOMER].dossier.facts
    assert facts["seeds/risk-simulation"] == {"used": True, "seed": 7, "years": 10_000}
    assert facts["corpora/rules"]["rules"] >= 60
    assert facts["corpora/advisories"] == {"used": True, "sha256": ""}
    assert len(facts["corpora/guidelines"]["sha256"]) == 64
    assert facts["settings/advisories"]["value"] == "osv.zip"
    assert "settings/advisories" not in four[Level.PUBLIC].dossier.facts


def test_page_holds_no_script_and_nothing_foreign_drives_it(four) -> None:
    for done in four.values():
        page = parts_of(done)["report.html"].decode()
        assert "<script" not in page
        assert "\x1b" not in page
        assert "\u202e" not in page
        assert "##[" not in page
        assert "script-src 'none'" in unescape(page)
        assert "<img" not in page


def test_test_results_are_an_in_toto_statement_about_the_release(four) -> None:
    for level, done in four.items():
        envelope = dsse.parse(parts_of(done)["test-result.intoto.json"])
        dsse.verify(envelope, payload_type="application/vnd.in-toto+json", keys=[KEY.public])
        statement = json.loads(envelope.payload)
        assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
        predicate = statement["predicate"]
        assert predicate["result"] == "FAILED"
        assert predicate["failedTests"] == ["call-without-timeout"]
        assert predicate["warnedTests"] == ["debug-mode-on", "vulnerable-dependency"]
        assert predicate["passedTests"] == []
        assert predicate["configuration"]
        assert statement["subject"][0]["digest"] == {"sha256": done.dossier.release_digest}
        assert ("app.py" in str(statement["subject"])) is level.sees(Level.AUTHORITY)


def test_levels_exported_at_the_same_time_share_one_secret(root, monkeypatch) -> None:
    # Somebody else keeps the secret between looking for it and keeping our own.
    first = exported(root, KEY, Level.PUBLIC)
    (file,) = (root / DOSSIERS_FOLDER).glob("*.secret")
    kept = file.read_bytes()
    file.unlink()
    ours = job.DossierFolder.keep_secret

    def slower(folder, release, content) -> bool:
        file.write_bytes(kept)
        file.chmod(0o600)
        return ours(folder, release, content)

    monkeypatch.setattr(job.DossierFolder, "keep_secret", slower)
    assert exported(root, KEY, Level.SEALED).dossier.root == first.dossier.root


def test_facts_that_come_out_otherwise_are_refused(root, monkeypatch) -> None:
    exported(root, KEY, Level.PUBLIC)
    monkeypatch.setattr(dossier_ground, "read_shipped", lambda: type("Data", (), {"digest": "00" * 32}))
    with pytest.raises(TrustError, match="do not come out as in the dossiers"):
        exported(root, KEY, Level.CUSTOMER)


def test_planted_secret_is_refused(root) -> None:
    done = exported(root, KEY, Level.PUBLIC)
    (file,) = (root / DOSSIERS_FOLDER).glob("*.secret")
    kept = dsse.parse(file.read_bytes())
    planted = dsse.sign(kept.payload_type, kept.payload, keys=[OTHER])
    for content, words in (
        (dsse.encode(planted), "not made with a key that signed this release"),
        (b"{}", "damaged"),
        (dsse.encode(dsse.sign("text/plain", kept.payload, keys=[KEY])), "not made with a key"),
        (dsse.encode(dsse.sign(kept.payload_type, b"{}", keys=[KEY])), "of another release"),
        (
            dsse.encode(
                dsse.sign(
                    kept.payload_type,
                    kept.payload.replace(done.dossier.release_digest.encode(), b"0" * 64),
                    keys=[KEY],
                )
            ),
            "of another release",
        ),
    ):
        file.write_bytes(content)
        with pytest.raises(TrustError, match=words):
            exported(root, KEY, Level.CUSTOMER)


def test_another_signer_of_the_release_exports_the_same_facts(tmp_path, monkeypatch) -> None:
    without_analysis(monkeypatch)
    root = tmp_path / "project"
    project(root, KEY)
    mine = exported(root, KEY, Level.PUBLIC)
    theirs = exported(root, OTHER, Level.CUSTOMER, trusted=(KEY.public,))
    assert mine.dossier.root == theirs.dossier.root
    assert verify_archive(theirs.file.read_bytes(), keys=[KEY.public]).state is DossierState.UNTRUSTED
    assert verify_archive(theirs.file.read_bytes(), keys=[OTHER.public]).outcome is Outcome.PASS


def test_release_that_does_not_hold_has_no_dossier(root) -> None:
    with pytest.raises(TrustError, match="was not signed with this key"):
        exported(root, OTHER, Level.PUBLIC)
    with pytest.raises(TrustError, match="expired"):
        exported(root, KEY, Level.PUBLIC, clock=later(days=91))
    (root / "app.py").write_bytes(b"changed")
    with pytest.raises(TrustError, match="1 of its files are not as released"):
        exported(root, KEY, Level.PUBLIC)
    (root / "app.py").write_bytes(b"print('hello')\n")
    revoke(RevokeRequest(root=root, release="latest", reason="leak", owner="CISO"), signer=KEY, clock=CLOCK)
    with pytest.raises(TrustError, match="revoked"):
        exported(root, KEY, Level.PUBLIC)
    assert not (root / DOSSIERS_FOLDER).exists()


def test_without_a_release_there_is_no_dossier_and_a_way_out(tmp_path, monkeypatch) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="there is no release here") as caught:
        exported(tmp_path / "empty", KEY, Level.PUBLIC)
    assert "keelmark release" in caught.value.hint


def test_release_is_found_by_file_id_and_beginning(root) -> None:
    (file,) = (root / ".keelmark/releases").glob("*Z-*.dsse.json")
    identifier = file.name.removesuffix(".dsse.json")
    (root.parent / "copy.dsse.json").write_bytes(file.read_bytes())
    for wanted in (identifier, identifier[:12], str(file), str(root.parent / "copy.dsse.json"), "latest"):
        assert exported(root, KEY, Level.PUBLIC, release=wanted).dossier.release == identifier
    with pytest.raises(UsageError, match="there is no release `x`"):
        exported(root, KEY, Level.PUBLIC, release="x")
    (root.parent / "no.dsse.json").write_bytes(b"{}")
    with pytest.raises(TrustError, match="is no release"):
        exported(root, KEY, Level.PUBLIC, release=str(root.parent / "no.dsse.json"))


def test_pending_release_has_no_dossier(tmp_path, monkeypatch) -> None:
    without_analysis(monkeypatch)
    root = tmp_path / "project"
    run = project(root, KEY, second=("Risk owner", SECOND.public))
    for wanted in ("latest", run.signed.release.id):
        with pytest.raises(UsageError, match="waits for its second signature"):
            exported(root, KEY, Level.PUBLIC, release=wanted)


def test_run_that_was_changed_or_is_gone_is_refused(root) -> None:
    file = root / ".keelmark/evidence.db"
    made = dossiers.ground(root).evidence.assessment
    changes = (
        ({"findings": made.findings[:-1]}, "its findings were changed"),
        ({"tree_digest": "00" * 32}, "its findings were changed"),
        ({"system": "another"}, "does not come out"),
        ({"gaps": ()}, "does not come out"),
    )
    for change, words in changes:
        file.unlink()
        dossiers.keep(root, replace(made, **change))
        with pytest.raises(TrustError, match=words):
            exported(root, KEY, Level.PUBLIC)
    file.unlink()
    with pytest.raises(StoreError, match="is not kept"):
        exported(root, KEY, Level.PUBLIC)
    dossiers.keep(root, replace(made, id="20261123T115900-00000009"))
    with pytest.raises(StoreError, match="is not kept"):
        exported(root, KEY, Level.PUBLIC)


def test_run_is_taken_from_the_log_when_the_store_is_gone(tmp_path, monkeypatch) -> None:
    without_analysis(monkeypatch)
    root = tmp_path / "project"
    project(root, KEY, log=True)
    first = exported(root, KEY, Level.PUBLIC)
    (root / ".keelmark/evidence.db").unlink()
    assert exported(root, KEY, Level.SEALED).dossier.root == first.dossier.root


def test_other_analysis_is_refused(root, monkeypatch) -> None:
    without_analysis(monkeypatch, replace(dossiers.analysis_of(), digest="00" * 32))
    with pytest.raises(TrustError, match="threat analysis does not come out"):
        exported(root, KEY, Level.PUBLIC)
    without_analysis(monkeypatch, replace(dossiers.analysis_of(), envelope=()))
    with pytest.raises(TrustError, match="threat analysis does not come out"):
        exported(root, KEY, Level.PUBLIC)


def test_output_inside_of_the_project_is_refused(root) -> None:
    for output in (root / "a.zip", root / "data/a.zip"):
        with pytest.raises(UsageError, match="lies in the project"):
            export(ExportRequest(root=root, output=output), signer=KEY, clock=CLOCK)
    for output in (root.parent, root.parent / "absent/a.zip"):
        with pytest.raises(UsageError, match="cannot be written"):
            export(ExportRequest(root=root, output=output), signer=KEY, clock=CLOCK)


def test_default_place_leaves_the_release_valid(root) -> None:
    done = export(ExportRequest(root=root), signer=KEY, clock=CLOCK)
    assert done.file.parent == root / DOSSIERS_FOLDER
    assert done.file.name == f"{done.dossier.release}.public.dossier.zip"
    assert export(ExportRequest(root=root), signer=KEY, clock=CLOCK).file == done.file


def test_dossier_that_does_not_verify_is_not_handed_out(root, monkeypatch) -> None:
    monkeypatch.setattr(job, "results_payload", lambda _: b"{}")
    with pytest.raises(TrustError, match="does not verify"):
        export(ExportRequest(root=root), signer=KEY, clock=CLOCK)
    assert not list((root / DOSSIERS_FOLDER).glob("*.zip"))


def test_public_facts_need_a_trusted_key_and_no_private_one(root) -> None:
    dossier = public_facts(ExportRequest(root=root, trusted=(KEY.public,)), clock=CLOCK)
    assert dossier.level is Level.PUBLIC
    assert not (root / DOSSIERS_FOLDER).exists()
    with pytest.raises(TrustError, match="was not signed with this key"):
        public_facts(ExportRequest(root=root, trusted=(OTHER.public,)), clock=CLOCK)


def test_moment_is_that_of_the_clock(four) -> None:
    assert four[Level.PUBLIC].stated.made == NOW


def test_foreign_text_stays_whole_in_the_facts(four) -> None:
    words = four[Level.SEALED].dossier.of("finding-words")
    assert any(EVIL in fact["message"] for fact in words.values())
    digests = {hashlib.sha256(done.file.read_bytes()).hexdigest() for done in four.values()}
    assert len(digests) == 4


def test_release_of_two_signers_is_exported_by_either(tmp_path, monkeypatch) -> None:
    from keelmark.workflows.countersign import CountersignRequest, countersign

    without_analysis(monkeypatch)
    root = tmp_path / "project"
    project(root, KEY, second=("Risk owner", SECOND.public))
    (pending,) = (root / ".keelmark/releases").glob("*.pending.dsse.json")
    countersign(CountersignRequest(pending=pending, root=root), signer=SECOND, clock=CLOCK)
    first, second = exported(root, KEY, Level.PUBLIC), exported(root, SECOND, Level.SEALED)
    assert first.dossier.root == second.dossier.root
    found = verify_archive(
        first.file.read_bytes(), keys=[KEY.public, SECOND.public], against=second.file.read_bytes()
    )
    assert found.outcome is Outcome.PASS
    assert request_for(root).root == root
