"""How the rules about dependencies weigh what they find, and when they keep silent."""

from __future__ import annotations

from datetime import date

import pytest

from keelmark.core.advisory import Advisory, AdvisorySnapshot
from keelmark.core.facts import (
    BaseImage,
    ContainerFile,
    FileFacts,
    FileRole,
    Gap,
    GapReason,
    Instruction,
    Manifest,
    Reading,
    Requirement,
    RequirementSource,
    Secret,
)
from keelmark.core.outcome import Confidence, Outcome, Severity
from keelmark.core.project import Project
from keelmark.development.checks import (
    committed_secret,
    dependency_without_lock,
    environment_file_committed,
    install_script_from_url,
    runtime_past_end_of_life,
    untrusted_package_index,
    vulnerable_dependency,
)

TODAY = date(2026, 11, 23)
FRESH = date(2026, 11, 20)


def project(*files: FileFacts, snapshot: AdvisorySnapshot | None = None) -> Project:
    extras = (("advisories", snapshot),) if snapshot else ()
    gaps = tuple(gap for file in files for gap in file.gaps)
    return Project(name="triage", today=TODAY, files=files, gaps=gaps, extras=extras)


def manifest(
    *items: Requirement, path: str = "requirements.txt", role: str = "product", **facts: object
) -> FileFacts:
    fields = {"format": "requirements", "ecosystem": "pypi", "is_lock": False, **facts}
    fact = Manifest(requirements=items, **fields)  # type: ignore[arg-type]
    reading = Reading(format=fact.format, manifest=fact)
    return FileFacts(path=path, size=100, role=FileRole(role), readings=(reading,))


def pinned(name: str, version: str, **facts: object) -> Requirement:
    return Requirement(name=name, version=version, specifier=f"=={version}", line=1, **facts)  # type: ignore[arg-type]


def snapshot(*advisories: Advisory) -> AdvisorySnapshot:
    base = Advisory(id="GHSA-0", ecosystem="pypi", package="somebody-else", modified=FRESH)
    return AdvisorySnapshot.of((base, *advisories), source="all.zip", digest="0" * 64)


def advisory(**facts: object) -> Advisory:
    fields = {"id": "GHSA-1", "ecosystem": "pypi", "package": "acme-http", "modified": FRESH, **facts}
    return Advisory(ranges=((("introduced", "0"), ("fixed", "2.4.1")),), **fields)  # type: ignore[arg-type]


def only(findings: object) -> object:
    (finding,) = tuple(findings)  # type: ignore[arg-type]
    return finding


@pytest.mark.parametrize(
    ("word", "severity"),
    [("critical", Severity.CRITICAL), ("high", Severity.HIGH), ("low", Severity.LOW), ("", Severity.MEDIUM)],
)
def test_severity_is_that_of_the_advisory(word: str, severity: Severity) -> None:
    facts = project(manifest(pinned("acme-http", "2.3.0")), snapshot=snapshot(advisory(severity=word)))
    found = only(vulnerable_dependency.check(facts))
    assert found.severity is severity
    assert "2.4.1" in found.fix


def test_package_of_development_weighs_at_most_medium() -> None:
    facts = manifest(pinned("acme-http", "2.3.0", group="dev"))
    found = only(
        vulnerable_dependency.check(project(facts, snapshot=snapshot(advisory(severity="critical"))))
    )
    assert found.severity is Severity.MEDIUM


def test_malware_is_critical_and_asks_for_removal() -> None:
    facts = project(manifest(pinned("acme-http", "2.3.0")), snapshot=snapshot(advisory(id="MAL-2026-1")))
    found = only(vulnerable_dependency.check(facts))
    assert found.severity is Severity.CRITICAL
    assert "Remove" in found.fix


def test_package_in_two_files_is_one_finding() -> None:
    files = (
        manifest(pinned("acme-http", "2.3.0")),
        manifest(pinned("acme-http", "2.3.0"), path="api/requirements.txt"),
    )
    found = only(vulnerable_dependency.check(project(*files, snapshot=snapshot(advisory()))))
    assert [place.path for place in found.locations] == ["requirements.txt", "api/requirements.txt"]


def test_without_a_file_the_answer_is_unknown_and_names_the_option() -> None:
    found = only(vulnerable_dependency.check(project(manifest(pinned("acme-http", "2.3.0")))))
    assert found.outcome is Outcome.UNKNOWN
    assert "--advisories" in found.fix


