"""Semantic versions and the ranges that npm writes over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import total_ordering

import re2

__all__ = ["Version", "parse", "satisfies"]

_VERSION = re2.compile(
    r"^[v=\s]*([0-9]{1,15})\.([0-9]{1,15})\.([0-9]{1,15})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$"
)
_PARTIAL = re2.compile(
    r"^(>=|<=|>|<|=|\^|~>?)?\s*[v=]*([0-9]{1,15}|[xX*])(?:\.([0-9]{1,15}|[xX*]))?(?:\.([0-9]{1,15}|[xX*]))?"
    r"(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$"
)
_GLUE = re2.compile(r"(>=|<=|>|<|=|\^|~>?)\s+")
_MAX_RANGE_CHARS = 1000

Triple = tuple[int, int, int]


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A semantic version; build metadata plays no part in its order."""

    numbers: Triple
    pre: tuple[str, ...] = ()

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    @property
    def _key(self) -> tuple[Triple, bool, tuple[tuple[bool, int, str], ...]]:
        # Numeric identifiers come before words; a release comes after its pre-releases.
        parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in self.pre)
        return self.numbers, not self.pre, parts


def parse(text: str) -> Version | None:
    """The version, or None when the text is none."""
    match = _VERSION.match(text.strip())
    if match is None:
        return None
    pre = tuple(match.group(4).split(".")) if match.group(4) else ()
    if any(part.isdigit() and len(part) > 15 for part in pre):
        return None
    return Version((int(match.group(1)), int(match.group(2)), int(match.group(3))), pre)


@dataclass(frozen=True, slots=True)
class _Bound:
    """One comparison; `low` and `high` make the half-open range, None where it is open."""

    low: Version | None = None
    high: Version | None = None
    is_low_out: bool = False
    is_high_in: bool = False
    anchor: Version | None = None

    def holds(self, version: Version) -> bool:
        if self.low is not None and (version < self.low or (self.is_low_out and version == self.low)):
            return False
        if self.high is None:
            return True
        return version < self.high or (self.is_high_in and version == self.high)


def satisfies(version: str, specifier: str) -> bool | None:
    """Whether a version lies in an npm range; None when either cannot be read (tags, aliases, odd forms)."""
    parsed = parse(version)
    if parsed is None or len(specifier) > _MAX_RANGE_CHARS:
        return None
    answers = [_in_alternative(parsed, part.strip()) for part in specifier.split("||")]
    if any(answers):
        return True
    return None if None in answers else False


def _in_alternative(version: Version, text: str) -> bool | None:
    if " - " in text:
        low, _, high = text.partition(" - ")
        texts = [f">={low.strip()}", f"<={high.strip()}"]
    else:
        texts = str(_GLUE.sub(r"\1", text)).split() or ["*"]
    bounds = [_bound(item) for item in texts]
    known = [bound for bound in bounds if bound is not None]
    if len(known) != len(bounds):
        return None
    if not all(bound.holds(version) for bound in known):
        return False
    if not version.pre:
        return True
    # A pre-release counts only when the range names a pre-release of the same three numbers.
    return any(
        bound.anchor is not None and bound.anchor.pre and bound.anchor.numbers == version.numbers
        for bound in known
    )


def _bound(text: str) -> _Bound | None:
    match = _PARTIAL.match(text)
    if match is None:
        return None
    operator = match.group(1) or "="
    given = [int(part) for part in _leading(match.group(2), match.group(3), match.group(4))]
    pre = tuple(match.group(5).split(".")) if match.group(5) and len(given) == 3 else ()
    if any(part.isdigit() and len(part) > 15 for part in pre):
        return None
    major, minor, patch = [*given, 0, 0, 0][:3]
    base = Version((major, minor, patch), pre)
    if not given:
        return _Bound(high=Version((0, 0, 0))) if operator in {"<", ">"} else _Bound()
    return _ranged(operator, base, given)


def _leading(*parts: str | None) -> list[str]:
    found = []
    for part in parts:
        if part is None or not part.isdigit():
            break
        found.append(part)
    return found


def _ranged(operator: str, base: Version, given: list[int]) -> _Bound:
    after = _next(given)
    if operator == ">":
        return _Bound(low=base, is_low_out=True, anchor=base) if len(given) == 3 else _Bound(low=after)
    if operator == ">=":
        return _Bound(low=base, anchor=base)
    if operator == "<":
        # `<2` must leave out 2.0.0-rc.1 as well, which the rule on pre-releases does.
        return _Bound(high=base, anchor=base)
    if operator == "<=":
        return _Bound(high=base, is_high_in=True, anchor=base) if len(given) == 3 else _Bound(high=after)
    if operator == "^":
        return _Bound(low=base, high=_caret(base, given), anchor=base)
    if operator.startswith("~"):
        return _Bound(low=base, high=_next(given[:2]), anchor=base)
    if len(given) == 3:
        return _Bound(low=base, high=base, is_high_in=True, anchor=base)
    return _Bound(low=base, high=after)


def _next(given: list[int]) -> Version:
    """The first version above all that begin with `given`."""
    raised = [*given[:-1], given[-1] + 1]
    major, minor, patch = [*raised, 0, 0, 0][:3]
    return Version((major, minor, patch))


def _caret(base: Version, given: list[int]) -> Version:
    major, minor, patch = base.numbers
    if major or len(given) == 1:
        return Version((major + 1, 0, 0))
    if minor or len(given) == 2:
        return Version((0, minor + 1, 0))
    return Version((0, 0, patch + 1))
