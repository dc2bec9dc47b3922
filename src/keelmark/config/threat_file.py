"""Reads `threat-model.yaml`: the threat model in a file of its own, beside `keelmark.yaml`.

Its keys are those of the section `threat_model`, at the top, and `components`, `flows` and `data_classes`. A key that stands in
both files is an error that names both places: nobody has to guess which one counts.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.errors import ConfigurationError
from keelmark.formats.yaml_tree import Mapping, Node, Scalar

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE_NAMES", "ThreatFile", "as_declaration", "find", "joined", "keys_of"]

FILE_NAMES = ("threat-model.yaml", "threat-model.yml")
_SHARED = ("components", "flows", "data_classes")
_SECTION = "threat_model"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreatFile:
    """The file as it was read.

    Attributes:
        path: Its name, for messages.
        text: What it says.
    """

    path: str
    text: str


def find(root: Path) -> Path | None:
    """The file of a folder, None when there is none.

    Raises:
        ConfigurationError: There are two.
    """
    present = [root / name for name in FILE_NAMES if os.path.lexists(root / name)]
    if len(present) > 1:
        raise ConfigurationError(
            f"both `{FILE_NAMES[0]}` and `{FILE_NAMES[1]}` exist",
            hint="keep one of them",
            path=present[1].name,
        )
    return present[0] if present else None


def as_declaration(node: Node, *, path: str) -> Mapping:
    """The file as a declaration of its own, so that it is checked like one.

    Raises:
        ConfigurationError: It is no mapping.
    """
    if not isinstance(node, Mapping):
        raise ConfigurationError("a mapping was expected", path=path, line=node.line)
    for key, line in node.duplicates:
        raise ConfigurationError(f"key `{key}` stands twice", path=path, line=line)
    shared = {key: node.entries[key] for key in _SHARED if key in node.entries}
    own = {key: value for key, value in node.entries.items() if key not in _SHARED}
    section = Mapping(line=node.line, entries=own, key_lines=node.key_lines)
    version = Scalar(line=node.line, text="1", value=1)
    entries: dict[str, Node] = {"version": version, **shared}
    if own:
        entries[_SECTION] = section
    return Mapping(line=node.line, entries=entries, key_lines=node.key_lines)


def joined(main: Node, other: Mapping, *, path: str, beside: str) -> Mapping:
    """Both files as one declaration.

    Raises:
        ConfigurationError: A key stands in both.
    """
    if not isinstance(main, Mapping):
        raise ConfigurationError("a mapping was expected", path=path, line=main.line)
    entries = dict(main.entries)
    for key, value in other.entries.items():
        if key == "version":
            continue
        if key == _SECTION and isinstance(value, Mapping) and isinstance(entries.get(_SECTION), Mapping):
            entries[_SECTION] = _merged(main.entries[_SECTION], value, path=path, beside=beside)
        elif key in entries:
            raise _twice(key, main, value, path=path, beside=beside)
        else:
            entries[key] = value
    return Mapping(line=main.line, entries=entries, key_lines=main.key_lines)


def _merged(main: Node, other: Mapping, *, path: str, beside: str) -> Mapping:
    entries = dict(main.entries) if isinstance(main, Mapping) else {}
    for key, value in other.entries.items():
        if key in entries:
            raise _twice(key, main, value, path=path, beside=beside)
        entries[key] = value
    return Mapping(line=main.line, entries=entries)


def _twice(key: str, main: Node, value: Node, *, path: str, beside: str) -> ConfigurationError:
    first = main.key_lines.get(key, main.line) if isinstance(main, Mapping) else main.line
    return ConfigurationError(
        f"`{key}` stands in {path}:{first} and here", path=beside, line=value.line, hint="keep one of them"
    )


def keys_of(other: Mapping, path: str) -> tuple[tuple[str, str], ...]:
    """The dotted keys that stand in the file, each with its name."""
    section = other.entries.get(_SECTION)
    own = section.entries if isinstance(section, Mapping) else {}
    keys = [*(key for key in other.entries if key in _SHARED), *(f"{_SECTION}.{key}" for key in own)]
    return tuple((key, path) for key in keys)
