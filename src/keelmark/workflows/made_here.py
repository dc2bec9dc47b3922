"""Asks the fingerprint registers of a project whether its system made a text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keelmark.errors import LimitExceededError, StoreError, UsageError
from keelmark.operation.credentials.made_here import judge
from keelmark.operation.credentials.registrar import FingerprintSettings
from keelmark.operation.credentials.winnowing import Marker
from keelmark.store.fingerprint_files import RegisterForm
from keelmark.store.fingerprint_index import SqliteIndex
from keelmark.workflows.credential_key import find_key

if TYPE_CHECKING:
    from keelmark.operation.credentials.made_here import MadeHere

__all__ = ["FINGERPRINTS_FOLDER", "MadeHereRequest", "form_of", "made_here", "read_text"]

FINGERPRINTS_FOLDER: Final = Path(".keelmark/fingerprints")
"""Where the registers of all workers lie in a project."""

_MAX_TEXT_BYTES = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeHereRequest:
    """What is asked, and where.

    Attributes:
        text: The text.
        root: The folder that the gateway was started in.
        key: File with the key of the register; None for the one in the folder.
    """

    text: str
    root: Path
    key: Path | None = None


def form_of(marker: Marker) -> RegisterForm:
    """What marks of one marker have in common."""
    return RegisterForm(key=marker.key_id, gram=marker.settings.gram)


def made_here(request: MadeHereRequest) -> MadeHere:
    """What the registers say of a text.

    Raises:
        StoreError: There is no register, or no key to read it with.
        ConfigurationError: The key is none.
    """
    folder = request.root / FINGERPRINTS_FOLDER
    if not folder.is_dir():
        raise StoreError(
            "there is no fingerprint register here",
            hint="`credentials: {fingerprints: {}}` in gateway.yaml begins one; --folder names where the gateway was started",
            path=str(folder),
        )
    marker = Marker(find_key(request.key or request.root / FingerprintSettings().key))
    return judge(request.text, marker=marker, index=SqliteIndex(folder, form=form_of(marker)))


def read_text(file: Path) -> str:
    """The text in a file, which may be standard input. Bytes that are no UTF-8 are replaced: some marks are lost by it.

    Raises:
        UsageError: It cannot be read.
        LimitExceededError: It is longer than a text may be.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(_MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"`{file}` cannot be read: {error.strerror or error}") from error
    if len(data) > _MAX_TEXT_BYTES:
        raise LimitExceededError(
            f"`{file}` is longer than {_MAX_TEXT_BYTES} bytes", hint="ask about a part of it"
        )
    return data.decode("utf-8", "replace")
