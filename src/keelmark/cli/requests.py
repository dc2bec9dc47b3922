"""`keelmark log requests`: prove that no recorded request was changed or removed, and show what was recorded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from keelmark.cli.output import print_text
from keelmark.config.settings import key_password
from keelmark.core.outcome import Outcome
from keelmark.core.request_event import RequestEvent
from keelmark.errors import TrustError, UsageError
from keelmark.report.sanitise import terminal
from keelmark.workflows import request_log_verify as job
from keelmark.workflows.log import LOG_FOLDER, find_log
from keelmark.workflows.log_keys import private_key
from keelmark.workflows.request_log_read import REQUESTS_FOLDER, find_requests

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["requests"]

_EXIT_CODES = (
    "Exit codes: 0 verifies, 1 does not, 2 could not run, 3 cannot tell: no key was given, no head was "
    "published, or the end is torn."
)

requests = App(name="requests", help="The log of requests that the gateway keeps.", help_epilogue=_EXIT_CODES)

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]
Keys = Annotated[tuple[str, ...], Parameter(negative=())]

_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3}
_WORDS = {Outcome.PASS: "verifies", Outcome.FAIL: "does not verify", Outcome.UNKNOWN: "cannot tell"}


@requests.command
def verify(
    place: Path = Path(),
    *,
    log: Path | None = None,
    key: Keys = (),
    first: int = 1,
    format: Format = "console",  # noqa: A002
) -> int:
    """Verify the whole request log, against the heads in the transparency log.

    Args:
        place: The project, the folder of the request log, or that of one worker.
        log: The project or folder of the transparency log, when it is not beside the request log.
        key: Verifier key, or file with a public key, that must have signed the transparency log. May be given several times.
        first: Number of the first segment that must be there, when earlier ones were taken away on purpose.
        format: console or json.
    """
    folder = find_requests(place)
    report = job.verify_requests(folder, log=log or _log_beside(place, folder), keys=key, first=max(first, 1))
    if format == "json":
        print_text(json.dumps(msgspec.to_builtins(report), indent=2))
    else:
        # The log may lie in a folder that somebody else wrote: everything is foreign text.
        print_text("\n".join(terminal(line, limit=2_000) for line in _lines(report)))
    return _CODES[report.outcome]


@requests.command
def show(  # noqa: PLR0913 - each option of the command is one argument
    place: Path = Path(),
    *,
    principal: str = "",
    model: str = "",
    decision: str = "",
    id: str = "",  # noqa: A002 - as the event calls it
    since: str = "",
    content_key: Path | None = None,
) -> int:
    """Show recorded events as JSON lines, those of each worker in their order. It does not verify them.

    Args:
        place: The project, the folder of the request log, or that of one worker.
        principal: Id of who called.
        model: Model as the caller named it.
        decision: allow, deny, ask, redact, or the id of a reason such as rate-limited.
        id: Of the request, as the caller got it.
        since: Not before this moment, such as 2026-01-31T12:00Z; or this long ago, such as 90m, 6h or 7d.
        content_key: Private key (X25519, PEM) that opens sealed content; KEELMARK_KEY_PASSWORD holds its password.
    """
    wanted = job.RequestFilter(
        principal=principal, model=model, decision=decision, id=id, since=_moment(since) if since else None
    )
    opened = _opener(content_key) if content_key else None
    for worker, event in job.events(find_requests(place), wanted=wanted):
        shown = {"worker": worker, **msgspec.to_builtins(event)}
        if opened is not None and isinstance(event, RequestEvent) and event.content is not None:
            shown["content"] = opened(event)
        print_text(json.dumps(shown, separators=(",", ":")))  # ASCII: a log may be foreign text
    return 0


@requests.command
def prune(  # noqa: PLR0913 - each option of the command is one argument
    place: Path = Path(),
    *,
    owner: str,
    reason: str,
    key: Keys = (),
    older_than: str = "",
    keep: str = "",
    log_key: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Remove old segments, whole ones from the beginning, so that what is left verifies and says what is gone.

    Nothing is removed unless all of it verifies with the keys. Gateways may be serving meanwhile.

    Args:
        place: The project.
        owner: Who removes: a role or person.
        reason: Why; it goes on record, with what was removed.
        key: Verifier key, or file with a public key, that must have signed the transparency log. May be given several times.
        older_than: Only what was written before this moment, such as 2026-01-31T12:00Z; or this long ago, such as 90d.
        keep: As much of the newest of each worker is kept at least: bytes, or such as 500M or 10G.
        log_key: Private key of the transparency log, when it is signed here; KEELMARK_KEY_PASSWORD holds its password.
        dry_run: Only say what would be removed.
    """
    from keelmark.core.clock import SystemClock  # noqa: PLC0415 - as in `_moment`
    from keelmark.workflows import request_log_prune as pruning  # noqa: PLC0415 - only who removes needs to write

    request = pruning.PruneRequest(
        root=place,
        before=_moment(older_than) if older_than else None,
        keep_bytes=_size(keep) if keep else -1,
        keys=key,
        log_key=private_key(log_key, password=key_password()) if log_key is not None else None,
        owner=owner,
        reason=reason,
        is_trial=dry_run,
    )
    report, removals = pruning.prune_requests(request, clock=SystemClock())
    if report.outcome is not Outcome.PASS:
        print_text("\n".join(terminal(line, limit=2_000) for line in _lines(report)))
        print_text("nothing was removed")
        return _CODES[report.outcome]
    done = "would be removed" if dry_run else "removed"
    for each in removals:
        print_text(
            terminal(
                f"{each.pruned.worker}  {len(each.segments)} segments, {each.size} bytes {done}; "
                f"it begins with segment {each.pruned.first}, line {each.pruned.line}"
            )
        )
    if not removals:
        print_text("nothing is old enough to be removed")
    return 0


