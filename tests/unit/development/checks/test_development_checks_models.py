"""What the rules about models settle, leave open and weigh, beyond one faulty folder and its clean twin."""

from __future__ import annotations

import hashlib
from datetime import date

from keelmark.core.declaration import Declaration, DeclaredDataset, Waiver
from keelmark.core.facts import (
    Call,
    Dataset,
    FileFacts,
    FileRole,
    Gap,
    GapReason,
    Hazard,
    Import,
    Manifest,
    ModelFile,
    ModelReference,
    ModelRole,
    Module,
    Pipeline,
    Pointer,
    PointerKind,
    Reading,
    Technique,
)
from keelmark.core.outcome import Outcome, Severity
from keelmark.core.project import Project
from keelmark.development.assets.inventory import take_inventory
from keelmark.development.checks import (
    asset_not_here,
    dangerous_model_file,
    duplicate_model,
    expired_waiver,
    hosted_model_without_snapshot,
    hub_model_without_revision,
    model_format_that_executes,
    model_without_signature,
    recorded_digest_mismatch,
    retired_hosted_model,
    unread_model,
    unread_part,
    weights_loaded_without_check,
)

TODAY = date(2026, 11, 23)
DIGEST = hashlib.sha256(b"weights").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def project(*files: FileFacts, declaration: Declaration | None = None) -> Project:
    gaps = tuple(gap for file in files for gap in file.gaps)
    return Project(
        name="triage",
        today=TODAY,
        files=files,
        gaps=gaps,
        inventory=take_inventory(files),
        declaration=declaration,
    )


def weights(path: str = "models/a.safetensors", *, digest: str = DIGEST, **facts: object) -> FileFacts:
    form = str(facts.pop("format", "safetensors"))
    model = ModelFile(format=form, **{"can_execute": False, **facts})  # type: ignore[arg-type]
    reading = Reading(format=form, models=(model,))
    return FileFacts(path=path, size=4096, digest=digest, readings=(reading,))


def record(path: str, form: str, *digests: tuple[str, str]) -> FileFacts:
    return FileFacts(path=path, size=100, readings=(Reading(format=form, digests=digests),))


def table(path: str = "data/train.csv") -> FileFacts:
    return FileFacts(
        path=path, size=100, digest=OTHER, readings=(Reading(format="csv", dataset=Dataset(format="csv")),)
    )


def pointer(path: str = "models/a.safetensors") -> FileFacts:
    absent = Pointer(kind=PointerKind.GIT_LFS, target=path, digest=DIGEST, algorithm="sha256", line=1)
    gap = Gap(path=path, reason=GapReason.NOT_HERE)
    return FileFacts(
        path=path, size=130, readings=(Reading(format="git-lfs", pointers=(absent,)),), gaps=(gap,)
    )


def code(
    *calls: Call, path: str = "app.py", models: tuple[ModelReference, ...] = (), role: str = "product"
) -> FileFacts:
    module = Module(
        language="python", lines=10, imports=(Import(name="joblib", line=1),), calls=calls, models=models
    )
    return FileFacts(
        path=path, size=100, role=FileRole(role), readings=(Reading(format="python", module=module),)
    )


def only(findings: object) -> object:
    (finding,) = tuple(findings)  # type: ignore[arg-type]
    return finding


def test_digest_alone_settles_the_record_and_not_the_signature() -> None:
    facts = project(
        weights(), record("SHA256SUMS", "checksums", ("models/a.safetensors", f"sha256:{DIGEST}"))
    )
    found = only(model_without_signature.check(facts))
    assert found.outcome is Outcome.PASS
    assert found.settles == ("DEV-3.g",)
    assert "not signed" in found.message


def test_signature_settles_that_a_signature_is_there_and_says_that_the_signer_is_open() -> None:
    signed = record("models/model.sig", "model-signature", ("models/a.safetensors", f"sha256:{DIGEST}"))
    found = only(model_without_signature.check(project(weights(), signed)))
    assert found.settles == ("DEP-2.d", "DEV-3.g")
    assert "not verified here" in found.message


def test_signature_of_another_file_covers_nothing() -> None:
    signed = record("models/model.sig", "model-signature", ("models/a.safetensors", f"sha256:{OTHER}"))
    assert only(model_without_signature.check(project(weights(), signed))).outcome is Outcome.FAIL


