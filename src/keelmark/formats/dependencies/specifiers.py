"""Version ranges of Python manifests: PEP 440 as it stands, and Poetry's caret, tilde and wildcards over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["python_satisfies"]

_ALTERNATIVE = re2.compile(r"\|\|?")
_BLANK_AND = re2.compile(r"([0-9*])\s+([<>=!~^])")
_MAX_CHARS = 1000


def python_satisfies(version: str, specifier: str) -> bool | None:
    """Whether a version lies in a range of PEP 440 or Poetry; None when either cannot be read.

    A pre-release in the range counts as inside: whether a resolver may choose one is another question.
    """
    try:
        parsed = Version(version)
    except InvalidVersion:
        return None
    if len(specifier) > _MAX_CHARS:
        return None
    answers = [_in_alternative(parsed, part.strip()) for part in _ALTERNATIVE.split(specifier)]
    if any(answers):
        return True
    return None if None in answers else False


def _in_alternative(version: Version, text: str) -> bool | None:
    # Poetry lets a blank stand for a comma: `>=1.0 <2.0`.
    text = str(_BLANK_AND.sub(r"\1,\2", text))
    answers = [_in_clause(version, part.strip()) for part in text.split(",") if part.strip()]
    if False in answers:
        return False
    return None if None in answers else True


def _in_clause(version: Version, clause: str) -> bool | None:
    if clause == "*":
        return True
    translated = _translated(clause)
    if translated is None:
        return None
    try:
        return SpecifierSet(translated).contains(version, prereleases=True)
    except (InvalidSpecifier, ValueError):
        return None


def _translated(clause: str) -> str | None:
    """The clause as PEP 440 writes it; None when it is of neither form."""
    if clause.startswith("^"):
        return _between(clause[1:].strip(), upper=_caret)
    if clause.startswith("~") and not clause.startswith("~="):
        return _between(clause[1:].strip(), upper=_tilde)
    if clause[:1].isdigit() or clause[:1] == "v":
        return f"=={clause}"
    if clause.startswith("=") and not clause.startswith("=="):
        return f"={clause}"
    return clause


def _between(text: str, *, upper: Callable[[tuple[int, ...]], tuple[int, ...]]) -> str | None:
    try:
        low = Version(text)
    except InvalidVersion:
        return None
    # `.dev0` keeps the pre-releases of the upper end outside, as Poetry does.
    return f">={low},<{'.'.join(map(str, upper(low.release)))}.dev0"


def _caret(release: tuple[int, ...]) -> tuple[int, ...]:
    for index, part in enumerate(release):
        if part:
            return (*release[:index], part + 1)
    return (*release[:-1], release[-1] + 1)


def _tilde(release: tuple[int, ...]) -> tuple[int, ...]:
    return (release[0] + 1,) if len(release) == 1 else (release[0], release[1] + 1)
