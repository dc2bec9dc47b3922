"""Advisory files that a user brings: OSV JSON (object, list, lines, zip archive) and the compact line form.

The compact form has one JSON object per line and package: `id`, `aliases`, `pkg`, `events` (a list of ranges, each a
list of events), `versions`, `pub`, `mod`, `sum`, `sev`; its ecosystem is PyPI. Plain or gzip. What cannot be read is
a gap; withdrawn advisories are left out.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import msgspec

from keelmark.core import cvss
from keelmark.core.advisory import Advisory, AdvisorySnapshot, Event
from keelmark.core.facts import Gap, GapReason
from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["Bounds", "read_advisories"]

_PIECE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one advisory file; the archive of all PyPI advisories has some 20,000 members, npm ten times that.

    Attributes:
        max_bytes: Largest file.
        max_unpacked_bytes: Most bytes that come out of a compressed file.
        max_entries: Most rows or archive members.
        max_entry_bytes: Largest single row or member.
        max_gaps: Malformed rows named one by one; the rest is counted.
    """

    max_bytes: int = 1024**3
    max_unpacked_bytes: int = 2 * 1024**3
    max_entries: int = 1_000_000
    max_entry_bytes: int = 16 * 1024**2
    max_gaps: int = 20


@dataclass(slots=True)
class _Gaps:
    """Gaps met on the way, those beyond the bound only counted."""

    path: str
    most: int
    found: list[Gap] = field(default_factory=list)
    more: int = 0

    def add(self, reason: GapReason, detail: str, *, line: int = 0) -> None:
        if len(self.found) >= self.most:
            self.more += 1
            return
        self.found.append(Gap(path=self.path, reason=reason, detail=detail[:200], line=line))

    def all(self) -> tuple[Gap, ...]:
        if not self.more:
            return tuple(self.found)
        detail = f"{self.more} more entries could not be read"
        return (*self.found, Gap(path=self.path, reason=GapReason.MALFORMED, detail=detail))


def read_advisories(
    source: Source, *, bounds: Bounds | None = None
) -> tuple[AdvisorySnapshot, tuple[Gap, ...]]:
    """Read an advisory file into a snapshot, with a gap for each entry that could not be read.

    Raises:
        ParseError: No advisory file at all: no entry could be read.
        LimitExceededError: A bound was reached, so the snapshot would be incomplete without saying where.
    """
    limits = bounds or Bounds()
    if source.size > limits.max_bytes:
        raise LimitExceededError(f"advisory file is larger than {limits.max_bytes} bytes", path=source.path)
    gaps = _Gaps(source.path, limits.max_gaps)
    rows = 0
    advisories: list[Advisory] = []
    for line, raw in _entries(source, limits, gaps):
        rows += 1
        if rows > limits.max_entries:
            raise LimitExceededError(f"more than {limits.max_entries} advisories", path=source.path)
        found = _advisories(raw)
        if found is None:
            gaps.add(GapReason.MALFORMED, "entry is no advisory", line=line)
            continue
        advisories += found
    if not advisories and gaps.found:
        raise ParseError("no advisory file: no entry could be read", path=source.path)
    digest = source.digest
    return AdvisorySnapshot.of(advisories, source=source.name, digest=digest), gaps.all()


def _entries(source: Source, limits: Bounds, gaps: _Gaps) -> Iterator[tuple[int, object]]:
    head = source.head
    if head.startswith(b"PK\x03\x04"):
        yield from _zip_entries(source, limits, gaps)
        return
    data = _unpacked(source, limits) if head.startswith(b"\x1f\x8b") else bytes(source.data)
    data = data.removeprefix(b"\xef\xbb\xbf").strip()
    first, _, rest = data.partition(b"\n")
    # A document that is whole on its first line is one of many lines.
    if data[:1] == b"{" and rest and _decoded(first) is not None:
        yield from _lines(data, limits, gaps)
        return
    document = _decoded(data)
    if isinstance(document, list):
        yield from ((0, entry) for entry in document)
    elif document is not None:
        yield 1, document
    else:
        yield from _lines(data, limits, gaps)


def _lines(data: bytes, limits: Bounds, gaps: _Gaps) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(io.BytesIO(data), 1):
        if not line.strip():
            continue
        if len(line) > limits.max_entry_bytes:
            gaps.add(GapReason.TOO_LARGE, "entry is too large", line=number)
            continue
        yield number, _decoded(line)


