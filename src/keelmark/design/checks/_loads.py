"""What the rules about loaders share: where the loaded bytes come from, and whether they were checked before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Sink
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import calls_in_scope

if TYPE_CHECKING:
    from keelmark.core.facts import Call
    from keelmark.core.project import Project, Seen

__all__ = ["names_local_file", "verified_by", "what_is_loaded"]

_FILE_NAME = re2.compile(
    r"[\w.-]+\.(?:bin|ckpt|dat|db|dill|h5|hdf5|jbl|joblib|keras|model|npy|npz|p|pickle|pkl|pt|pth|sav)\b"
)
_VERIFIER_NAME = re2.compile(
    r"(?i)(^|[._])(verify|check|assert|validate|compare)\w*?(digest|hash|sha256|checksum|signature)|verify_signature|compare_digest"
)
_FETCHERS = (
    "aiohttp.",
    "boto3.",
    "fsspec.",
    "gcsfs.",
    "google.cloud.",
    "httpx.",
    "huggingface_hub.",
    "redis.",
    "requests.",
    "s3fs.",
    "urllib.",
)
_FROM_MEMORY = ("loads", "decode", "Unpickler")
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


def what_is_loaded(project: Project, seen: Seen[Call]) -> tuple[str, Severity]:
    """What a call loads in words, and how much that weighs.

    High when the bytes may come from anywhere: from a request, from the network, or handed over in memory. Medium when
    they are a file on the machine's own disk: somebody must have put it there first.
    """
    if any(
        flow.file.path == seen.file.path and flow.fact.line == seen.fact.line and not flow.fact.cleaned_by
        for flow in project.flows_to(Sink.DESERIALISE)
    ):
        return "what came from outside", Severity.HIGH
    local = names_local_file(project, seen)
    if local:
        return f"`{local}`", Severity.MEDIUM
    stage = _stage_of(project, seen)
    if stage:
        return f"files of the pipeline stage `{stage}`, whose digests the lock records", Severity.MEDIUM
    carried = _carried(project, seen)
    if carried:
        return f"a file that is not checked, such as `{carried}`", Severity.MEDIUM
    if not _fetches(seen) and not seen.fact.name.endswith(_FROM_MEMORY):
        return "a file that is not checked", Severity.MEDIUM
    return "bytes whose origin is not checked", Severity.HIGH


def _fetches(seen: Seen[Call]) -> bool:
    return any(call.name.startswith(_FETCHERS) for call in calls_in_scope(seen))


def _stage_of(project: Project, seen: Seen[Call]) -> str:
    pipelines = [reading.pipeline for _, reading in project.readings if reading.pipeline is not None]
    if not any(pipeline.is_lock and pipeline.digests for pipeline in pipelines):
        return ""
    stages = [stage for pipeline in pipelines for stage in pipeline.stages]
    return next((stage.name for stage in stages if seen.file.path in stage.command.split()), "")


def _carried(project: Project, seen: Seen[Call]) -> str:
    """A pickled model that the product carries, for a call that loads a model and fetches nothing."""
    if _fetches(seen) or seen.fact.name.endswith(_FROM_MEMORY):
        return ""
    return next(
        (
            file.path
            for file, reading in project.readings
            for model in reading.models
            if file.role.value == "product" and model.format in {"joblib", "pickle"}
        ),
        "",
    )


def verified_by(seen: Seen[Call]) -> str:
    """What checks digest or signature before the load, in the same function; "" when nothing does.

    A digest that is only computed proves nothing (it may be the key of a cache): a comparison must be seen.
    """
    for call in calls_in_scope(seen):
        if call.line <= seen.fact.line and _VERIFIER_NAME.search(call.name):
            return call.name
    return next((guard for guard in seen.fact.guards if _GUARD.search(guard)), "")
