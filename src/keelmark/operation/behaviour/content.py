"""What of requests and answers is kept, by policy: nothing, redacted text, or both sealed to a public key.

1. The default keeps nothing.
2. Nobody but the holder of the private key reads what is sealed; the gateway has the public key alone.
3. A request or answer longer than its bound is kept up to there, and that is said.
4. Content that cannot be redacted or sealed is left out, and that is said: it is never kept otherwise than the policy says.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

import msgspec

from keelmark.core.request_event import Content, EventBounds, RequestEvent, encode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ContentForm", "ContentKeeper", "Redacted", "with_content"]

_BOUNDS = EventBounds()


class ContentForm(StrEnum):
    """What is kept of what was said."""

    NONE = "none"
    REDACTED = "redacted"
    SEALED = "sealed"


class ContentKeeper(Protocol):
    """Makes of a request and its answer what may be kept."""

    def __call__(self, id: str, request: str, answer: str) -> Content:  # noqa: A002 - as the event calls it
        """What is kept.

        Args:
            id: Of the request.
            request: As sent to the model.
            answer: As delivered.
        """
        ...


class Redacted:
    """Keeps text in which credentials and personal data are taken out.

    Args:
        redact: Takes them out of a text.
    """

    __slots__ = ("_redact",)

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def __call__(self, id: str, request: str, answer: str) -> Content:  # noqa: A002, ARG002 - the id is of no use here
        """What is kept."""
        most = _BOUNDS.max_content_bytes
        return Content(
            form=ContentForm.REDACTED.value,
            request=self._redact(request)[:most],
            answer=self._redact(answer)[:most],
        )


def with_content(event: RequestEvent, request: bytes, answer: bytes, keep: ContentKeeper) -> bytes:
    """The line of an event with what may be kept of its content. Takes its time; never raises."""
    most = _BOUNDS.max_content_bytes
    cut = [*event.cut]
    if len(request) > most:
        cut.append("content.request")
    if len(answer) > most:
        cut.append("content.answer")
    try:
        # What is cut in the middle of a credential may no longer be known for one, so the end of the text goes with it.
        content = keep(event.id, _text(request, most), _text(answer, most))
    except Exception:  # noqa: BLE001 - whatever fails keeps nothing
        return encode(msgspec.structs.replace(event, cut=(*cut, "content")))
    return encode(msgspec.structs.replace(event, content=content, cut=tuple(cut)))


def _text(data: bytes, most: int) -> str:
    """Text of at most so many bytes; of a longer one the last word, which may be half a credential, is left out."""
    if len(data) <= most:
        return data.decode("utf-8", "replace")
    kept = data[:most]
    end = max(kept.rfind(b" "), kept.rfind(b"\n"), kept.rfind(b'"'), 0)
    return kept[:end].decode("utf-8", "replace")
