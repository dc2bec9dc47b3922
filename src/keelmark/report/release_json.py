"""Releases for programs: JSON in ASCII, all foreign text cleaned; and the JSON Schema of what is signed."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.core.outcome import Outcome
from keelmark.report.json_text import name_of, text_of, written
from keelmark.report.sanitise import name, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.release import LeftOut, Release, ReleaseVerification, Revocation
    from keelmark.core.signature import Difference

__all__ = [
    "EXIT_CODES",
    "differences_json",
    "listed_json",
    "made_json",
    "revoked_json",
    "rolled_back_json",
    "schema",
    "shown_json",
    "verified_json",
]

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3}
"""What `keelmark verify` ends with; 2 is left for what could not run."""

SCHEMA_VERSION = "1.0"
_MAX_JSON = 10_000


def schema() -> dict[str, Any]:
    """The published JSON Schema of the predicate of a release."""
    file = resources.files("keelmark.report").joinpath(f"schema/release-{SCHEMA_VERSION}.json")
    parsed: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return parsed


def made_json(release: Release, *, place: str, is_pending: bool, is_reused: bool) -> str:
    """What was signed just now."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "file": name_of(place),
            "pending": is_pending,
            "evidence_reused": is_reused,
            "release": _cleaned(msgspec.to_builtins(release)),
        }
    )


def shown_json(release: Release, *, state: str) -> str:
    """Everything of one release, signatures unchecked."""
    return written(
        {"schema": SCHEMA_VERSION, "state": state, "release": _cleaned(msgspec.to_builtins(release))}
    )


def listed_json(rows: Sequence[tuple[Release, str]]) -> str:
    """Which releases there are."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "releases": [
                {
                    "id": name(release.id),
                    "state": state,
                    "system": name(release.system),
                    "version": name(release.system_version),
                    "created": release.created.isoformat(),
                    "expires": release.expires.isoformat(),
                    "signers": [name(each.name) for each in release.signers],
                    "supersedes": name(release.supersedes) or None,
                    "reinstates": name(release.reinstates.id) if release.reinstates is not None else None,
                }
                for release, state in rows
            ],
        }
    )


def revoked_json(revocation: Revocation, *, place: str) -> str:
    """What was revoked just now."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "file": name_of(place),
            "revocation": _cleaned(msgspec.to_builtins(revocation)),
        }
    )


def rolled_back_json(
    *,
    leaves: Release,
    back: Release,
    made: Release | None,
    put: Sequence[str],
    aside: Sequence[str],
    places: Sequence[str],
) -> str:
    """What a roll-back did, or would do."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "done": made is not None,
            "from": name(leaves.id),
            "to": name(back.id),
            "put_back": [name_of(each) for each in put[:_MAX_JSON]],
            "moved_away": [name_of(each) for each in aside[:_MAX_JSON]],
            "places": [name_of(each) for each in places],
            "release": None if made is None else _cleaned(msgspec.to_builtins(made)),
        }
    )


def differences_json(differences: Sequence[Difference]) -> str:
    """Why nobody signed a second time."""
    return written({"schema": SCHEMA_VERSION, "signed": False, **_differences(differences)})


def verified_json(found: ReleaseVerification) -> str:
    """The answer of `verify`."""
    release = found.release
    return written(
        {
            "schema": SCHEMA_VERSION,
            "outcome": str(found.outcome),
            "exit_code": EXIT_CODES[found.outcome],
            "state": str(found.state),
            "reasons": [text_of(each) for each in found.reasons],
            **_differences(found.differences),
            "signers": [{"keyid": each.keyid, "algorithm": each.algorithm} for each in found.signers],
            "files": found.files,
            "bytes": found.size,
            "not_covered": [_left_out(each) for each in found.ignored],
            "notes": [sentence(each) for each in found.notes],
            "release": None if release is None else _cleaned(msgspec.to_builtins(release)),
        }
    )


def _differences(differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "differences": [
            {
                "change": str(each.change),
                "path": name_of(each.path),
                "detail": sentence(each.detail),
            }
            for each in differences[:_MAX_JSON]
        ],
        "differences_total": len(differences),
    }


def _left_out(each: LeftOut) -> dict[str, str]:
    return {"path": name_of(each.path), "reason": sentence(each.reason)}


def _cleaned(value: Any) -> Any:
    """The same tree with every text on one line, except keys in PEM form, which are compared as they are."""
    if isinstance(value, dict):
        return {key: each if key == "public_key" else _cleaned(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(each) for each in value]
    return text_of(value) if isinstance(value, str) else value
