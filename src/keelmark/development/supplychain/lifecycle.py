"""How long languages, base images and hosted models are supported, as published up to a stated day.

The table is packaged data with the title of its source in each entry. Only exact ids are answered: a name that is not
in the table is not known, which is neither supported nor retired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import re2

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Ending",
    "Lifecycle",
    "ModelRetirement",
    "image_endings",
    "load",
    "model_retirement",
    "node_end",
    "python_end",
]

_NUMBERS = re2.compile(r"^v?([0-9]{1,4})(?:\.([0-9]{1,4}))?")
# Names such as `ada` are words of other things as well; without a provider they are not looked up.
_DISTINCT = re2.compile(r"[0-9]")
_PREFIXES = ("models/", "openai/", "anthropic/", "google/", "gemini/")
_IMAGES = ("python", "node", "debian", "ubuntu", "alpine")
_LIBRARY = re2.compile(r"^(?:(?:docker\.io|public\.ecr\.aws/docker|mirror\.gcr\.io)/)?(?:library/)?([a-z]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of support of one version of a language or distribution.

    Attributes:
        product: `python`, `node`, `debian`, `ubuntu` or `alpine`.
        version: As the product counts its supported lines: `3.9`, `20`, `12`, `22.04`.
        end: Last day of free security support; long-term support of Debian included.
        source: Title of the publication that says so.
    """

    product: str
    version: str
    end: date
    source: str
    codename: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRetirement:
    """The day on which a hosted model stops to answer, at its own provider's service.

    Attributes:
        announced: Day of the announcement, None when it is not recorded here.
        retired: First day without the model.
        replacement: What the provider recommends instead, "" when it is not recorded here.
    """

    provider: str
    name: str
    retired: date
    source: str
    announced: date | None = None
    replacement: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """The whole table.

    Attributes:
        as_of: Day up to which publications were read; later announcements are missing.
    """

    as_of: date
    endings: tuple[Ending, ...]
    models: tuple[ModelRetirement, ...]

    def ending(self, product: str, version: str) -> Ending | None:
        """The ending of a version or codename, None when the table does not know it."""
        wanted = (version, version.lower())
        known = (item for item in self.endings if item.product == product)
        return next(
            (item for item in known if item.version in wanted or (item.codename and item.codename in wanted)),
            None,
        )


@cache
def load() -> Lifecycle:
    """The packaged table; read once, it never changes while the program runs."""
    text = resources.files(__package__).joinpath("lifecycle.json").read_text(encoding="utf-8")
    raw = json.loads(text)
    return Lifecycle(
        as_of=date.fromisoformat(raw["as_of"]),
        endings=tuple(_ending(entry) for entry in raw["runtimes"]),
        models=tuple(_model(entry) for entry in raw["models"]),
    )


def _ending(entry: dict[str, Any]) -> Ending:
    return Ending(
        product=entry["product"],
        version=entry["version"],
        codename=entry.get("codename", ""),
        end=date.fromisoformat(entry["end"]),
        source=entry["source"],
    )


def _model(entry: dict[str, Any]) -> ModelRetirement:
    announced = entry.get("announced")
    return ModelRetirement(
        provider=entry["provider"],
        name=entry["name"],
        announced=date.fromisoformat(announced) if announced else None,
        retired=date.fromisoformat(entry["retired"]),
        replacement=entry.get("replacement", ""),
        source=entry["source"],
    )


def python_end(version: str) -> date | None:
    """Last day of security support of a CPython version (`3.9`, `3.9.18`); None when it is not known."""
    match = _NUMBERS.match(version)
    ending = (
        load().ending("python", f"{match.group(1)}.{match.group(2)}") if match and match.group(2) else None
    )
    return ending.end if ending else None


def node_end(version: str) -> date | None:
    """Last day of support of a Node.js version (`20`, `v20.11.1`); None when it is not known."""
    match = _NUMBERS.match(version)
    ending = load().ending("node", match.group(1)) if match else None
    return ending.end if ending else None


def image_endings(name: str, tag: str) -> tuple[Ending, ...]:
    """What ends in an official base image: its language and the distribution that its tag names.

    `python:3.9-slim-buster` gives Python 3.9 and Debian 10. Images of other publishers give nothing, because their
    tags count other things.
    """
    match = _LIBRARY.match(name.lower())
    if match is None or match.group(1) not in _IMAGES:
        return ()
    found = dict.fromkeys(_image_endings(match.group(1), tag.lower()))
    return tuple(found)


def _image_endings(product: str, tag: str) -> Iterator[Ending]:
    table = load()
    parts = tag.split("-")
    numbers = _NUMBERS.match(parts[0])
    if numbers:
        major, minor = numbers.group(1), numbers.group(2)
        full = f"{major}.{minor}" if minor else major
        own = table.ending(product, major if product in {"node", "debian"} else full)
        if own:
            yield own
    for part in parts:
        if part.startswith("alpine") and part != "alpine":
            below = table.ending("alpine", part.removeprefix("alpine"))
        elif part[:1].isalpha():
            below = table.ending("debian", part) or table.ending("ubuntu", part)
        else:
            below = None
        if below:
            yield below


def model_retirement(provider: str, name: str) -> ModelRetirement | None:
    """When a hosted model is retired by its own provider; None when the table does not know it.

    Other services that offer the same model (clouds, routers) keep their own schedules and are not answered.

    Args:
        provider: `openai`, `anthropic`, `google`, or "" when the code does not tell.
        name: The exact model id, with or without the prefix of its provider.
    """
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    if not provider and not _DISTINCT.search(name):
        return None
    candidates = (item for item in load().models if item.name == name)
    return next((item for item in candidates if provider in {"", item.provider}), None)
