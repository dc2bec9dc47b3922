"""Removes old segments of request logs, so that what is left still verifies and says what is gone.

The promises, each with a test:

1. Nothing is removed unless everything verifies, against heads that a given key signed.
2. Whole segments go, oldest first, never the last one, and only where a published head behind them vouches for the hash that
   the rest goes on from.
3. What is removed is on record, with who and why, before it is removed; that record is chained and published itself.
4. Stopped at any point, what is left verifies; the next time removes what should have been.
5. Gateways may be serving meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome
from keelmark.core.request_event import NoticeEvent, Pruned, encode
from keelmark.errors import StoreError, UsageError
from keelmark.store.durable import sync_folder
from keelmark.store.request_chain import name_of
from keelmark.store.request_log_files import segments_of
from keelmark.trust.keys import PrivateKey
from keelmark.workflows.log import LOG_FOLDER, find_log
from keelmark.workflows.request_log import head_publisher, open_worker_log
from keelmark.workflows.request_log_ledger import LEDGER, PRUNE, header_of, ledger_of, removals_in
from keelmark.workflows.request_log_read import REQUESTS_FOLDER, published_heads, workers_of
from keelmark.workflows.request_log_verify import verify_requests

if TYPE_CHECKING:
    from keelmark.core.clock import Clock
    from keelmark.core.request_log import ChainHead
    from keelmark.workflows.request_log_verify import RequestsReport

__all__ = ["PruneRequest", "Removal", "prune_requests"]

_MAX_REASON, _MAX_OWNER = 1_000, 200
_FLUSH_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneRequest:
    """What is removed.

    Attributes:
        root: The project.
        before: Only what was written before this moment; None for whenever.
        keep_bytes: Of each log, as much is kept at least; -1 to remove all that is old.
        keys: That must have signed the transparency log.
        log_key: Signs the checkpoint over what is written down of it; None for none.
        owner: Who removes.
        reason: Why.
        is_trial: Whether it is only said what would be removed.
    """

    root: Path
    before: datetime | None
    keep_bytes: int
    keys: Sequence[str]
    log_key: PrivateKey | None
    owner: str
    reason: str
    is_trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What is removed of one log.

    Attributes:
        pruned: Where it begins then.
        segments: Numbers that go.
        size: Their bytes.
        is_told: Whether it stands in the log of removals already, since an earlier removal was stopped.
    """

    pruned: Pruned
    segments: tuple[int, ...]
    size: int
    is_told: bool = False


def prune_requests(request: PruneRequest, *, clock: Clock) -> tuple[RequestsReport, tuple[Removal, ...]]:
    """Remove what is old; what was found by verifying before, and what was removed. Nothing is unless all verifies.

    Raises:
        StoreError: There is no request log, or it cannot be written.
        UsageError: Nobody answers for it, or nothing says what is old.
    """
    _check(request)
    place = request.root / REQUESTS_FOLDER
    log = request.root / LOG_FOLDER
    if ledger_of(place) is not None and not request.is_trial:
        _write_down((), request, clock)  # What a removal that was stopped wrote down is published first.
    report = verify_requests(place, log=log if log.is_dir() else None, keys=request.keys)
    if report.outcome is not Outcome.PASS:
        return report, ()
    heads, _ = published_heads(find_log(log))
    told = {event.pruned for event in removals_in(ledger_of(place)).values()}
    removals = [
        found
        for folder in workers_of(place)
        if folder.name != LEDGER and (found := _removal(folder, request, heads, told)) is not None
    ]
    if removals and not request.is_trial:
        if new := [each.pruned for each in removals if not each.is_told]:
            _write_down(new, request, clock)
        for each in removals:
            _remove(place / each.pruned.worker, each.segments)
    return report, tuple(removals)


def _check(request: PruneRequest) -> None:
    if not request.owner.strip() or not request.reason.strip():
        raise UsageError(
            "removing records needs a reason and who answers for it", hint="--owner NAME --reason WORDS"
        )
    if len(request.owner) > _MAX_OWNER or len(request.reason) > _MAX_REASON:
        raise UsageError(f"owner and reason have at most {_MAX_OWNER} and {_MAX_REASON} characters")
    if request.before is None and request.keep_bytes < 0:
        raise UsageError("nothing says what is old", hint="--older-than 90d, or --keep 10G, or both")


def _removal(
    folder: Path, request: PruneRequest, heads: dict[str, list[ChainHead]], told: set[Pruned | None]
) -> Removal | None:
    """What goes of one log; None for nothing."""
    numbers = segments_of(folder)
    sizes = {number: (folder / name_of(number)).stat().st_size for number in numbers}
    kept = sum(sizes.values())
    found: Removal | None = None
    for at, number in enumerate(numbers[1:], start=1):
        # Everything before a segment was written before it was begun.
        header, line = header_of(folder, number)
        kept -= sizes[numbers[at - 1]]
        pruned = Pruned(chain=header.previous, first=number, line=line, log=header.log, worker=folder.name)
        is_told = pruned in told
        if not is_told and not (_is_old(header.time, request.before) and kept >= request.keep_bytes):
            break
        if any(head.lines >= line for head in heads.get(header.log, ())):
            gone = tuple(numbers[:at])
            found = Removal(
                pruned=pruned, segments=gone, size=sum(sizes[each] for each in gone), is_told=is_told
            )
    return found


def _is_old(begun: str, before: datetime | None) -> bool:
    if before is None:
        return True
    try:
        return datetime.fromisoformat(begun) < before
    except (ValueError, TypeError) as error:
        raise StoreError("a segment does not say when it was begun") from error


def _write_down(pruned: Sequence[Pruned], request: PruneRequest, clock: Clock) -> None:
    """Put removals on record, durably and under a published head, before anything is removed."""
    publish = head_publisher(request.root, key=request.log_key, clock=clock)
    with open_worker_log(request.root, worker=LEDGER, clock=clock) as log:
        for each in pruned:
            log.append(
                encode(
                    NoticeEvent(
                        what=PRUNE, time=clock.now(), owner=request.owner, reason=request.reason, pruned=each
                    )
                )
            )
        log.flush(_FLUSH_S)
        publish(log.head())


def _remove(folder: Path, segments: Sequence[int]) -> None:
    try:
        for number in segments:
            (folder / name_of(number)).unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"segments of `{folder.name}` cannot be removed: {error.strerror}") from error
