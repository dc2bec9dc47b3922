"""Checkpoints: the head of a log's tree as a signed note (C2SP tlog-checkpoint)."""

from __future__ import annotations

import base64
import binascii

from keelmark.core.log import TreeHead
from keelmark.errors import ParseError
from keelmark.trust.merkle import EMPTY_ROOT, HASH_BYTES

__all__ = ["MAX_SIZE", "head_of", "text_of"]

MAX_SIZE = 2**63 - 1


def text_of(head: TreeHead) -> str:
    """The text of a checkpoint, ready to be signed. Lines of extension are never written."""
    return f"{head.origin}\n{head.size}\n{base64.b64encode(head.root).decode()}\n"


def head_of(text: str) -> TreeHead:
    """The head that the text of a checkpoint states. Lines of extension are passed over, as they mean nothing to us.

    Raises:
        ParseError: It is no checkpoint.
    """
    lines = text.split("\n")
    if len(lines) < 4 or not all(lines[:-1]):
        raise ParseError("no checkpoint", hint="it is a name, a size and a root, each on a line of its own")
    origin, size, root = lines[:3]
    if not origin.isprintable():
        raise ParseError("checkpoint names its log with characters that cannot be seen")
    try:
        raw = base64.b64decode(root, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ParseError("checkpoint has no root") from error
    if len(raw) != HASH_BYTES or base64.b64encode(raw).decode() != root:
        raise ParseError("checkpoint has no root of 32 bytes")
    is_number = size.isascii() and size.isdecimal() and len(size) <= 19
    if not is_number or str(int(size)) != size or int(size) > MAX_SIZE:
        raise ParseError("checkpoint has no size")
    if size == "0" and raw != EMPTY_ROOT:
        raise ParseError("checkpoint of an empty log has a root that is not the empty one")
    return TreeHead(origin=origin, size=int(size), root=raw)