def test_weak_digest_is_no_failure_and_settles_nothing() -> None:
    facts = project(weights(), record("dvc.lock", "pipeline", ("models/a.safetensors", "md5:" + "a" * 32)))
    found = only(model_without_signature.check(facts))
    assert found.outcome is Outcome.PASS
    assert found.settles == ()


def test_dataset_without_digest_keeps_the_record_open() -> None:
    sums = record("SHA256SUMS", "checksums", ("models/a.safetensors", f"sha256:{DIGEST}"))
    facts = project(weights(), table(), sums)
    assert only(model_without_signature.check(facts)).settles == ()
    found = only(recorded_digest_mismatch.check(facts))
    assert found.outcome is Outcome.PASS
    assert found.settles == ()


def test_declared_digest_of_a_dataset_is_compared() -> None:
    wrong = Declaration(version=1, datasets=(DeclaredDataset(path="data/train.csv", sha256=DIGEST),))
    found = only(recorded_digest_mismatch.check(project(table(), declaration=wrong)))
    assert found.outcome is Outcome.FAIL
    assert found.severity is Severity.HIGH


def test_missing_record_never_settles_that_digests_are_recorded() -> None:
    found = only(recorded_digest_mismatch.check(project(weights())))
    assert found.outcome is Outcome.NOT_APPLICABLE
    assert found.settles == ()


def test_model_that_is_only_a_pointer_keeps_the_scan_open() -> None:
    facts = project(weights("models/b.safetensors"), pointer())
    for rule in (dangerous_model_file, unread_model, asset_not_here):
        assert {finding.outcome for finding in rule.check(facts)} == {Outcome.UNKNOWN}, rule.CARD.id


def test_output_that_only_a_lock_records_is_named_as_not_here() -> None:
    lock = Pipeline(
        system="dvc", is_lock=True, digests=(("model.pkl", "md5:" + "a" * 32), ("app.py", "md5:" + "b" * 32))
    )
    facts = project(
        FileFacts(path="dvc.lock", size=1, readings=(Reading(format="dvc-lock", pipeline=lock),)), code()
    )
    found = only(asset_not_here.check(facts))
    assert found.outcome is Outcome.UNKNOWN
    assert "model.pkl" in found.message
    assert "app.py" not in found.message
    assert only(dangerous_model_file.check(facts)).outcome is Outcome.UNKNOWN


def test_malicious_file_counts_in_tests_as_well() -> None:
    bad = weights("tests/data/a.pkl", format="pickle", can_execute=True, dangerous=("os.system",))
    found = only(dangerous_model_file.check(project(bad)))
    assert found.severity is Severity.CRITICAL


def test_weights_of_a_hub_are_not_called_scanned() -> None:
    model = ModelReference(provider="huggingface", name="acme/sentiment", line=3, revision="f" * 40)
    assert only(dangerous_model_file.check(project(code(models=(model,))))).outcome is Outcome.UNKNOWN


def test_hub_model_that_runs_code_is_high_and_a_tag_is_low() -> None:
    runs = ModelReference(provider="torchhub", name="acme/vision", line=3, executes=True)
    tag = ModelReference(provider="huggingface", name="acme/text", line=4, revision="v1.0")
    found = {
        f.subject: f.severity for f in hub_model_without_revision.check(project(code(models=(runs, tag))))
    }
    assert found == {"acme/vision": Severity.HIGH, "acme/text": Severity.LOW}


def test_project_that_fetches_itself_is_low() -> None:
    own = ModelReference(provider="torchhub", name="acme/triage", line=3, executes=True)
    assert only(hub_model_without_revision.check(project(code(models=(own,))))).severity is Severity.LOW


def test_address_of_an_image_is_no_model() -> None:
    image = ModelReference(provider="torchhub", name="https://example.org/bus.jpg", line=3, executes=True)
    assert (
        only(hub_model_without_revision.check(project(code(models=(image,))))).outcome
        is Outcome.NOT_APPLICABLE
    )


def test_retired_model_is_named_once_with_every_place() -> None:
    calls = tuple(ModelReference(provider="openai", name="gpt-4-32k", line=line) for line in (3, 9))
    found = only(retired_hosted_model.check(project(code(models=calls))))
    assert [place.line for place in found.locations] == [3, 9]
    assert found.severity is Severity.MEDIUM


