"""Images, files and sounds in requests: inline and bounded, unless the operator allows more.

An address makes the upstream fetch what the caller names: from inside of its own network. An id refers to what the
upstream keeps and the gateway never saw. Both are refused by default.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from keelmark.gateway.apis.texts import Collected

__all__ = ["check_base64", "check_stored", "check_url"]

_DATA_URL = re.compile(r"data:[a-z]{1,16}/[A-Za-z0-9.+-]{1,64};base64,")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_MAX_URL = 2048
_WEB = ("https://", "http://")


def check_url(value: Any, found: Collected) -> None:
    """Check the address of an image or file.

    Raises:
        RefusedError: It is no `data:` address, and others are not allowed; or it is too large.
    """
    if type(value) is not str:
        raise RefusedError("bad-field", "`url`")
    begin = _DATA_URL.match(value)
    if begin is not None:
        _count(value, begin.end(), found)
        return
    if not found.bounds.remote_urls:
        raise RefusedError("bad-field", "`url` of another kind than `data:...;base64,`")
    if not value.startswith(_WEB) or len(value) > _MAX_URL:
        raise RefusedError("bad-field", "`url`")
    _add(0, found)


def check_base64(value: Any, found: Collected) -> None:
    """Check an image, file or sound that stands in the body itself, or as a `data:` address.

    Raises:
        RefusedError: It is no base64, or too large.
    """
    if type(value) is not str:
        raise RefusedError("bad-field", "`data`")
    begin = _DATA_URL.match(value)
    _count(value, begin.end() if begin else 0, found)


def check_stored(value: Any, found: Collected) -> None:
    """Check an id of what the upstream keeps; what is behind it may come from anyone.

    Raises:
        RefusedError: Such ids are not allowed.
    """
    if not found.bounds.stored or type(value) is not str or len(value) > _MAX_URL:
        raise RefusedError("bad-field", "what the upstream keeps cannot be referred to")
    found.is_tainted = True


def _count(value: str, begin: int, found: Collected) -> None:
    if len(value) > found.bounds.max_media_bytes:
        raise RefusedError("too-large", "an image, file or sound is larger than allowed")
    if not _BASE64.fullmatch(value, begin):
        raise RefusedError("bad-field", "`data`")
    _add(len(value), found)


def _add(size: int, found: Collected) -> None:
    found.media += 1
    found.media_bytes += size
    if found.media > found.bounds.max_media:
        raise RefusedError("too-large", "more images, files and sounds than allowed")