def _unpacked(source: Source, limits: Bounds) -> bytes:
    # Piece by piece: one read of the whole bound would reserve all of it before a byte is unpacked.
    pieces, total = list[bytes](), 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(source.data)) as stream:
            while piece := stream.read(_PIECE_BYTES):
                total += len(piece)
                if total > limits.max_unpacked_bytes:
                    raise LimitExceededError(
                        f"unpacks to more than {limits.max_unpacked_bytes} bytes", path=source.path
                    )
                pieces.append(piece)
    except (OSError, EOFError, zlib.error) as error:
        raise ParseError("compressed file is damaged", path=source.path) from error
    return b"".join(pieces)


def _zip_entries(source: Source, limits: Bounds, gaps: _Gaps) -> Iterator[tuple[int, object]]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.data))
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
        raise ParseError("archive is damaged", path=source.path) from error
    members = [member for member in archive.infolist() if member.filename.endswith(".json")]
    if len(members) > limits.max_entries:
        raise LimitExceededError(f"archive has more than {limits.max_entries} members", path=source.path)
    total = 0
    for member in members:
        try:
            with archive.open(member) as stream:
                data = stream.read(limits.max_entry_bytes + 1)
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            zlib.error,
            RuntimeError,
            ValueError,
            NotImplementedError,
        ):
            gaps.add(GapReason.UNREADABLE, f"member `{member.filename}` cannot be read")
            continue
        total += len(data)
        if total > limits.max_unpacked_bytes:
            raise LimitExceededError(
                f"unpacks to more than {limits.max_unpacked_bytes} bytes", path=source.path
            )
        if len(data) > limits.max_entry_bytes:
            gaps.add(GapReason.TOO_LARGE, f"member `{member.filename}` is too large")
            continue
        yield 0, _decoded(data)


def _decoded(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _advisories(entry: object) -> list[Advisory] | None:
    """The advisories of one entry, one per package; None when it is no advisory."""
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not entry["id"]:
        return None
    if entry.get("withdrawn"):
        return []
    if "pkg" in entry:
        return _compact(entry)
    if "affected" not in entry and "modified" not in entry:
        return None
    affected = entry.get("affected") or []
    if not isinstance(affected, list):
        return None
    found = []
    for item in affected:
        advisory = _osv(entry, item)
        if advisory is None:
            return None
        found.append(advisory)
    return found


def _compact(entry: dict[str, object]) -> list[Advisory] | None:
    package, ranges = entry["pkg"], entry.get("events") or []
    if not isinstance(package, str) or not package or not isinstance(ranges, list):
        return None
    return [
        Advisory(
            id=str(entry["id"]),
            ecosystem="pypi",
            package=package,
            aliases=_texts(entry.get("aliases")),
            ranges=tuple(_events(events) for events in ranges),
            versions=_texts(entry.get("versions")),
            summary=_text(entry.get("sum"))[:300],
            severity=_severity({"severity": entry.get("sev")}),
            published=_day(entry.get("pub")),
            modified=_day(entry.get("mod")),
        )
    ]


def _osv(entry: dict[str, object], item: object) -> Advisory | None:
    if not isinstance(item, dict):
        return None
    package = item.get("package")
    if not isinstance(package, dict):
        # Entries about source repositories alone name no package; nothing here could match them.
        package = {"ecosystem": "git", "name": "-"}
    name, ecosystem = _text(package.get("name")), _text(package.get("ecosystem"))
    if not name or not ecosystem:
        return None
    ranges = item.get("ranges") or []
    listed = ranges if isinstance(ranges, list) else []
    summary = _text(entry.get("summary")) or _text(entry.get("details"))
    return Advisory(
        id=str(entry["id"]),
        ecosystem=ecosystem.partition(":")[0].lower(),
        package=name,
        aliases=_texts(entry.get("aliases")),
        ranges=tuple(
            _events(one.get("events")) for one in listed if isinstance(one, dict) and one.get("type") != "GIT"
        ),
        versions=_texts(item.get("versions")),
        summary=summary[:300],
        severity=_severity(entry) or _severity(item),
        published=_day(entry.get("published")),
        modified=_day(entry.get("modified")),
    )


def _events(events: object) -> tuple[Event, ...]:
    found: list[Event] = []
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict):
            found += [
                (kind, text)
                for kind, text in event.items()
                if kind in {"introduced", "fixed", "last_affected"} and isinstance(text, str)
            ]
    return tuple(found)


def _severity(entry: dict[str, object]) -> str:
    specific = entry.get("database_specific")
    word = _text(specific.get("severity")).lower() if isinstance(specific, dict) else ""
    word = "medium" if word == "moderate" else word
    if word in {"critical", "high", "medium", "low"}:
        return word
    listed = entry.get("severity")
    for item in listed if isinstance(listed, list) else []:
        found = cvss.severity(_text(item.get("score"))) if isinstance(item, dict) else ""
        if found:
            return found
    return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(_text(value)[:10])
    except ValueError:
        return None
