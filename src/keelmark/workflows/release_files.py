"""Measures the folder of a release: every file by its digest, every link by its target, and what is left out by name.

Two folders are left out, by these names and at the top only, and told each time: `.git`, of which the commit is recorded,
and `.keelmark`. Everything else counts, hidden files, caches and environments included.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.release import LeftOut
from keelmark.deployment.release.subjects import Measured, digest_of_target
from keelmark.errors import LimitExceededError, TrustError, UsageError
from keelmark.store.durable import read_bounded
from keelmark.trust.statement import is_hex
from keelmark.workflows.model_files import Listing, Span, digest_spans, list_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


__all__ = ["Measurement", "Snapshot", "measure", "take_snapshot"]

_GIT = ".git"
_OWN = ".keelmark"
_LEFT_OUT = {_GIT: "version control data", _OWN: "Keelmark's own records"}
_MAX_REF_BYTES = 4_096
_MAX_PACKED_BYTES = 16 * 1024**2
_COMMIT_DIGITS = (40, 64)
_CLOCK_STEP_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What lies in a folder at one moment, by name, size and times: equal only while nothing changes.

    Attributes:
        listing: Files, links and other things.
        targets: Where the links lead, in their order.
    """

    listing: Listing
    targets: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What lies in a folder, by digest.

    Attributes:
        measured: Files and links, sorted by path.
        size: Bytes of the files.
        others: Paths of what is neither file, folder nor link, or has no name in UTF-8.
        left_out: What is there and does not count.
        commit: Commit that is checked out; "" when that is not known.
    """

    measured: tuple[Measured, ...]
    size: int
    others: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    commit: str


def take_snapshot(root: Path) -> Snapshot:
    """What lies in a folder now; nothing is read.

    Raises:
        UsageError: The folder cannot be listed.
        LimitExceededError: There is too much in it.
    """
    listing = list_files(root, ignore=tuple(_LEFT_OUT))
    try:
        # Names as bytes: the text of a target need not be UTF-8.
        targets = tuple(
            os.readlink(os.fsencode(root / path))  # noqa: PTH115 - as bytes
            for path in listing.links
        )
    except OSError as error:
        raise UsageError("a link changed while the folder was listed", hint=_WAIT) from error
    newest = max((entry.identity[-1] for entry in listing.files), default=0)
    age_s = (time.time_ns() - newest) / 1e9
    if 0 <= age_s < _CLOCK_STEP_S:
        # The clock of the file system steps on, so that whatever is written from now on has another time.
        time.sleep(_CLOCK_STEP_S - age_s)
    return Snapshot(listing=listing, targets=targets)


def measure(
    root: Path, *, before: Snapshot | None = None, known: Mapping[str, str] | None = None
) -> Measurement:
    """Digest every file of a folder, several at a time.

    Args:
        root: The folder.
        before: What lay there when digests were taken earlier; nothing may have changed since.
        known: Those digests (SHA-256), by path; such files are not read a second time.

    Raises:
        UsageError: The folder cannot be listed.
        TrustError: Something changed meanwhile, or cannot be read.
        LimitExceededError: There is too much in it.
    """
    first = take_snapshot(root)
    if before is not None and first != before:
        raise TrustError("files came, went or changed since they were assessed", hint=_WAIT)
    digests = dict(known) if before is not None and known else {}
    files = first.listing.files
    unread = [Span(entry=entry) for entry in files if not digests.get(entry.path)]
    read = digest_spans(root, unread, algorithm="sha256", follow=False)
    digests.update(zip((span.entry.path for span in unread), read, strict=True))
    if take_snapshot(root) != first:
        raise TrustError("files came, went or changed while they were read", hint=_WAIT)
    links = zip(first.listing.links, first.targets, strict=True)
    measured = [
        *(Measured(path=entry.path, sha256=digests[entry.path]) for entry in files),
        *(Measured(path=path, sha256=digest_of_target(target), is_link=True) for path, target in links),
    ]
    return Measurement(
        measured=tuple(sorted(measured, key=lambda each: each.path)),
        size=sum(entry.size for entry in files),
        others=first.listing.others,
        left_out=tuple(
            LeftOut(path=name, reason=why) for name, why in _LEFT_OUT.items() if os.path.lexists(root / name)
        ),
        commit=_commit(root / _GIT),
    )


_WAIT = "wait until nobody writes there, and again"


def _commit(git: Path) -> str:
    """The commit that HEAD names, read from the files of git, which are not believed any further than that."""
    try:
        head = read_bounded(git / "HEAD", _MAX_REF_BYTES).decode("ascii").strip()
        if not head.startswith("ref: "):
            return _hexadecimal(head)
        ref = head.removeprefix("ref: ")
        if not ref.startswith("refs/") or ".." in ref.split("/"):
            return ""
        try:
            return _hexadecimal(read_bounded(git / ref, _MAX_REF_BYTES).decode("ascii").strip())
        except FileNotFoundError:
            return _packed(git, ref)
    except (OSError, ValueError, LimitExceededError):
        return ""


def _packed(git: Path, ref: str) -> str:
    for line in read_bounded(git / "packed-refs", _MAX_PACKED_BYTES).decode("utf-8").splitlines():
        commit, _, name = line.partition(" ")
        if name == ref:
            return _hexadecimal(commit)
    return ""


def _hexadecimal(text: str) -> str:
    return text if any(is_hex(text, digits) for digits in _COMMIT_DIGITS) else ""
