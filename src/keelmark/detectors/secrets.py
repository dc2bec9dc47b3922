"""Credentials in text: found by shape, confirmed by what the shape promises, look-alikes kept with the reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts.content import Secret
from keelmark.core.outcome import Confidence
from keelmark.detectors import placeholders
from keelmark.detectors.assignments import Assigned, Places, assigned, spoken
from keelmark.detectors.secret_checks import judge
from keelmark.detectors.secret_rules import rules
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.detectors.secret_rules import PrefixedRule

__all__ = ["Bounds", "Places", "find", "locate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one text.

    Attributes:
        max_bytes: Longest text, in UTF-8.
        max_secrets: Most that are named of one text; real ones are kept before dismissed ones.
        reach: Longest credential.
        max_places: Most beginnings and names of credentials that are looked at; each takes some twentieth of a millisecond.
    """

    max_bytes: int = 16 * 1024**2
    max_secrets: int = 500
    reach: int = 20_000
    max_places: int = 60_000


# Left and right of a credential stands something else; inside encoded data, more of the same stands there.
_ENCODED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")
_MAX_BEFORE = 20
_MAX_AFTER = 3
_DRAWING = re2.compile(r"(?i)\.(svg|css|scss|less|eot|woff2?|ttf|drawio)$")
_BUNDLE = re2.compile(r"(?i)(\.min\.(js|mjs|css)|\.bundle\.js|\.js\.map|\.css\.map|[.-]chunk\.js)$")
_SCRIPT = re2.compile(r"(?i)\.(js|mjs|cjs|html?)$")
_BUNDLED = "inside a generated bundle"
_LONG_LINE = 3_000
_LONGEST_COLUMN = 10_000
_NUMBER_BEFORE = {"terraform-cloud-token": 14}
_SERVICE_ACCOUNT = b'"service_account"'


def find(
    text: str, *, path: str, bounds: Bounds | None = None, places: Places | None = None
) -> tuple[Secret, ...]:
    """The credentials in a text, in order of place; each value appears only as a digest and at most four characters.

    Args:
        text: The text.
        path: Where it stands; a test, a pattern to copy or a bundle changes what is held of a match.
        bounds: Bounds of the text.
        places: What is left of `bounds.max_places`, when the text is a part of a longer one.

    Raises:
        LimitExceededError: The text is too long, or made of beginnings.
    """
    bounds = bounds or Bounds()
    data = text.encode("utf-8", "replace")
    if len(data) > bounds.max_bytes:
        raise LimitExceededError(f"text of {len(data)} bytes is longer than {bounds.max_bytes}", path=path)
    places = places or Places(bounds.max_places)
    hits = _without_overlap(
        [*_shaped(data, path=path, bounds=bounds, places=places), *assigned(data, path=path, places=places)]
    )
    elsewhere = _where(path)
    may_be_bundle = bool(_SCRIPT.search(path))
    kept = [
        _with_reason(hit, elsewhere or (_BUNDLED if may_be_bundle and _on_long_line(data, hit.start) else ""))
        for hit in hits
    ]
    if len(kept) > bounds.max_secrets:
        kept = sorted(kept, key=lambda hit: bool(hit.dismissed))[: bounds.max_secrets]
    return tuple(_located(data, sorted(kept, key=lambda hit: hit.start)))


def locate(
    data: bytes, *, start: int = 0, bounds: Bounds | None = None, places: Places | None = None
) -> tuple[Assigned, ...]:
    """The credentials in a written text, with their places in bytes, so that they can be taken out; dismissed ones left out.

    Args:
        data: The text, in UTF-8.
        start: Credentials that begin before this place are passed over; what stands before it still tells what follows.
        bounds: Bounds of the text.
        places: What is left of `bounds.max_places`, when the text is a part of a longer one.

    Raises:
        LimitExceededError: The text is too long, or made of beginnings.
    """
    bounds = bounds or Bounds()
    if len(data) > bounds.max_bytes:
        raise LimitExceededError(f"text of {len(data)} bytes is longer than {bounds.max_bytes}")
    places = places or Places(bounds.max_places)
    shaped = map(_without_number, _shaped(data, path="", bounds=bounds, places=places))
    hits = [hit for hit in shaped if hit.start >= start]
    hits += spoken(data, places=places, start=start)
    samples = rules().samples
    return tuple(
        hit for hit in _without_overlap(hits) if not hit.dismissed and _digest(hit.value) not in samples
    )


def _without_number(hit: Assigned) -> Assigned:
    """The credential without the public number of the account in front of it, which may stand in a text long before."""
    skipped = _NUMBER_BEFORE.get(hit.kind, 0)
    return replace(hit, start=hit.start + skipped) if skipped else hit


def _where(path: str) -> str:
    """Why nothing in this file counts, "" when it does."""
    if placeholders.is_test_path(path):
        return "value in a test"
    if placeholders.is_sample_path(path):
        return "value in a file that is a pattern to copy"
    if _DRAWING.search(path):
        return "inside drawing data"
    return _BUNDLED if _BUNDLE.search(path) else ""