@requests.default
def overview() -> int:
    """Show what can be done with the request log."""
    requests.help_print([])
    return 2


def _log_beside(place: Path, folder: Path) -> Path | None:
    """The transparency log of the same project, when there is one."""
    roots = [place, *(above for above in folder.resolve().parents if (above / REQUESTS_FOLDER).is_dir())]
    for root in roots:
        if (root / LOG_FOLDER).is_dir():
            return find_log(root)
    return None


def _moment(text: str) -> datetime:
    units = {"m": 60, "h": 3_600, "d": 86_400}
    number, unit = text[:-1], text[-1:]
    if unit in units and number.isascii() and number.isdecimal() and len(number) <= 5:
        from keelmark.core.clock import SystemClock  # noqa: PLC0415 - only what is relative needs to know the time

        return SystemClock().now() - timedelta(seconds=int(number) * units[unit])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"`{text}` is no moment", hint="write it like 2026-01-31T12:00Z, or 90m, 6h, 7d"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _size(text: str) -> int:
    units = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
    number = text[:-1] if text[-1:] in units else text
    if not (number.isascii() and number.isdecimal() and len(number) <= 15):
        raise UsageError(f"`{text}` is no size", hint="write it like 500M or 10G")
    return int(number) * units.get(text[-1:], 1)


def _opener(file: Path) -> Callable[[RequestEvent], object]:
    # Only who reads content needs cryptography.
    from keelmark.workflows.request_content import opener  # noqa: PLC0415

    opened = opener(file, password=key_password())

    def content_of(event: RequestEvent) -> object:
        assert event.content is not None
        try:
            return opened(event)
        except TrustError as error:
            return {"form": event.content.form, "problem": error.message}

    return content_of


def _lines(report: job.RequestsReport) -> list[str]:
    lines = [f"request log {_WORDS[report.outcome]}"]
    for worker in report.workers:
        published = (
            f"agrees with {worker.published} published heads" if worker.published else "no published head"
        )
        lines.append(f"{worker.worker}  {worker.lines} lines in {worker.segments} segments, {published}")
    lines.extend(f"PROBLEM  {each.where}: {each.message}" for each in report.problems)
    lines.extend(f"UNKNOWN  {words}" for words in report.unknown)
    lines.extend(f"note     {words}" for words in report.notes)
    return lines
