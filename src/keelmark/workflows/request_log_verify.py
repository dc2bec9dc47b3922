"""Whether the request log of a project verifies, and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.outcome import Outcome
from keelmark.core.request_event import AdmissionEvent, NoticeEvent, RequestEvent, parse
from keelmark.errors import StoreError
from keelmark.store.log_check import Problem
from keelmark.store.request_chain import name_of
from keelmark.store.request_log_check import RequestCheck, check_requests, events_of
from keelmark.workflows.log import find_log
from keelmark.workflows.log_verify import verify as verify_log
from keelmark.workflows.request_log_ledger import beginning_of, ledger_of, removals_in
from keelmark.workflows.request_log_read import published_heads, workers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from keelmark.core.request_event import Event
    from keelmark.core.request_log import ChainHead

__all__ = ["RequestFilter", "RequestsReport", "WorkerReport", "events", "verify_requests"]

_FAIL, _UNKNOWN, _PASS = Outcome.FAIL, Outcome.UNKNOWN, Outcome.PASS


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """The log of one worker.

    Attributes:
        worker: Name of its folder.
        log: Its own name.
        lines: That verify.
        segments: Number of the last segment.
        chain: Hash of the last line.
        published: Heads from the transparency log that it agrees with.
        torn: Bytes that broke off at the end.
    """

    worker: str
    log: str
    lines: int
    segments: int
    chain: str
    published: int
    torn: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestsReport:
    """Whether all request logs of a place verify.

    Attributes:
        outcome: Pass; fail; unknown when nothing contradicts, and something cannot be told.
        workers: Each log.
        problems: What does not hold.
        unknown: What cannot be told, and why.
        notes: What is worth knowing.
    """

    outcome: Outcome
    workers: tuple[WorkerReport, ...]
    problems: tuple[Problem, ...] = ()
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFilter:
    """Which events are shown; what is empty lets everything through.

    Attributes:
        principal: Id of who called.
        model: As the caller named it.
        decision: Outcome, or id of the reason.
        id: Of the request.
        since: Not before this moment.
    """

    principal: str = ""
    model: str = ""
    decision: str = ""
    id: str = ""
    since: datetime | None = None

    def lets_through(self, event: Event) -> bool:
        """Whether the event is shown."""
        if self.since is not None and event.time < self.since:
            return False
        if not (self.principal or self.model or self.decision or self.id):
            return True
        if isinstance(event, NoticeEvent):
            return False
        if self.decision and not (
            isinstance(event, RequestEvent) and self.decision in {event.outcome, event.reason}
        ):
            return False
        return self._is_of(event)

    def _is_of(self, event: RequestEvent | AdmissionEvent) -> bool:
        by = event.principal.id if event.principal is not None else ""
        return (
            (not self.principal or by == self.principal)
            and (not self.model or event.model == self.model)
            and (not self.id or event.id == self.id)
        )


def verify_requests(
    place: Path, *, log: Path | None, keys: Sequence[str] = (), first: int = 1
) -> RequestsReport:
    """Verify all request logs below a place, against the heads in a transparency log where there is one.

    Args:
        place: Folder of the request logs, or of one.
        log: Project or folder of the transparency log; None where there is none.
        keys: Keys that must have signed the checkpoint of the transparency log.
        first: Number of the first segment that must be there, where the log of removals says nothing later.

    Raises:
        StoreError: There is no request log.
        UsageError: A key cannot be read.
    """
    problems: list[Problem] = []
    unknown: list[str] = []
    notes: list[str] = []
    heads = _published(log, keys, problems, unknown)
    folders = workers_of(place)
    ledger = ledger_of(place)
    removals = removals_in(ledger)
    checks = []
    for folder in (*folders, *([ledger] if ledger is not None and ledger not in folders else ())):
        begins = beginning_of(folder, removals)
        check = check_requests(folder, published=heads, first=max(first, begins.first))
        if begins.problem:
            check.add(name_of(begins.first), begins.problem)
        if begins.note:
            check.notes.append(begins.note)
        checks.append(check)
    for check in checks:
        problems.extend(check.problems)
        notes.extend(f"{check.worker}: {words}" for words in check.notes)
        if check.torn:
            unknown.append(
                f"{check.worker}: {check.torn} bytes at the end are torn; nobody was told that they are on disk"
            )
        if heads is not None and not check.published:
            unknown.append(
                f"{check.worker}: no head of it was published, so nothing else says how long it should be"
            )
    if heads is not None and folders != (place,):
        _check_gone(heads, checks, problems)
    outcome = _FAIL if problems else _UNKNOWN if unknown else _PASS
    return RequestsReport(
        outcome=outcome,
        workers=tuple(map(_worker, checks)),
        problems=tuple(problems),
        unknown=tuple(unknown),
        notes=tuple(notes),
    )


def events(place: Path, *, wanted: RequestFilter) -> Iterator[tuple[str, Event]]:
    """Events of all logs below a place with the worker they are of, each log in its order; unverified.

    Raises:
        StoreError: A log cannot be read.
    """
    for folder in workers_of(place):
        for line in events_of(folder):
            try:
                event = parse(line)
            except msgspec.MsgspecError:
                continue
            if wanted.lets_through(event):
                yield folder.name, event


def _published(
    log: Path | None, keys: Sequence[str], problems: list[Problem], unknown: list[str]
) -> dict[str, list[ChainHead]] | None:
    if log is None:
        unknown.append("there is no transparency log, so nothing outside says how long the log should be")
        return None
    try:
        place = find_log(log)
        report = verify_log(place, keys=keys, with_records=False)
        heads, wrong = published_heads(place)
    except StoreError as error:
        problems.append(Problem(where="transparency log", message=error.message))
        return None
    problems.extend(
        Problem(where=f"transparency log: {each.where}", message=each.message) for each in report.problems
    )
    problems.extend(Problem(where="transparency log", message=words) for words in wrong)
    unknown.extend(f"transparency log: {words}" for words in report.unknown)
    return heads


def _check_gone(
    heads: dict[str, list[ChainHead]], checks: Sequence[RequestCheck], problems: list[Problem]
) -> None:
    """Logs of which heads were published must be there."""
    there = {check.log for check in checks}
    for log, published in heads.items():
        if log not in there:
            last = published[-1]
            words = f"log {log} is missing: a head of {last.lines} lines was published"
            problems.append(Problem(where=last.worker, message=words))


def _worker(check: RequestCheck) -> WorkerReport:
    return WorkerReport(
        worker=check.worker,
        log=check.log,
        lines=check.lines,
        segments=check.segments,
        chain=check.chain,
        published=check.published,
        torn=check.torn,
    )