def test_old_data_that_matches_nothing_is_unknown_and_old_data_that_matches_fails() -> None:
    old = Advisory(id="GHSA-0", ecosystem="pypi", package="somebody-else", modified=date(2026, 10, 1))
    hit = advisory(modified=date(2026, 10, 1))
    stale = AdvisorySnapshot.of((old, hit), source="all.zip", digest="0" * 64)
    clean = only(vulnerable_dependency.check(project(manifest(pinned("acme-http", "2.4.1")), snapshot=stale)))
    assert clean.outcome is Outcome.UNKNOWN
    assert "2026-10-01" in clean.message
    bad = only(vulnerable_dependency.check(project(manifest(pinned("acme-http", "2.3.0")), snapshot=stale)))
    assert bad.outcome is Outcome.FAIL


def test_ecosystem_that_the_file_does_not_know_is_unknown() -> None:
    lock = manifest(
        pinned("left-pad", "1.0.0"),
        path="package-lock.json",
        format="package-lock",
        ecosystem="npm",
        is_lock=True,
    )
    found = only(vulnerable_dependency.check(project(lock, snapshot=snapshot())))
    assert found.outcome is Outcome.UNKNOWN
    assert "npm" in found.message


def test_floating_package_is_unknown_even_when_nothing_matches() -> None:
    facts = manifest(pinned("fastapi", "0.115.5"), Requirement(name="pandas", line=2))
    found = only(vulnerable_dependency.check(project(facts, snapshot=snapshot())))
    assert found.outcome is Outcome.UNKNOWN


def test_fresh_data_over_fixed_packages_settles_it() -> None:
    found = only(
        vulnerable_dependency.check(project(manifest(pinned("fastapi", "0.115.5")), snapshot=snapshot()))
    )
    assert found.outcome is Outcome.PASS
    assert "2026-11-20" in found.message


def test_lock_of_another_folder_covers_nothing() -> None:
    lock = manifest(pinned("a", "1"), path="other/uv.lock", format="uv-lock", is_lock=True)
    found = only(dependency_without_lock.check(project(manifest(Requirement(name="a")), lock)))
    assert found.outcome is Outcome.FAIL


def test_exact_versions_without_a_lock_are_low() -> None:
    found = only(dependency_without_lock.check(project(manifest(pinned("a", "1.0")))))
    assert found.severity is Severity.LOW


@pytest.mark.parametrize(
    ("facts", "outcome"),
    [
        ({"indexes": ("https://packages.acme.example/simple",)}, Outcome.FAIL),
        ({"indexes": ("https://download.pytorch.org/whl/cu124",)}, Outcome.PASS),
        ({"indexes": ("https://download.pytorch.org.evil.example/whl",)}, Outcome.FAIL),
        (
            {"indexes": ("http://localhost:3141/simple",), "default_index": "http://localhost:3141/simple"},
            Outcome.PASS,
        ),
        ({"indexes": ("https://p.acme.example/",), "default_index": "https://p.acme.example/"}, Outcome.PASS),
        ({"indexes": ("https://p.acme.example/",), "format": "pyproject"}, Outcome.PASS),
        ({"indexes": ("http://p.acme.example/",), "format": "pyproject"}, Outcome.FAIL),
        ({"trusts": ("--trusted-host p.acme.example",)}, Outcome.FAIL),
    ],
)
def test_index_is_judged_by_what_it_can_do(facts: dict[str, object], outcome: Outcome) -> None:
    found = only(untrusted_package_index.check(project(manifest(pinned("a", "1"), **facts))))
    assert found.outcome is outcome


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        ("curl -LsSf https://get.example.org/i.sh | sh", Outcome.FAIL),
        ("wget -qO- https://get.example.org/i.sh | sudo bash -s -- -y", Outcome.FAIL),
        ("bash <(curl -s https://get.example.org/i.sh)", Outcome.FAIL),
        ('sh -c "$(curl -fsSL https://get.example.org/i.sh)"', Outcome.FAIL),
        ("curl -sSL https://get.example.org/i.py | python3 -", Outcome.FAIL),
        ("pip install git+https://github.com/acme/trainer", Outcome.FAIL),
        ("pip install git+https://github.com/acme/trainer@" + "a" * 40, Outcome.PASS),
        ("curl -fsS https://api.example.org/status | python3 -m json.tool", Outcome.PASS),
        ("curl -fsS https://api.example.org/keys | gpg --dearmor > /k.gpg", Outcome.PASS),
        ("curl -o a.tgz https://x.example/a.tgz && tar xf a.tgz && sh -c 'make'", Outcome.PASS),
        ("pip install -r requirements.txt", Outcome.PASS),
    ],
)
def test_command_is_judged_by_what_it_runs(command: str, outcome: Outcome) -> None:
    step = Instruction(name="RUN", value=command, line=2)
    file = FileFacts(
        path="Dockerfile",
        size=1,
        readings=(Reading(format="dockerfile", container=ContainerFile(instructions=(step,))),),
    )
    assert only(install_script_from_url.check(project(file))).outcome is outcome


