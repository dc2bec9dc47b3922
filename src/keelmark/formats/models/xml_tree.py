"""XML read element by element in bounds: no entity is expanded, nothing outside is asked for.

A document type alone is harmless; entities and systems outside are not. Where one is declared, reading stops: what
stands behind it means something else to a parser that expands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from xml.parsers import expat

import re2

from keelmark.core.facts import Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.hazard_list import HazardList

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["Bounds", "Visitor", "local_name", "looks_like", "walk"]

_CHUNK_BYTES = 256 * 1024
_LOOKED = 16384
_LOOKED_FAR = 4 * 1024**2
_COMMENT = bytes_pattern(rb"(?s)<!--.*?(-->|\z)|<!DOCTYPE.*|<\?.*?\?>")
_ELEMENT = bytes_pattern(rb"<[A-Za-z_]")
# The documents that old versions of PMML were declared with; nobody fetches them, and they define elements alone.
_KNOWN_SYSTEMS = re2.compile(r"(?i)(https?://(www\.)?dmg\.org/)?[\w./-]*pmml[\w.-]*\.dtd")
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"<\x00?\x00", b"\x00<\x00?", b"<\x00", b"\x00<")
_INCLUDE = re2.compile(r"(?i)(.*[:}])?include")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of a document."""

    max_bytes: int = 256 * 1024**2
    max_elements: int = 10_000_000
    max_depth: int = 200


class Visitor(Protocol):
    """Is told of each element, its text and its end."""

    def start(self, name: str, attributes: dict[str, str], depth: int) -> None:
        """An element starts; the first has depth 1."""
        ...

    def text(self, content: str) -> None:
        """Text inside of the element that started last."""
        ...

    def end(self, name: str) -> None:
        """An element ends."""
        ...


def looks_like(source: Source, root: str) -> bool:
    """Whether the head of a file is XML whose first element has this name; cheap."""
    head = _plain(source.head[:_LOOKED])
    if not head.startswith(b"<"):
        return False
    if _has_root(head, root):
        return True
    # A comment or document type may be longer than what was looked at; an element ends the search.
    if (
        source.size <= _LOOKED
        or not head.startswith((b"<?", b"<!"))
        or _ELEMENT.search(_COMMENT.sub(b"", head))
    ):
        return False
    return _has_root(_plain(bytes(source.data[:_LOOKED_FAR])), root)


def _plain(head: bytes) -> bytes:
    if head.startswith(_WIDE):
        order = "utf-16-be" if head.startswith((b"\xfe\xff", b"\x00<")) else "utf-16-le"
        head = head.decode(order, "replace").encode("utf-8", "replace")
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")


def _has_root(head: bytes, root: str) -> bool:
    mark = b"<" + root.encode()
    at = head.find(mark)
    while at >= 0:
        before, after = head[max(at - 256, 0) : at].rstrip(), head[at + len(mark) : at + len(mark) + 1]
        if (not before or before.endswith(b">")) and (not after or after in b" \t\r\n>/"):
            return True
        at = head.find(mark, at + 1)
    return False


def local_name(name: str) -> str:
    """The name of an element without its prefix."""
    return name.rpartition(":")[2]


def walk(source: Source, visitor: Visitor, found: HazardList, *, bounds: Bounds) -> None:
    """Read a document.

    Raises:
        ParseError: No XML, or it declares entities.
        LimitExceededError: A bound was reached.
    """
    if source.size > bounds.max_bytes:
        raise LimitExceededError(f"document of {source.size} bytes is longer than {bounds.max_bytes}")
    parser = expat.ParserCreate()
    driver = _Driver(visitor=visitor, found=found, bounds=bounds)
    parser.StartDoctypeDeclHandler = driver.doctype
    parser.EntityDeclHandler = driver.entity
    parser.ProcessingInstructionHandler = driver.instruction
    parser.StartElementHandler = driver.start
    parser.EndElementHandler = driver.end
    parser.CharacterDataHandler = visitor.text
    try:
        for piece in source.pieces(size=_CHUNK_BYTES):
            parser.Parse(piece, False)  # noqa: FBT003 - its signature
        parser.Parse(b"", True)  # noqa: FBT003 - its signature
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise ParseError(f"no XML: {error}") from error
    finally:
        # The handlers refer to the parser's owner; without this the two would keep each other alive.
        parser.StartElementHandler = parser.EndElementHandler = parser.CharacterDataHandler = None
        parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ProcessingInstructionHandler = None


@dataclass(slots=True, kw_only=True)
class _Driver:
    visitor: Visitor
    found: HazardList
    bounds: Bounds
    elements: int = field(default=0)
    depth: int = field(default=0)

    def doctype(self, name: str, system: str | None, public: str | None, has_subset: int, /) -> None:
        del name, public, has_subset
        if system and not _KNOWN_SYSTEMS.fullmatch(system):
            detail = f"the document asks for a document type from `{system[:200]}`"
            self.found.add(Technique.EXTERNAL_ENTITY, detail, subject=system)
            raise ParseError("document declares a document type outside of it; it is not read")

    def entity(self, *declared: object) -> None:
        name, _, value, _, system = declared[:5]
        what = f"reads `{str(system)[:200]}`" if system else f"stands for `{str(value)[:60]}`"
        detail = f"the document declares the entity `{str(name)[:60]}`, which {what}, and parsers put it in"
        self.found.add(Technique.EXTERNAL_ENTITY, detail, subject=str(system or name))
        raise ParseError("document declares entities in its document type; it is not read")

    def instruction(self, target: str, data: str, /) -> None:
        if target == "xml-stylesheet" and ("xsl" in data or "script" in data):
            detail = f"the document names a style sheet that viewers run: `{data[:150]}`"
            self.found.add(Technique.ACTIVE_CONTENT, detail, subject=target)

    def start(self, name: str, attributes: dict[str, str], /) -> None:
        self.elements += 1
        self.depth += 1
        if self.elements > self.bounds.max_elements or self.depth > self.bounds.max_depth:
            raise LimitExceededError("document has more elements than are read")
        if name[-7:].lower() == "include" and "href" in attributes and _INCLUDE.fullmatch(name):
            href = attributes["href"]
            detail = f"the document includes `{href[:200]}`, which parsers that follow it put in"
            self.found.add(Technique.EXTERNAL_ENTITY, detail, subject=href)
        self.visitor.start(name, attributes, self.depth)

    def end(self, name: str, /) -> None:
        self.depth -= 1
        self.visitor.end(name)