def _on_long_line(data: bytes, place: int) -> bool:
    """Whether the line goes back further than a person writes: a packer joined it."""
    return place > _LONG_LINE and data.rfind(b"\n", place - _LONG_LINE, place) < 0


def _with_reason(hit: Assigned, elsewhere: str) -> Assigned:
    if _digest(hit.value) in rules().samples:
        elsewhere = "documentation sample"
    if hit.dismissed or not elsewhere:
        return hit
    return Assigned(
        kind=hit.kind,
        start=hit.start,
        end=hit.end,
        value=hit.value,
        confidence=hit.confidence,
        dismissed=elsewhere,
    )


def _shaped(data: bytes, *, path: str, bounds: Bounds, places: Places) -> Iterator[Assigned]:
    """Credentials with a shape of their own."""
    table = rules()
    for hit in table.trigger.finditer(data):
        places.take(path)
        for rule in table.prefixed.get(data[hit.start() : hit.start() + 2], ()):
            found = _confirmed(data, hit.start(), rule, bounds)
            if found is not None:
                yield found
                break


def _confirmed(data: bytes, start: int, rule: PrefixedRule, bounds: Bounds) -> Assigned | None:
    stop = min(len(data), start + bounds.reach)
    if rule.behind:
        match = rule.pattern.search(data, max(0, start - rule.behind), stop)
        if match is None or match.start() > start or match.end() <= start:
            return None
    else:
        # Cheaper than the pattern, and tells most: in the middle of encoded data no credential begins.
        if not rule.is_address and _run(data, start - 1, -1, _MAX_BEFORE + 1) > _MAX_BEFORE:
            return None
        match = rule.pattern.match(data, start, stop)
        if match is None:
            return None
    if not rule.is_address and _inside_encoded(data, match.start(), match.end()):
        return None
    groups = {
        name.decode(): (match.group(name) or b"").decode("utf-8", "replace")
        for name in rule.pattern.groupindex
    }
    value = groups.get("secret") or match.group().decode("utf-8", "replace")
    judged = judge(value, check=rule.check, entropy=rule.entropy, groups=groups)
    if not judged.is_credential:
        return None
    kind = rule.kind
    if kind == "private-key" and _SERVICE_ACCOUNT in data[max(0, start - 2000) : start]:
        kind = "gcp-service-account-key"
    where = match.span(match.re.groupindex[b"secret"]) if "secret" in groups else match.span()
    return Assigned(
        kind=kind,
        start=where[0],
        end=where[1],
        value=value,
        confidence=judged.confidence or rule.confidence,
        dismissed=judged.dismissed,
    )


def _inside_encoded(data: bytes, start: int, end: int) -> bool:
    """Whether the match is a stretch of longer encoded data: an image, a font, a certificate, a digest."""
    if data[end : end + 1].isalnum():
        return True
    return (
        _run(data, start - 1, -1, _MAX_BEFORE + 1) > _MAX_BEFORE
        or _run(data, end, 1, _MAX_AFTER + 1) > _MAX_AFTER
    )


def _run(data: bytes, place: int, step: int, limit: int) -> int:
    length = 0
    while length < limit and 0 <= place < len(data) and data[place] in _ENCODED:
        length += 1
        place += step
    return length


def _without_overlap(hits: list[Assigned]) -> list[Assigned]:
    """Of hits that share characters, the one with a shape of its own, else the first."""
    kept: list[Assigned] = []
    end = -1
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if hit.start < end:
            if kept[-1].kind.startswith("generic-") and not hit.kind.startswith("generic-"):
                kept[-1] = hit
                end = max(end, hit.end)
            continue
        kept.append(hit)
        end = hit.end
    return kept


def _located(data: bytes, hits: Iterable[Assigned]) -> Iterator[Secret]:
    line, counted = 1, 0
    for hit in hits:
        line += data.count(b"\n", counted, hit.start)
        counted = hit.start
        begin = data.rfind(b"\n", max(0, hit.start - _LONGEST_COLUMN), hit.start) + 1
        # A line may be as long as the file; the column is only for people.
        column = (
            len(data[begin : hit.start].decode("utf-8", "replace")) + 1
            if begin or hit.start < _LONGEST_COLUMN
            else 0
        )
        yield Secret(
            kind=hit.kind,
            line=line,
            column=column,
            preview=_preview(hit.value),
            digest=_digest(hit.value),
            confidence=Confidence.LOW if hit.dismissed else hit.confidence,
            dismissed=hit.dismissed,
        )


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:16]


def _preview(value: str) -> str:
    """At most four characters and the length; nothing of a short value."""
    shown = value[:4] if len(value) >= 16 and value[:4].isprintable() else ""
    return f"{shown}… ({len(value)} characters)"
