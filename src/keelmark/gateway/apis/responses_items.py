"""Items of input in the form of Responses, each with whom its text comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Provenance
from keelmark.gateway.apis.fields import check_fields, is_flat, is_list, is_text, text
from keelmark.gateway.apis.media import check_base64, check_stored, check_url
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected, Place

__all__ = ["read_input"]

_ROLES = {
    "system": Provenance.SYSTEM,
    "developer": Provenance.SYSTEM,
    "user": Provenance.USER,
    "assistant": Provenance.MODEL,
}


def _anything(_: Any) -> bool:
    return True


_WORD = text(256)
_ITEM: Table = {"type": _WORD, "id": _WORD, "status": _WORD, "caller": is_flat}
_MESSAGE: Table = {**_ITEM, "role": _WORD, "content": _anything, "phase": _WORD}
_CALL: Table = {**_ITEM, "call_id": _WORD, "name": _WORD, "namespace": _WORD}
_TABLES: dict[str, Table] = {
    "function_call": {**_CALL, "arguments": is_text},
    "custom_tool_call": {**_CALL, "input": is_text},
    "function_call_output": {**_CALL, "output": _anything},
    "custom_tool_call_output": {**_CALL, "output": _anything},
    "reasoning": {
        **_ITEM, "summary": is_list, "content": is_list, "encrypted_content": is_text,
    },
    "item_reference": {"type": _WORD, "id": _WORD},
}  # fmt: skip
_TEXT_PARTS = {
    "input_text": "text",
    "output_text": "text",
    "text": "text",
    "refusal": "refusal",
    "summary_text": "text",
    "reasoning_text": "text",
}
_TEXT_PART: Table = {
    "type": _WORD, "text": is_text, "refusal": is_text, "annotations": is_list, "logprobs": is_list,
}  # fmt: skip
_MEDIA: dict[str, Table] = {
    "input_image": {"type": _WORD, "image_url": is_text, "file_id": is_text, "detail": _WORD},
    "input_file": {
        "type": _WORD, "file_data": is_text, "file_id": is_text, "file_url": is_text, "filename": _WORD, "detail": _WORD,
    },
    "input_audio": {"type": _WORD, "input_audio": is_flat},
}  # fmt: skip


def read_input(value: Any, found: Collected) -> None:
    """Read the input of a request: one text, or items.

    Raises:
        RefusedError: An item is not well formed, or of a kind that is not allowed.
    """
    if type(value) is str:
        found.add(value, found.of_message(0, Provenance.USER), ("input",))
        return
    if len(value) > found.bounds.max_messages:
        raise RefusedError("bad-field", f"`input`: at most {found.bounds.max_messages}")
    for index, item in enumerate(value):
        if type(item) is not dict:
            raise RefusedError("bad-field", "`input`")
        kind = item.get("type")
        place: Place = ("input", index)
        if kind is None or kind == "message":
            _read_message(item, index, place, found)
        elif type(kind) is str and kind in _TABLES:
            check_fields(item, _TABLES[kind])
            _read_item(item, kind, place, found)
        else:
            _read_hosted(item, kind, place, found)


def _read_message(item: dict[str, Any], index: int, place: Place, found: Collected) -> None:
    check_fields(item, _MESSAGE)
    role = item.get("role")
    provenance = _ROLES.get(role) if type(role) is str else None
    if provenance is None:
        raise RefusedError("bad-field", "`role`")
    provenance = found.of_message(index, provenance)
    content = item.get("content")
    if type(content) is str:
        found.add(content, provenance, (*place, "content"))
    else:
        _read_parts(content, provenance, (*place, "content"), found)


def _read_item(item: dict[str, Any], kind: str, place: Place, found: Collected) -> None:
    if kind == "item_reference":
        check_stored(item.get("id"), found)
    elif kind == "reasoning":
        for name in ("summary", "content"):
            if item.get(name) is not None:
                _read_parts(item[name], Provenance.MODEL, (*place, name), found)
    elif kind.endswith("_output"):
        found.is_tainted = True
        output = item.get("output")
        if type(output) is str:
            found.add(output, Provenance.TOOL, (*place, "output"))
        else:
            _read_parts(output, Provenance.TOOL, (*place, "output"), found)
    else:
        for name in ("arguments", "input"):
            found.add(item.get(name) or "", Provenance.MODEL, (*place, name))


def _read_hosted(item: dict[str, Any], kind: Any, place: Place, found: Collected) -> None:
    """An item of a tool that the upstream runs: only where such tools are allowed; what it found is of others."""
    if type(kind) is not str or not found.bounds.hosted_tools:
        raise RefusedError("bad-field", "`input` has an item of a kind that is not known")
    searched = kind in ("file_search_call", "web_search_call")
    found.add_all(item, Provenance.RETRIEVED if searched else Provenance.TOOL, place)


def _read_parts(parts: Any, provenance: Provenance, place: Place, found: Collected) -> None:
    if type(parts) is not list or len(parts) > found.bounds.max_parts:
        raise RefusedError("bad-field", "`content`")
    for index, part in enumerate(parts):
        kind = part.get("type") if type(part) is dict else None
        where: Place = (*place, index)
        if type(kind) is str and kind in _TEXT_PARTS:
            check_fields(part, _TEXT_PART)
            held = part.get(_TEXT_PARTS[kind])
            if type(held) is not str:
                raise RefusedError("bad-field", "`content`")
            found.add(held, provenance, (*where, _TEXT_PARTS[kind]))
            if part.get("annotations"):
                found.add_all(part["annotations"], Provenance.RETRIEVED, (*where, "annotations"))
        elif type(kind) is str and kind in _MEDIA:
            check_fields(part, _MEDIA[kind])
            _read_media(part, kind, where, found)
        else:
            raise RefusedError("bad-field", "`content` has a part of a kind that is not known")


def _read_media(part: dict[str, Any], kind: str, place: Place, found: Collected) -> None:
    given = 0
    if part.get("file_id") is not None:
        check_stored(part["file_id"], found)
        given += 1
    for name in ("image_url", "file_url"):
        if part.get(name) is not None:
            check_url(part[name], found)
            given += 1
    if part.get("file_data") is not None:
        check_base64(part["file_data"], found)
        given += 1
    if part.get("input_audio") is not None:
        check_base64(part["input_audio"].get("data"), found)
        given += 1
    if given != 1:
        raise RefusedError("bad-field", f"`{kind}`")
    if kind == "input_file":
        # What it says is seen by nobody but the model.
        found.is_tainted = True
        found.add(part.get("filename") or "", Provenance.RETRIEVED, (*place, "filename"))
