"""API keys of the gateway, in a file or in a database: make, list, replace and revoke them, and open them to serve."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING, Protocol

from keelmark.config.environment import secret_of
from keelmark.deployment.access.key_changes import KeyRequest, Made, add_key, revoke_key, rotate_key
from keelmark.deployment.access.key_ring import KeyRing, Settings
from keelmark.deployment.access.key_table import KeyDocument, parse_keys, render_keys
from keelmark.deployment.access.keys import PEPPER_BYTES, parse_pepper, pepper_id
from keelmark.errors import ConfigurationError, UsageError
from keelmark.store.api_keys import KeyFile, read_pepper, write_pepper

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta
    from pathlib import Path

    from keelmark.core.clock import Clock
    from keelmark.core.secret import Secret
    from keelmark.store.documents_postgres import Watched

__all__ = [
    "KeyPlace",
    "add",
    "find_pepper",
    "key_place",
    "listed",
    "make_pepper",
    "open_ring",
    "revoke",
    "rotate",
]

_SHARED = "env:"
_DOCUMENT = "api-keys"


class KeyPlace(Protocol):
    """Where keys lie."""

    @property
    def path(self) -> object:
        """What it is called in messages."""
        ...

    @property
    def exists(self) -> bool:
        """Whether there are keys."""
        ...

    def fingerprint(self) -> Hashable:
        """Something cheap that differs when the content does."""
        ...

    def read(self) -> bytes:
        """The whole content."""
        ...

    def write(self, content: bytes) -> None:
        """Replace the content, inside of `locked`."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Nobody else changes it meanwhile."""
        ...


def key_place(words: str, *, root: Path, environment: Mapping[str, str] | None = None) -> KeyPlace:
    """Where keys lie: a file, or the PostgreSQL database that `env:NAME` leads to.

    Args:
        words: As settings and options say it.
        root: Where paths start.
        environment: Variables; None for those of the process.

    Raises:
        ConfigurationError: The variable holds no address, or PostgreSQL cannot be spoken here.
    """
    if not words.startswith(_SHARED):
        return KeyFile(root / words)
    url = secret_of(words.removeprefix(_SHARED), environment)
    if url is None:
        raise ConfigurationError(
            f"the variable `{words.removeprefix(_SHARED)}` is not set",
            hint="it holds the address of the database: postgresql://USER:PASSWORD@HOST:5432/DATABASE",
        )
    return _shared(url)


def open_ring(place: KeyPlace, pepper: Secret, settings: Settings | None = None) -> KeyRing:
    """Keys to serve with; `fault` says when they cannot be used. A database is asked by a thread, beside requests.

    Raises:
        StoreError: The database cannot be asked.
    """
    if isinstance(place, KeyFile):
        return KeyRing(place, pepper, settings)
    return KeyRing(_watched(place), pepper, settings)


def find_pepper(file: Path | None, given: Secret | None) -> Secret | None:
    """The pepper: that of the file if it is there, else the one given; None when there is none.

    Raises:
        ConfigurationError: There are two, or what is there is none.
        StoreError: The file must not be used.
    """
    is_there = file is not None and os.path.lexists(file)
    if file is None or not is_there:
        return None if given is None else parse_pepper(given.reveal())
    if given is not None:
        raise ConfigurationError(
            "there are two peppers: one in the environment, one in a file", path=str(file)
        )
    return parse_pepper(read_pepper(file))


def make_pepper(file: Path) -> Secret:
    """Make a pepper, in a new file that its owner alone can read, and that version control does not take.

    Raises:
        StoreError: It is there, or cannot be written.
    """
    content = secrets.token_bytes(PEPPER_BYTES).hex()
    write_pepper(file, f"{content}\n".encode())
    ignored = file.with_name(".gitignore")
    if not os.path.lexists(ignored):
        write_pepper(ignored, f"/{file.name}\n".encode())
    return parse_pepper(content.encode())


def add(keys: KeyPlace, request: KeyRequest, *, pepper: Secret, clock: Clock) -> Made:
    """Make a key and write it to its place, which is made when there is none.

    Raises:
        UsageError: What is asked for cannot be.
        StoreError: The file cannot be read or written.
        ConfigurationError: The file is no key file.
    """
    with keys.locked():
        document = _read(keys) if keys.exists else KeyDocument(pepper=pepper_id(pepper))
        made = add_key(document, request, pepper=pepper, now=_now(clock))
        keys.write(render_keys(made.document))
    return made


def rotate(
    keys: KeyPlace, key_id: str, *, overlap: timedelta, days: int, pepper: Secret, clock: Clock
) -> Made:
    """Replace a key; the old one goes on for the overlap.

    Raises:
        UsageError: There is no such key, or it is no longer in force.
        StoreError: The file cannot be read or written.
        ConfigurationError: The file is no key file.
    """
    with keys.locked():
        made = rotate_key(_read(keys), key_id, overlap=overlap, pepper=pepper, now=_now(clock), days=days)
        keys.write(render_keys(made.document))
    return made


def revoke(keys: KeyPlace, key_id: str, *, reason: str, clock: Clock) -> KeyDocument:
    """Revoke a key.

    Raises:
        UsageError: There is no such key, or no reason.
        StoreError: The file cannot be read or written.
        ConfigurationError: The file is no key file.
    """
    with keys.locked():
        document = revoke_key(_read(keys), key_id, reason=reason, now=_now(clock))
        keys.write(render_keys(document))
    return document


def listed(keys: KeyPlace) -> KeyDocument:
    """All keys of a place.

    Raises:
        UsageError: There is no such file.
        StoreError: It cannot be read.
        ConfigurationError: It is no key file.
    """
    return _read(keys)


def _read(keys: KeyPlace) -> KeyDocument:
    if not keys.exists:
        raise UsageError(f"there are no keys in {keys.path}", hint="keelmark access key add makes one")
    return parse_keys(keys.read(), path=str(keys.path))


def _now(clock: Clock) -> datetime:
    return clock.now().replace(microsecond=0)


def _shared(url: Secret) -> KeyPlace:
    try:
        from keelmark.store.documents_postgres import PostgresDocument  # noqa: PLC0415 - a part of the extra `cluster`
    except ImportError as error:
        raise ConfigurationError(
            "PostgreSQL cannot be spoken here", hint="pip install 'keelmark[cluster]'"
        ) from error
    return PostgresDocument(url, _DOCUMENT)


def _watched(place: KeyPlace) -> Watched:
    from keelmark.store.documents_postgres import PostgresDocument, Watched  # noqa: PLC0415 - as above

    assert isinstance(place, PostgresDocument)
    return Watched(place).start()
