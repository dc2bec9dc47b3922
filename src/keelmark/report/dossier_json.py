"""Dossiers for programs: JSON in ASCII, all foreign text cleaned; and the JSON Schema of it and of the facts in the archive."""

from __future__ import annotations

import json
from collections import Counter
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.core.outcome import Outcome
from keelmark.report.json_text import written
from keelmark.report.sanitise import name, sentence

if TYPE_CHECKING:
    from keelmark.core.dossier import Dossier, DossierStatement, DossierVerification

__all__ = ["EXIT_CODES", "exported_json", "schema", "verified_json"]

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3}
"""What `keelmark verify` ends with; 2 is left for what could not run."""

SCHEMA_VERSION = "1.0"
_MAX_PATH = 4_096
_MAX_TEXT = 4_000


def schema() -> dict[str, Any]:
    """The published JSON Schema: of `leaves.json`, of what `export` prints and of what `verify` prints."""
    file = resources.files("keelmark.report").joinpath(f"schema/dossier-{SCHEMA_VERSION}.json")
    parsed: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return parsed


def exported_json(dossier: Dossier, stated: DossierStatement, *, place: str, size: int) -> str:
    """What was written just now."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "kind": "dossier-exported",
            "file": name(place, limit=_MAX_PATH),
            "bytes": size,
            "shown": len(dossier.facts),
            "hidden": _hidden(Counter(str(each.needs) for each in dossier.hidden)),
            "statement": _statement(stated),
        }
    )


def verified_json(found: DossierVerification) -> str:
    """The answer of `verify`."""
    hidden = {str(level): number for level, number in (found.hidden or {}).items()}
    return written(
        {
            "schema": SCHEMA_VERSION,
            "kind": "dossier-verified",
            "outcome": str(found.outcome),
            "exit_code": EXIT_CODES[found.outcome],
            "state": str(found.state),
            "reasons": [sentence(each, limit=_MAX_TEXT) for each in found.reasons],
            "signers": [{"keyid": each.keyid, "algorithm": each.algorithm} for each in found.signers],
            "system": name(found.system),
            "shown": found.shown,
            "hidden": _hidden(hidden),
            "against": None if found.against is None else str(found.against),
            "notes": [sentence(each, limit=_MAX_TEXT) for each in found.notes],
            "statement": None if found.statement is None else _statement(found.statement),
        }
    )


def _hidden(counted: dict[str, int]) -> dict[str, int]:
    return {level: counted[level] for level in sorted(counted)}


def _statement(stated: DossierStatement) -> dict[str, Any]:
    tree: dict[str, Any] = msgspec.to_builtins(stated)
    return {**tree, "release": name(stated.release), "keelmark": name(stated.keelmark)}
