"""JSON as text that is safe wherever it is shown, and the foreign text in it."""

from __future__ import annotations

import json

from keelmark.report.sanitise import Bounds, name, sentence

__all__ = ["name_of", "text_of", "text_or_unknown", "written"]

# Programs want whole paths and messages; the bounds only keep one hostile file from filling the disk.
_BOUNDS = Bounds(sentence=4_000, name=4_096)


def written(value: object) -> str:
    """JSON in ASCII, indented; no line of it can be read as a command by a CI system."""
    return json.dumps(value, ensure_ascii=True, indent=2).replace("##[", "#\\u0023[") + "\n"


def text_of(text: str) -> str:
    """Foreign text on one line, whole but for what nobody would read."""
    return sentence(text, limit=_BOUNDS.sentence)


def text_or_unknown(text: str) -> str:
    """Foreign text for formats that take no empty one and no space at its ends."""
    return text_of(text).strip() or "unknown"


def name_of(text: str) -> str:
    """A foreign name or path on one line, whole but for what no file system takes."""
    return name(text, limit=_BOUNDS.name)
