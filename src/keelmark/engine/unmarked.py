"""Wrappings without a mark: raw deflate, and text that is base64 through and through.

Any bytes might be the first and many texts look like the second. So both are only tried on files that nobody claims, and
only when what comes out begins like an artefact; everything else stays what it was.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING

from keelmark.errors import LimitExceededError
from keelmark.formats.archives.container import Opened, view_of
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.formats.archives.container import Budget, Container
    from keelmark.formats.source import Reader

__all__ = ["is_wrapped", "unmarked"]

_CONTENT = "content"

_LOOK_BYTES = 8 * 1024
# Nothing that does anything when it is loaded is shorter.
_MIN_BYTES = 8
_BASE64 = bytes_pattern(rb"(?s)\s*(?:[A-Za-z0-9+/_-]{4}\s*)*[A-Za-z0-9+/_-]*={0,2}\s*")
_FIRST = bytes_pattern(rb"\s*[A-Za-z0-9+/_-]{16}")
_ADDRESS_SAFE = bytes.maketrans(b"-_", b"+/")
_RAW = -15
_MAX_TEXT = 16 * 1024**2


def is_wrapped(source: Source) -> bool:
    """Whether bytes come out of a file in one of these ways; cheap, for every file that nobody claims is asked."""
    return len(_wrapping(source).start(source.head)) >= _MIN_BYTES


def unmarked(
    source: Source, *, readers: Sequence[Reader], containers: Sequence[Container]
) -> Container | None:
    """How a file that nobody claims is wrapped; None when nothing that is known comes out of it."""
    wrapping = _wrapping(source)
    start = wrapping.start(source.head)
    if not _is_known(start, source, readers, containers):
        return None
    return wrapping


def _wrapping(source: Source) -> _Base64 | _Deflate:
    return _Base64() if source.is_text else _Deflate()


def _is_known(
    start: bytes, source: Source, readers: Sequence[Reader], containers: Sequence[Container]
) -> bool:
    with Source.of_bytes(start, path=f"{source.path}!{_CONTENT}") as inner:
        # Text in text is read by whoever asks for it, and is no artefact that somebody hid.
        return not inner.is_text and (
            any(each.recognises(inner) for each in readers)
            or any(each.recognises(inner) for each in containers)
        )


class _Base64:
    """Text that is base64 as a whole."""

    name = "base64"

    def start(self, head: bytes) -> bytes:
        """The first bytes behind it."""
        looked = head[:_LOOK_BYTES]
        if _FIRST.match(looked) is None or _BASE64.fullmatch(looked) is None:
            return b""
        return _decoded(looked)

    def recognises(self, source: Source) -> bool:
        """Whether bytes come out."""
        return bool(self.start(source.head))

    def open(self, source: Source, budget: Budget) -> Opened:
        """One member.

        Raises:
            LimitExceededError: The text is longer than is decoded.
        """
        if source.size > _MAX_TEXT:
            raise LimitExceededError(f"base64 of more than {_MAX_TEXT} bytes is not decoded")
        content = _decoded(bytes(source.data))
        budget.spend(len(content))
        return Opened(format=self.name, members=(view_of(_CONTENT, memoryview(content)),))


def _decoded(text: bytes) -> bytes:
    plain = b"".join(text.split()).translate(_ADDRESS_SAFE).rstrip(b"=")
    # One letter that is left over carries no byte.
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return base64.b64decode(whole + b"=" * (-len(whole) % 4))
    except (binascii.Error, ValueError):
        return b""


class _Deflate:
    """Raw deflate as a whole."""

    name = "deflate"

    def start(self, head: bytes) -> bytes:
        """The first bytes that come out."""
        try:
            return zlib.decompressobj(_RAW).decompress(head[:_LOOK_BYTES], _LOOK_BYTES)
        except zlib.error:
            return b""

    def recognises(self, source: Source) -> bool:
        """Whether bytes come out."""
        return bool(self.start(source.head))

    def open(self, source: Source, budget: Budget) -> Opened:
        """One member."""
        # Hardly a scan meets one; what inflates in bounds takes time to be made ready.
        from keelmark.formats.archives.compression import new_stream  # noqa: PLC0415 - see above
        from keelmark.formats.archives.packed import Packed  # noqa: PLC0415 - see above

        opened = Opened(format=self.name)
        content = Packed(
            name=_CONTENT,
            size=-1,
            data=source.data,
            make=lambda: new_stream("deflate"),
            budget=budget,
            opened=opened,
        )
        opened.members = (content.member(),)
        return opened
