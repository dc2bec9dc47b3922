"""Blocks of content in the form of Anthropic, each with whom its text comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Provenance
from keelmark.gateway.apis.fields import check_fields, is_bool, is_flat, is_list, is_object, is_text, text
from keelmark.gateway.apis.media import check_base64, check_stored, check_url
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected, Place

__all__ = ["read_blocks"]

_CACHE: Table = {"type": is_text, "cache_control": is_flat}


def _anything(_: Any) -> bool:
    return True


_TABLES: dict[str, Table] = {
    "text": {**_CACHE, "text": is_text, "citations": is_list},
    "image": {**_CACHE, "source": is_object},
    "document": {
        **_CACHE, "source": is_object, "title": is_text, "context": is_text, "citations": is_flat,
    },
    "search_result": {
        **_CACHE, "content": is_list, "source": is_text, "title": is_text, "citations": is_flat,
    },
    "thinking": {"type": is_text, "thinking": is_text, "signature": is_text},
    "redacted_thinking": {"type": is_text, "data": is_text},
    "tool_use": {
        **_CACHE, "id": text(256), "name": text(128), "input": is_object, "caller": is_flat,
    },
    "tool_result": {
        **_CACHE, "tool_use_id": text(256), "content": _anything, "is_error": is_bool, "toolset_name": text(128),
    },
}  # fmt: skip


def read_blocks(content: Any, provenance: Provenance, place: Place, found: Collected) -> None:
    """Read the content of a message, of a system prompt, or of what stands inside of them.

    Raises:
        RefusedError: A block is not well formed, or of a kind that is not allowed.
    """
    if type(content) is str:
        found.add(content, provenance, place)
        return
    _read(content, provenance, place, found)


def _read(content: Any, provenance: Provenance, place: Place, found: Collected) -> None:
    if type(content) is not list or len(content) > found.bounds.max_parts:
        raise RefusedError("bad-field", "`content`")
    for index, block in enumerate(content):
        kind = block.get("type") if type(block) is dict else None
        where: Place = (*place, index)
        if kind == "text":
            check_fields(block, _TABLES["text"])
            if type(block.get("text")) is not str:
                raise RefusedError("bad-field", "`text`")
            found.add(block["text"], provenance, (*where, "text"))
            if block.get("citations"):
                found.add_all(block["citations"], Provenance.RETRIEVED, (*where, "citations"))
            continue
        read = _READERS.get(kind) if type(kind) is str else None
        if read is None or type(kind) is not str:
            _read_hosted(block, where, found)
            continue
        check_fields(block, _TABLES[kind])
        read(block, provenance, where, found)


def _read_hosted(block: Any, where: Place, found: Collected) -> None:
    """A block of a tool that the upstream runs: only where such tools are allowed, and trusted as little as any tool."""
    kind = block.get("type") if type(block) is dict else None
    is_known = type(kind) is str and (kind == "server_tool_use" or kind.endswith("_tool_result"))
    if not is_known or not found.bounds.hosted_tools:
        raise RefusedError("bad-field", "`content` has a block of a kind that is not known")
    found.add_all(block, Provenance.TOOL, where)


def _read_image(block: dict[str, Any], _: Provenance, where: Place, found: Collected) -> None:
    _read_source(block.get("source"), where, found)


def _read_document(block: dict[str, Any], _: Provenance, where: Place, found: Collected) -> None:
    # Also what cannot be read here: a PDF is a document of others.
    found.is_tainted = True
    for name in ("title", "context"):
        found.add(block.get(name) or "", Provenance.RETRIEVED, (*where, name))
    _read_source(block.get("source"), where, found)


def _read_source(source: Any, where: Place, found: Collected) -> None:
    kind = source.get("type") if type(source) is dict else None
    at: Place = (*where, "source")
    if kind == "base64":
        check_fields(source, {"type": is_text, "media_type": text(128), "data": is_text})
        check_base64(source.get("data"), found)
    elif kind == "text":
        check_fields(source, {"type": is_text, "media_type": text(128), "data": is_text})
        found.add(source.get("data") or "", Provenance.RETRIEVED, (*at, "data"))
    elif kind == "content":
        check_fields(source, {"type": is_text, "content": _anything})
        held = source.get("content")
        if type(held) is str:
            found.add(held, Provenance.RETRIEVED, (*at, "content"))
        else:
            _read(held, Provenance.RETRIEVED, (*at, "content"), found)
    elif kind == "url":
        check_fields(source, {"type": is_text, "url": is_text})
        check_url(source.get("url"), found)
    elif kind == "file":
        check_fields(source, {"type": is_text, "file_id": is_text})
        check_stored(source.get("file_id"), found)
    else:
        raise RefusedError("bad-field", "`source`")


def _read_search_result(block: dict[str, Any], _: Provenance, where: Place, found: Collected) -> None:
    for name in ("title", "source"):
        found.add(block.get(name) or "", Provenance.RETRIEVED, (*where, name))
    _read(block.get("content"), Provenance.RETRIEVED, (*where, "content"), found)


def _read_thinking(block: dict[str, Any], provenance: Provenance, where: Place, found: Collected) -> None:
    found.add(block.get("thinking") or "", provenance, (*where, "thinking"))


def _read_opaque(block: dict[str, Any], _: Provenance, __: Place, ___: Collected) -> None:
    """Encrypted by the upstream for itself."""
    if type(block.get("data")) is not str:
        raise RefusedError("bad-field", "`data`")


def _read_tool_use(block: dict[str, Any], provenance: Provenance, where: Place, found: Collected) -> None:
    found.add_all(block.get("input"), provenance, (*where, "input"))


def _read_tool_result(block: dict[str, Any], _: Provenance, where: Place, found: Collected) -> None:
    found.is_tainted = True
    content = block.get("content")
    if type(content) is str:
        found.add(content, Provenance.TOOL, (*where, "content"))
    elif content is not None:
        _read(content, Provenance.TOOL, (*where, "content"), found)


_READERS: dict[str, Callable[[dict[str, Any], Provenance, Place, Collected], None]] = {
    "image": _read_image,
    "document": _read_document,
    "search_result": _read_search_result,
    "thinking": _read_thinking,
    "redacted_thinking": _read_opaque,
    "tool_use": _read_tool_use,
    "tool_result": _read_tool_result,
}