def test_floor_of_a_range_is_low_and_an_old_image_is_medium() -> None:
    base = BaseImage(image="python", tag="3.9-slim", line=1, is_final=True)
    image = FileFacts(
        path="Dockerfile",
        size=1,
        readings=(Reading(format="dockerfile", container=ContainerFile(bases=(base,))),),
    )
    floor = manifest(pinned("a", "1"), path="pyproject.toml", format="pyproject", runtime=">=3.9")
    found = {f.locations[0].path: f.severity for f in runtime_past_end_of_life.check(project(image, floor))}
    assert found == {"Dockerfile": Severity.MEDIUM, "pyproject.toml": Severity.LOW}


@pytest.mark.parametrize("text", ["3.9", ">=three", "^3", "", ">=3.9; oops"])
def test_range_that_cannot_be_read_is_no_failure(text: str) -> None:
    floor = manifest(pinned("a", "1"), path="pyproject.toml", format="pyproject", runtime=text)
    assert only(runtime_past_end_of_life.check(project(floor))).outcome is not Outcome.FAIL


def secret(kind: str, *, role: str = "product", **facts: object) -> FileFacts:
    found = Secret(kind=kind, line=3, preview="ab… (40 characters)", digest="0123", **facts)  # type: ignore[arg-type]
    return FileFacts(
        path="a.py", size=1, role=FileRole(role), readings=(Reading(format="text", secrets=(found,)),)
    )


def test_private_key_is_critical_others_high_and_documentation_low() -> None:
    assert only(committed_secret.check(project(secret("private-key")))).severity is Severity.CRITICAL
    assert only(committed_secret.check(project(secret("openai-api-key")))).severity is Severity.HIGH
    assert (
        only(committed_secret.check(project(secret("private-key", role="documentation")))).severity
        is Severity.LOW
    )


def test_doubtful_value_does_not_alarm_and_dismissed_one_never_fails() -> None:
    doubtful = only(committed_secret.check(project(secret("generic-assignment", confidence=Confidence.LOW))))
    assert doubtful.severity is Severity.LOW
    dismissed = only(committed_secret.check(project(secret("openai-api-key", dismissed="placeholder"))))
    assert dismissed.outcome is Outcome.PASS


def test_file_that_was_not_searched_is_unknown_and_one_that_only_did_not_parse_is_not() -> None:
    gap = Gap(path="a.js", reason=GapReason.TOO_LARGE)
    unread = FileFacts(path="a.js", size=1, gaps=(gap,))
    assert only(committed_secret.check(project(unread))).outcome is Outcome.UNKNOWN
    searched = FileFacts(path="a.js", size=1, gaps=(gap,), readings=(Reading(format="text"),))
    assert only(committed_secret.check(project(searched))).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "value", "outcome"),
    [
        ("VECTOR_DB_TOKEN", "q8Rz4VtLw2NxKd7CyPb5HsMf", Outcome.FAIL),
        ("DB_PASSWORD", "Wq7vR2tLx9Kd", Outcome.FAIL),
        ("MAX_TOKENS", "40960000000", Outcome.PASS),
        ("API_KEY", "your-api-key", Outcome.PASS),
        ("API_KEY", "${VAULT_API_KEY}", Outcome.PASS),
        ("PUBLIC_KEY", "q8Rz4VtLw2NxKd7CyPb5HsMf", Outcome.PASS),
        ("LOG_LEVEL", "information", Outcome.PASS),
    ],
)
def test_variable_is_judged_by_name_and_value(name: str, value: str, outcome: Outcome) -> None:
    file = FileFacts(path=".env", size=1, readings=(Reading(format="env", environment=((name, value, 1),)),))
    assert only(environment_file_committed.check(project(file))).outcome is outcome


def test_address_that_cannot_change_passes_by_source() -> None:
    path = Requirement(name="own", source=RequirementSource.PATH, reference="./own", line=1)
    found = only(dependency_without_lock.check(project(manifest(path, pinned("a", "1.0")))))
    assert found.severity is Severity.LOW