def test_model_of_another_family_is_not_called_floating() -> None:
    other = ModelReference(provider="openai", name="gpt-oss-20b", line=3)
    found = only(hosted_model_without_snapshot.check(project(code(models=(other,)))))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_checked_load_passes_and_unchecked_load_of_own_weights_is_medium() -> None:
    load = Call(name="joblib.load", line=4)
    check = Call(name="hmac.compare_digest", line=3)
    assert (
        only(weights_loaded_without_check.check(project(weights(), code(load)))).severity is Severity.MEDIUM
    )
    assert (
        only(weights_loaded_without_check.check(project(weights(), code(check, load)))).outcome
        is Outcome.PASS
    )


def test_load_in_a_project_without_weights_is_low() -> None:
    load = Call(name="torch.load", line=4)
    assert only(weights_loaded_without_check.check(project(code(load)))).severity is Severity.LOW


def test_one_network_in_three_formats_is_no_duplicate() -> None:
    files = (
        weights("m/net.onnx", digest="1" * 64, format="onnx"),
        weights("m/net.safetensors", digest="2" * 64),
        weights("m/net.jit", digest="3" * 64, format="torchscript"),
    )
    assert only(duplicate_model.check(project(*files))).outcome is Outcome.PASS


def test_format_that_could_not_be_settled_is_unknown() -> None:
    found = only(
        model_format_that_executes.check(project(weights("m/a.h5", format="hdf5", can_execute=None)))
    )
    assert found.outcome is Outcome.UNKNOWN


def test_tokenizer_is_no_weights() -> None:
    facts = project(weights("m/tokenizer.json", format="huggingface", role=ModelRole.TOKENIZER))
    assert only(model_without_signature.check(facts)).outcome is Outcome.NOT_APPLICABLE


def test_broken_file_fails_and_a_limit_is_unknown() -> None:
    broken = FileFacts(path="a.py", size=1, gaps=(Gap(path="a.py", reason=GapReason.MALFORMED, line=3),))
    large = FileFacts(path="b.py", size=1, gaps=(Gap(path="b.py", reason=GapReason.TOO_LARGE),))
    excluded = FileFacts(path="c.py", size=1, gaps=(Gap(path="c.py", reason=GapReason.EXCLUDED),))
    outcomes = [finding.outcome for finding in unread_part.check(project(broken, large, excluded))]
    assert outcomes == [Outcome.FAIL, Outcome.UNKNOWN]


def test_waiver_without_end_fails() -> None:
    endless = Waiver(rule="r", reason="x", owner="o", expires=date(2031, 1, 1))
    facts = project(declaration=Declaration(version=1, waivers=(endless,)))
    assert only(expired_waiver.check(facts)).outcome is Outcome.FAIL


def test_names_of_manifests_are_not_needed() -> None:
    manifest = Manifest(format="requirements", ecosystem="pypi", is_lock=False)
    file = FileFacts(
        path="requirements.txt", size=1, readings=(Reading(format="requirements", manifest=manifest),)
    )
    assert only(hub_model_without_revision.check(project(file))).outcome is Outcome.NOT_APPLICABLE


def test_what_a_file_does_is_told_as_what_it_is() -> None:
    told = {}
    for path, technique, detail in (
        ("a.ipynb", Technique.DANGEROUS_SOURCE, "cell 2 runs text that it fetches"),
        ("b.ipynb", Technique.ACTIVE_CONTENT, "the output of cell 1 takes over"),
        ("c.pt", Technique.EMBEDDED_EXECUTABLE, "`run` is an ELF program"),
        ("d.pkl", Technique.DANGEROUS_CALLABLE, "calls `os.system`"),
    ):
        hazard = Hazard(technique=technique, detail=detail, subject="x")
        reading = Reading(format="any", hazards=(hazard,))
        file = FileFacts(path=path, size=9, digest=DIGEST, readings=(reading,))
        (found,) = dangerous_model_file.check(project(file))
        assert found.outcome is Outcome.FAIL
        told[path] = found.message
    assert told == {
        "a.ipynb": "a.ipynb attacks whoever runs it: x",
        "b.ipynb": "b.ipynb runs script when it is shown: x",
        "c.pt": "c.pt has a program packed into it: x",
        "d.pkl": "d.pkl runs code when it is loaded: x",
    }
