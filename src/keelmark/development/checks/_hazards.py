"""What the rules about model files make of hazards: which run code, which need what nobody vetted, which mislead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.development.supplychain.judgement import findings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import FileFacts
    from keelmark.core.project import Project
    from keelmark.core.scan import ScanFinding

__all__ = ["MISLEADING", "RUNS_CODE", "UNVETTED", "files_with", "told"]

RUNS_CODE = frozenset({
    Technique.DANGEROUS_CALLABLE, Technique.DANGEROUS_ARGUMENT, Technique.COMPUTED_CALLABLE, Technique.CLASS_CHANGED,
    Technique.SERIALISED_CODE, Technique.DANGEROUS_CLASS, Technique.DANGEROUS_SOURCE, Technique.REMOTE_CODE,
    Technique.PYTHON_OPERATOR, Technique.FILE_OPERATOR, Technique.NATIVE_LIBRARY, Technique.TEMPLATE_REACHES_OBJECTS,
    Technique.EMBEDDED_EXECUTABLE, Technique.ACTIVE_CONTENT,
})  # fmt: skip
"""Loading, running or showing the file runs code of its maker."""

UNVETTED = frozenset({Technique.UNKNOWN_CALLABLE, Technique.UNKNOWN_CLASS, Technique.CUSTOM_OPERATOR})
"""The file needs code that is on no list."""

MISLEADING = frozenset({
    Technique.OUTSIDE_PATH, Technique.OUTSIDE_LINK, Technique.EXTERNAL_ENTITY, Technique.OUTSIDE_ADDRESS,
    Technique.DUPLICATE_MEMBER, Technique.READERS_DISAGREE, Technique.HIDDEN_DATA, Technique.POLYGLOT,
    Technique.DISGUISED_FORMAT, Technique.CONTRADICTORY_HEADER, Technique.BOMB, Technique.TEMPLATE_OUTSIDE_SET,
})  # fmt: skip
"""The file makes its readers see different things, leave its folder, or fail."""


def files_with(
    project: Project, techniques: frozenset[Technique]
) -> Iterator[tuple[FileFacts, tuple[ScanFinding, ...]]]:
    """Files with findings of those techniques that make a file unsafe."""
    for file in project.files:
        if not any(reading.hazards for reading in file.readings):
            continue
        found = tuple(
            finding
            for finding in findings_of(file)
            if finding.is_open and finding.hazard.technique in techniques
        )
        if found:
            yield file, found


def told(finding: ScanFinding) -> str:
    """A finding in a few words: what it does, or the exact name it is about, with its place inside of the file."""
    hazard = finding.hazard
    what = hazard.code or hazard.subject or hazard.detail
    return f"{what[:160]} in {hazard.member[:120]}" if hazard.member else what[:160]
