"""What the rules about loaders share: where the loaded bytes come from, and whether they were checked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import calls_in_scope

if TYPE_CHECKING:
    from keelmark.core.facts import Call
    from keelmark.core.project import Project, Seen

__all__ = ["names_local_file", "severity_of_load", "verified_by"]

_FILE_NAME = re2.compile(
    r"[\w.-]+\.(?:bin|ckpt|dat|db|dill|h5|hdf5|jbl|joblib|keras|model|npy|npz|p|pickle|pkl|pt|pth|sav)\b"
)
_VERIFIER_NAME = re2.compile(
    r"(?i)(^|[._])(verify|check|assert|validate|compare)\w*?(digest|hash|sha256|checksum|signature)|verify_signature|compare_digest"
)
_GUARD = re2.compile(r"(?i)(digest|sha-?256|sha-?512|checksum|signature)")


def _texts(seen: Seen[Call]) -> str:
    call = seen.fact
    opened = [
        argument.text
        for other in calls_in_scope(seen)
        if other.name in {"builtins.open", "io.open", "pathlib.Path", "pathlib.Path.open", "*.open"}
        and other.line <= call.line
        for argument in other.arguments
    ]
    own = [f"{argument.text} {argument.literal or ''}" for argument in call.arguments]
    return "\n".join((*own, *call.guards, *opened))


def names_local_file(project: Project, seen: Seen[Call]) -> str:
    """Path of the file of the assessed folder that a call loads, "" when it names none."""
    names = set(_FILE_NAME.findall(_texts(seen)))
    return next((path for path in sorted(project.by_path) if path.rpartition("/")[2] in names), "")


def severity_of_load(project: Project, seen: Seen[Call]) -> Severity:
    """High when the bytes may come from anywhere, medium when they lie in the folder and can be looked at."""
    return Severity.MEDIUM if names_local_file(project, seen) else Severity.HIGH


def verified_by(seen: Seen[Call]) -> str:
    """What checks digest or signature before the load, in the same function; "" when nothing does.

    A digest that is only computed proves nothing (it may be the key of a cache): a comparison must be seen.
    """
    for call in calls_in_scope(seen):
        if call.line <= seen.fact.line and _VERIFIER_NAME.search(call.name):
            return call.name
    return next((guard for guard in seen.fact.guards if _GUARD.search(guard)), "")
