"""What stands beside a model and is no artefact by itself: credentials in texts, requirements from strangers, links out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Hazard, Reading, Technique
from keelmark.engine.credentials import secrets_of
from keelmark.errors import KeelmarkError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.engine.surroundings import Surroundings
    from keelmark.formats.source import Source

__all__ = ["attacks_in", "beside", "link_out", "requirements_of"]

# Longer texts are data.
_MAX_TEXT = 4 * 1024**2
_MAX_PROGRAM = 512 * 1024
_LISTS = frozenset({".txt", ".in", ".pip", ".yaml", ".yml"})


def beside(source: Source, readings: Sequence[Reading], around: Surroundings) -> tuple[Reading, ...]:
    """One reading of what a file is good for in its repository, or none.

    Args:
        source: The file.
        readings: What readers made of it as a whole; whatever they read is searched for credentials already.
        around: Where it lies.
    """
    hazards: list[Hazard] = []
    if around.link:
        hazards.append(link_out(around.link))
    if around.in_repository and source.is_text and source.size <= _MAX_TEXT:
        if not readings:
            hazards.extend(secrets_of(source))
            hazards.extend(attacks_in(source))
        hazards.extend(requirements_of(source))
    return (Reading(format="repository", hazards=tuple(hazards)),) if hazards else ()


def attacks_in(source: Source) -> Iterator[Hazard]:
    """What programs and scripts beside a model do that nobody honest writes; that they run programs says nothing."""
    if source.suffix not in {".py", ".sh"} or source.size > _MAX_PROGRAM:
        return
    # Hardly a scan meets one; what judges them takes time to be made ready.
    from keelmark.formats.attack_python import PythonAttacks  # noqa: PLC0415 - see above
    from keelmark.formats.attack_shell import attack_in_shell  # noqa: PLC0415 - see above
    from keelmark.formats.python.text import parse  # noqa: PLC0415 - see above

    text = bytes(source.data).decode("utf-8", "replace")
    if source.suffix == ".sh":
        if reason := attack_in_shell(text):
            yield Hazard(technique=Technique.DANGEROUS_SOURCE, detail=f"the script {reason}", subject=reason)
        return
    attacks = PythonAttacks()
    if not attacks.may_attack(text):
        return
    try:
        attacks.follow(parse(text))
    except (KeelmarkError, RecursionError):
        # It runs in no Python that could be told from here, or is too long to be followed: source is no artefact.
        return
    for attack in attacks.found:
        yield Hazard(
            technique=Technique.DANGEROUS_SOURCE,
            detail=f"the program {attack.what} in line {attack.line}",
            subject=attack.subject,
            code=attack.code,
        )


def link_out(target: str) -> Hazard:
    """The hazard of a link that leaves the folder for what no model may name."""
    detail = f"is a link out of the folder to `{target[:200]}`: whoever loads, copies or uploads the model takes that file"
    return Hazard(technique=Technique.OUTSIDE_LINK, detail=detail, subject=target[:200])


def requirements_of(source: Source) -> Iterator[Hazard]:
    """Packages that a list of requirements takes from an index or address that is known for none."""
    if source.suffix not in _LISTS or not source.is_text or source.size > _MAX_TEXT:
        return
    from keelmark.formats.requirement_sources import is_requirements, strange_sources  # noqa: PLC0415 - few files are

    if not is_requirements(source.name):
        return
    for what, address in strange_sources(bytes(source.data).decode("utf-8", "replace")):
        yield Hazard(
            technique=Technique.OUTSIDE_ADDRESS,
            detail=f"{what} `{address[:200]}`, from which packages are installed with the model",
            subject=address[:200],
        )
