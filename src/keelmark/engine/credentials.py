"""Credentials in an artefact: in its texts, in the metadata of its header, and between the bytes of its objects.

What is told by its shape alone counts, and nothing that is dismissed: an artefact is handed on, so that whoever gets it
has the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Hazard, Technique
from keelmark.core.outcome import Confidence
from keelmark.errors import LimitExceededError
from keelmark.formats.bytes_pattern import bytes_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.facts import Reading, Secret
    from keelmark.formats.source import Source

__all__ = ["credentials_in", "secrets_of"]

# Formats whose texts stand between other bytes and are assigned to names; of the others the telling shapes are enough.
_OBJECTS = frozenset({"pickle", "joblib", "torch-legacy", "r-data"})
# Shorter files are searched as a whole, of longer ones the start, where their texts stand.
_MAX_WHOLE = 4 * 1024**2
_MAX_START = 1024**2
# Its members are met one by one.
_ARCHIVE = b"PK\x03\x04"
_PRINTED = bytes_pattern(rb"[\x20-\x7e\n\r\t]{16,}")
# Arrays of text keep each letter in four bytes.
_WIDE = bytes_pattern(rb"(?:[\x20-\x7e\n\r\t]\x00\x00\x00){16,}")
_WIDE_ARRAY = bytes_pattern(rb"'[<>|]U\d")
# What all sure credentials show that stand between numbers: compiling their shapes takes longer than most scans.
_MARK = bytes_pattern(
    rb"PRIVATE KEY-----|(?:AKIA|ASIA)[A-Z2-7]{12}|hf_[A-Za-z]{16}|gh[pousr]_[A-Za-z0-9]{16}|github_pat_|glpat-|sk[-_][A-Za-z0-9_-]{16}"
    rb"|rk_live_|xox[abeoprs]-|AIza[A-Za-z0-9_-]{16}|ya29\.|\bSG\.[\w-]{16}|npm_[A-Za-z0-9]{16}|pypi-[A-Za-z0-9]{16}|dckr_pat_|AccountKey="
)
# The longest text that the detector takes; its cost is a few hundredths of a second for a megabyte.
_MAX_TEXT = 16 * 1024**2
_MAX_SECRETS = 20
# Nothing shorter is taken for a credential for sure.
_MIN_SECRET = 8
# Where nothing begins like a credential and no run of letters and digits is as long as the shortest that is told by the
# name in front of it alone, no credential is sure.
_RUN = re2.compile(r"[A-Za-z0-9+/_-]{23,}")
_LONG_RUN = 32
_TOKENS = ("hf_", "ghp_", "gho_", "ghs_", "gith", "glpa", "AKIA")


def credentials_in(source: Source, readings: Sequence[Reading]) -> Iterator[Hazard]:
    """Credentials in an artefact: a configuration, the metadata of a header, what stands between its bytes."""
    if not readings:
        return
    if source.is_text and source.size <= _MAX_TEXT:
        yield from secrets_of(source)
        return
    text = "\n".join(
        f"{key}: {value}"
        for reading in readings
        for model in reading.models
        for key, value in model.metadata
        if len(value) >= _MIN_SECRET
    )
    path = _inner_path(source)
    stated = set()
    for hazard in _found(text, path=path, where="in its metadata"):
        stated.add(hazard.subject)
        yield hazard
    for hazard in _between_bytes(source, readings, path):
        if hazard.subject not in stated:
            yield hazard


def secrets_of(source: Source) -> tuple[Hazard, ...]:
    """Credentials in whatever holds text, or text between other bytes."""
    path = _inner_path(source)
    if not source.is_text:
        return tuple(_of_marked(_start(source), path))
    if source.size > _MAX_TEXT:
        return ()
    return tuple(_found(bytes(source.data).decode("utf-8", "replace"), path=path, where=""))


def _between_bytes(source: Source, readings: Sequence[Reading], path: str) -> Iterator[Hazard]:
    if source.size <= _MAX_WHOLE and any(reading.format in _OBJECTS for reading in readings):
        words = b"\n".join(match.group(0) for match in _PRINTED.finditer(bytes(source.data)))
        yield from _found(words.decode("latin-1"), path=path, where="among its objects")
    elif any(reading.models for reading in readings) and not source.head.startswith(_ARCHIVE):
        yield from _of_marked(_start(source), path)


def _start(source: Source) -> bytes:
    if source.size <= _MAX_WHOLE:
        return bytes(source.data)
    return source.start(_MAX_START)


def _of_marked(data: bytes, path: str) -> Iterator[Hazard]:
    """Credentials between other bytes; nothing is compiled for those in which nothing looks like one."""
    if _WIDE_ARRAY.search(data[:256]) is not None:
        data = b"\n".join(bytes(match.group(0))[::4] for match in _WIDE.finditer(data))
    if _MARK.search(data) is None:
        return
    words = b"\n".join(match.group(0) for match in _PRINTED.finditer(data))
    yield from _found(words.decode("latin-1"), path=path, where="between its bytes")


def _inner_path(source: Source) -> str:
    # An artefact is no test because the folder of its scan is called so; a member of it may be. RE2 knows no lone
    # surrogates.
    path = source.path.partition("!")[2].rpartition("!")[2] or source.name
    return path.encode("utf-8", "backslashreplace").decode()


def _found(text: str, *, path: str, where: str) -> Iterator[Hazard]:
    """Credentials in a text; `where` it stands, "" to tell the line."""
    if not text:
        return
    # Compiling the shapes of credentials takes longer than most scans, which meet no text.
    from keelmark.detectors import secret_rules, secrets  # noqa: PLC0415 - see above

    if secret_rules.rules().trigger.search(text.encode("utf-8", "replace")) is None and not _has_run(text):
        return
    try:
        found = [secret for secret in secrets.find(text, path=path) if _is_sure(secret)]
    except LimitExceededError:
        # Made of nothing but beginnings of credentials: none of them can be told from the others.
        return
    for secret in found[:_MAX_SECRETS]:
        place = where or f"in line {secret.line}"
        yield Hazard(
            technique=Technique.EMBEDDED_SECRET,
            detail=f"carries a credential ({secret.kind}, {secret.preview}) {place}",
            subject=f"{secret.kind} {secret.digest}",
        )


def _has_run(text: str) -> bool:
    runs = (str(match.group(0)) for match in _RUN.finditer(text))
    return any(len(run) >= _LONG_RUN or not run.isalpha() for run in runs)


def _is_sure(secret: Secret) -> bool:
    # In an address stands a password that may be anything; a token of a known shape is one wherever it stands.
    is_token = secret.kind == "url-credentials" and secret.preview.startswith(_TOKENS)
    return not secret.dismissed and (secret.confidence is Confidence.HIGH or is_token)
