"""Test results for tools of supply chains: the in-toto predicate `https://in-toto.io/attestation/test-result/v0.1`.

A rule is a test. An open failure is a failed test although the gate let it through; what could not be settled, and what a
person waived, is a warning; what does not apply is no test that passed and is left out. The result of the run is its worst.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.dossier import Dossier

__all__ = ["PREDICATE_TYPE", "predicate", "subjects"]

PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"

_LISTS = {"pass": "passedTests", "fail": "failedTests", "unknown": "warnedTests", "waived": "warnedTests"}


def predicate(dossier: Dossier) -> dict[str, Any]:
    """The predicate, from the facts that are shown."""
    tests: dict[str, list[str]] = {"passedTests": [], "warnedTests": [], "failedTests": []}
    for rule, fact in dossier.of("tests").items():
        if fact["result"] in _LISTS:
            tests[_LISTS[fact["result"]]].append(rule)
    worst = "FAILED" if tests["failedTests"] else "WARNED" if tests["warnedTests"] else "PASSED"
    return {"result": worst, "configuration": list(_configuration(dossier)), **tests}


def subjects(dossier: Dossier) -> Iterator[tuple[str, str]]:
    """What was tested, as (name, SHA-256): the release, and each file that the reader may see."""
    yield f"{dossier.release}.dsse.json", dossier.release_digest
    for fact in dossier.of("subjects").values():
        for each in fact["files"]:
            yield each["name"], each["sha256"]


def _configuration(dossier: Dossier) -> Iterator[dict[str, Any]]:
    for name, fact in dossier.of("corpora").items():
        descriptor: dict[str, Any] = {"name": name}
        if fact.get("sha256"):
            descriptor["digest"] = {"sha256": fact["sha256"]}
        rest = {key: value for key, value in fact.items() if key != "sha256" and value not in (None, "")}
        yield descriptor | ({"annotations": rest} if rest else {})
    settings = {name: fact["value"] for name, fact in dossier.of("settings").items()}
    if settings:
        yield {"name": "settings", "annotations": settings}
