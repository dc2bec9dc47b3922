"""Keys for content of requests: the public one that the gateway seals to, the private one that opens it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.operation.behaviour.sealed_content import Opener, Sealer
from keelmark.workflows.log_keys import read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from keelmark.core.request_event import RequestEvent

__all__ = ["opener", "sealer"]

_MAX_KEY_BYTES = 64 * 1024


def sealer(file: Path) -> Sealer:
    """What seals content to the public key in a file.

    Raises:
        UsageError: The file cannot be read.
        TrustError: It holds no X25519 key.
    """
    return Sealer(read_file(file, _MAX_KEY_BYTES))


def opener(file: Path, *, password: bytes | None) -> Callable[[RequestEvent], object]:
    """What opens the content of events with the private key in a file.

    Raises:
        UsageError: The file cannot be read.
        TrustError: It holds no X25519 key, or the password is wrong.
    """
    found = Opener(read_file(file, _MAX_KEY_BYTES), password=password)

    def open_content(event: RequestEvent) -> object:
        content = event.content
        if content is None or content.form != "sealed":
            return content and {"form": content.form, "request": content.request, "answer": content.answer}
        opened = found.open(event.id, content)
        return {"form": content.form, "request": opened.request, "answer": opened.answer}

    return open_content
