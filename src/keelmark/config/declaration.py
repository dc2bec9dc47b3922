"""Reads `keelmark.yaml`."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from keelmark.config import threat_file
from keelmark.config.shape import convert, describe
from keelmark.core.declaration import Declaration
from keelmark.core.threat_model import Treatment
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from keelmark.core.catalogue import Catalogue

__all__ = ["FILE_NAMES", "SCHEMA_VERSION", "find", "json_schema", "parse", "read"]

FILE_NAMES = ("keelmark.yaml", "keelmark.yml")
SCHEMA_VERSION = 1
_BOUNDS = yaml_tree.Bounds(max_bytes=1024 * 1024, max_nodes=50_000, max_depth=20)


def find(root: Path) -> Path | None:
    """The declaration of a folder, None when there is none.

    Raises:
        ConfigurationError: There are two.
    """
    # A folder or a broken link of that name is met, too: reading it fails, and nobody believes it is in force.
    present = [root / name for name in FILE_NAMES if os.path.lexists(root / name)]
    if len(present) > 1:
        raise ConfigurationError(
            "both `keelmark.yaml` and `keelmark.yml` exist",
            hint="keep one of them",
            path=str(present[1].name),
        )
    return present[0] if present else None


def read(file: Path, *, catalogue: Catalogue) -> Declaration:
    """The declaration in a file, with the threat model that may stand beside it.

    Raises:
        ConfigurationError: It does not fit the schema; with the line and the nearest known key.
    """
    beside = threat_file.find(file.parent)
    other = threat_file.ThreatFile(path=beside.name, text=_text(beside)) if beside is not None else None
    return parse(_text(file), path=file.name, catalogue=catalogue, beside=other)


def _text(file: Path) -> str:
    try:
        with Source(file, path=file.name) as source:
            text = source.text
            if not source.head.startswith((b"\xff\xfe", b"\xfe\xff")):
                bytes(source.data).decode(
                    "utf-8"
                )  # Another charset would be guessed, and names in it missed.
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        hint = "save it as UTF-8"
        raise ConfigurationError(
            f"`{file.name}` is not UTF-8", path=file.name, line=line, hint=hint
        ) from error
    except (OSError, ParseError, LimitExceededError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"`{file.name}` cannot be read: {reason}", path=file.name) from error
    return text


def parse(
    text: str,
    *,
    path: str = "keelmark.yaml",
    catalogue: Catalogue,
    beside: threat_file.ThreatFile | None = None,
) -> Declaration:
    """The declaration that a text states, and the threat model that stands in a file beside it.

    Raises:
        ConfigurationError: It does not fit the schema; with the line and the nearest known key.
    """
    node = _tree(text, path)
    declaration = convert(node, Declaration, path=path)
    if declaration.version != SCHEMA_VERSION:
        raise ConfigurationError(
            f"`version` is {declaration.version}; this Keelmark reads version {SCHEMA_VERSION}",
            path=path,
            line=_line(node, "version"),
        )
    _check_ids(declaration, node, path, catalogue)
    if beside is None:
        return replace(declaration, provenance=tuple(_places(node, "")))
    other = threat_file.as_declaration(_tree(beside.text, beside.path), path=beside.path)
    _check_ids(convert(other, Declaration, path=beside.path), other, beside.path, catalogue)
    whole = threat_file.joined(node, other, path=path, beside=beside.path)
    return replace(
        convert(whole, Declaration, path=path),
        provenance=tuple(_places(whole, "")),
        elsewhere=threat_file.keys_of(other, beside.path),
    )


def _tree(text: str, path: str) -> yaml_tree.Node:
    try:
        node = yaml_tree.parse(text, path=path, bounds=_BOUNDS)
    except (ParseError, LimitExceededError) as error:
        raise ConfigurationError(error.message, path=path, line=error.line) from error
    if node is None:
        raise ConfigurationError(
            "the file is empty", path=path, hint="keelmark init --print shows a full example"
        )
    return node


def json_schema() -> dict[str, Any]:
    """The JSON Schema of `keelmark.yaml`, for editors."""
    schema = describe(Declaration)
    schema["properties"]["version"]["const"] = SCHEMA_VERSION
    # An acceptance has an end.
    schema["$defs"]["Disposition"] |= {
        "if": {"properties": {"treatment": {"const": Treatment.ACCEPT.value}}, "required": ["treatment"]},
        "then": {"properties": {"expires": {"type": "string"}}, "required": ["expires"]},
    }
    return {**schema, "title": "keelmark.yaml", "$id": "keelmark-declaration-1"}


def _check_ids(declaration: Declaration, node: yaml_tree.Node, path: str, catalogue: Catalogue) -> None:
    cited = [("attestations", i, entry.recommendation) for i, entry in enumerate(declaration.attestations)]
    cited += [
        ("not_applicable", i, entry.recommendation) for i, entry in enumerate(declaration.not_applicable)
    ]
    _check_threats(declaration, node, path, catalogue)
    for part, index, recommendation in cited:
        if recommendation not in catalogue.by_id:
            raise ConfigurationError(
                f"`{recommendation}` is no recommendation of the catalogue",
                path=path,
                line=_line(node, part, index, "recommendation"),
                hint="keelmark explain lists the ids",
            )
    for index, attestation in enumerate(declaration.attestations):
        if not 0 < (attestation.expires - attestation.on).days <= 366:
            raise ConfigurationError(
                "an attestation holds for at most 366 days after its day",
                path=path,
                line=_line(node, "attestations", index, "expires"),
                hint="set `expires` to the day on which the statement must be made again",
            )


def _check_threats(declaration: Declaration, node: yaml_tree.Node, path: str, catalogue: Catalogue) -> None:
    """What is decided of threats: an acceptance ends, and names exist."""
    model = declaration.threat_model
    if model is None:
        return
    cited = [
        ("dispositions", "controls", index, name)
        for index, entry in enumerate(model.dispositions)
        for name in entry.controls
    ]
    cited += [
        ("decisions", "recommendations", index, name)
        for index, entry in enumerate(model.decisions)
        for name in entry.recommendations
    ]
    for part, key, index, name in cited:
        if name not in catalogue.by_id:
            raise ConfigurationError(
                f"`{name}` is no recommendation of the catalogue",
                path=path,
                line=_line(node, "threat_model", part, index, key),
                hint="keelmark explain lists the ids",
            )
    seen: set[str] = set()
    for index, entry in enumerate(model.dispositions):
        line = _line(node, "threat_model", "dispositions", index, "threat")
        if entry.threat in seen:
            raise ConfigurationError(
                f"`{entry.threat}` has two dispositions", path=path, line=line, hint="keep one of them"
            )
        seen.add(entry.threat)
        if entry.treatment is Treatment.ACCEPT and entry.expires is None:
            raise ConfigurationError(
                f"the acceptance of `{entry.threat}` has no `expires`",
                path=path,
                line=line,
                hint="set the day on which it must be decided again",
            )


def _line(node: yaml_tree.Node, *keys: str | int) -> int | None:
    found = node.find(*keys)
    return found.line if found is not None else None


def _places(node: yaml_tree.Node, where: str) -> Iterator[tuple[str, int]]:
    if where:
        yield where, node.line
    if isinstance(node, yaml_tree.Mapping):
        for key, child in node.entries.items():
            yield from _places(child, f"{where}.{key}" if where else key)
    elif isinstance(node, yaml_tree.Sequence):
        for index, child in enumerate(node.items):
            yield from _places(child, f"{where}[{index}]")
