"""Credentials in text: found by shape, confirmed by what the shape promises, look-alikes kept with the reason."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts.content import Secret
from keelmark.core.outcome import Confidence
from keelmark.detectors import placeholders
from keelmark.detectors.assignments import Assigned, assigned
from keelmark.detectors.secret_checks import judge
from keelmark.detectors.secret_rules import rules
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.detectors.secret_rules import PrefixedRule

__all__ = ["Bounds", "find"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one text.

    Attributes:
        max_bytes: Longest text, in UTF-8.
        max_secrets: Most that are named of one text; real ones are kept before dismissed ones.
        reach: Longest credential.
        max_places: Most beginnings of credentials that are looked at.
    """

    max_bytes: int = 16 * 1024**2
    max_secrets: int = 500
    reach: int = 20_000
    max_places: int = 200_000


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
_SERVICE_ACCOUNT = b'"service_account"'


def find(text: str, *, path: str, bounds: Bounds | None = None) -> tuple[Secret, ...]:
    """The credentials in a text, in order of place; each value appears only as a digest and at most four characters.

    Args:
        text: The text.
        path: Where it stands; a test, a pattern to copy or a bundle changes what is held of a match.
        bounds: Bounds of the text.

    Raises:
        LimitExceededError: The text is too long, or made of beginnings.
    """
    bounds = bounds or Bounds()
    data = text.encode("utf-8", "replace")
    if len(data) > bounds.max_bytes:
        raise LimitExceededError(f"text of {len(data)} bytes is longer than {bounds.max_bytes}", path=path)
    hits = _without_overlap(
        [*_shaped(data, path=path, bounds=bounds), *assigned(data, path=path, max_places=bounds.max_places)]
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


def _shaped(data: bytes, *, path: str, bounds: Bounds) -> Iterator[Assigned]:
    """Credentials with a shape of their own."""
    table = rules()
    for count, hit in enumerate(table.trigger.finditer(data)):
        if count >= bounds.max_places:
            raise LimitExceededError(f"more than {bounds.max_places} places look like credentials", path=path)
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
