"""Records each request, and lets none through that could not be recorded.

1. A request is admitted only while the log is writable and keeps room for its event; else it is refused: `log-unavailable`.
2. In strict mode its admission is queued at once, and `exchange.facts["admitted"]` is done when that is on disk: no byte of the
   answer leaves before.
3. Each request has its event when it is over, refused and broken-off ones, too. Recording never raises.
4. An event of an admitted request that could not be taken closes the log: no further request is let through.
5. A refusal that finds no room is counted, and the count is recorded as soon as there is room.
6. Switched off, with a reason, an owner and an end, nothing is recorded but that: at the start, and when it is over.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from keelmark.core.exchange import ALLOW, Decision, deny
from keelmark.core.request_event import NoticeEvent, clean, encode
from keelmark.errors import ConfigurationError, StoreError
from keelmark.operation.behaviour.content import ContentForm, with_content
from keelmark.operation.behaviour.event_of import ANSWER_BODY, SENT_BODY, admission_of, event_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.clock import Clock
    from keelmark.core.exchange import Exchange
    from keelmark.core.request_event import RequestEvent
    from keelmark.core.request_log import RequestLog
    from keelmark.operation.behaviour.content import ContentKeeper

__all__ = ["ADMITTED", "Admission", "AuditMode", "RecordSettings", "Recorder"]

ADMITTED: Final = "admitted"
"""Fact: done when the admission of the request is on disk; to be awaited before the first byte of the answer leaves."""

_RESERVED: Final = "log_reserved"
_UNAVAILABLE = deny("log-unavailable")
_START_TIMEOUT_S = 10.0


class AuditMode(StrEnum):
    """When an event is on disk."""

    STRICT = "strict"
    """Before the answer leaves."""
    GROUP = "group"
    """Within 20 ms; nobody waits for it."""
    OFF = "off-with-reason"
    """Nothing is recorded. It needs a reason, an owner and an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSettings:
    """How requests are recorded.

    Attributes:
        audit: When an event is on disk.
        content: What is kept of what was said.
        content_key: PEM file of the X25519 public key that content is sealed to; "" where it is not.
        off_reason: Why nothing is recorded, when it is off.
        off_owner: Who answers for that.
        off_expires: First day (UTC) on which everything is recorded again, strictly.
    """

    audit: AuditMode = AuditMode.STRICT
    content: ContentForm = ContentForm.NONE
    content_key: str = ""
    off_reason: str = ""
    off_owner: str = ""
    off_expires: date | None = None


class Recorder:
    """Admits and records. One for each worker.

    Args:
        log: Where events go.
        settings: How.
        clock: Time of day, for what the gateway says of itself.
        keep: Makes of content what may be kept; needed unless the settings keep none.
        now_ns: Nanoseconds that never go back; the clock of `exchange.started_ns`.

    Raises:
        ConfigurationError: The settings do not go together.
        StoreError: Not even the start can be recorded.
    """

    __slots__ = ("_clock", "_is_off", "_keep", "_log", "_mode", "_now_ns", "_off_until", "_settings", "lost")

    def __init__(
        self,
        log: RequestLog,
        *,
        settings: RecordSettings,
        clock: Clock,
        keep: ContentKeeper | None = None,
        now_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        _check(settings, keep)
        self._log, self._settings, self._clock, self._keep, self._now_ns = log, settings, clock, keep, now_ns
        self._mode = settings.audit
        self._off_until = datetime.min.replace(tzinfo=UTC)
        if settings.audit is AuditMode.OFF and settings.off_expires is not None:
            self._mode = AuditMode.STRICT
            self._off_until = datetime.combine(settings.off_expires, time_of_day.min, tzinfo=UTC)
        self._is_off = clock.now() < self._off_until
        self.lost = 0
        """Events that could not be recorded."""
        self._say("start")
        if self._is_off:
            self._say("audit-off")
        log.flush(_START_TIMEOUT_S)

    @property
    def keeps_content(self) -> bool:
        """Whether bodies are wanted among the facts."""
        return self._keep is not None and not self._is_off

    @property
    def is_available(self) -> bool:
        """Whether requests can be recorded; for readiness."""
        return self._log.is_writable

    def admit(self, exchange: Exchange) -> Decision:
        """Keep room for the event of the exchange, and in strict mode queue its admission."""
        if self._is_off and not self._is_over(exchange):
            return ALLOW
        if _RESERVED in exchange.facts:
            return ALLOW
        if not self._log.reserve():
            return _UNAVAILABLE
        exchange.facts[_RESERVED] = True
        if self._mode is AuditMode.STRICT:
            try:
                exchange.facts[ADMITTED] = self._log.append_awaited(encode(admission_of(exchange)))
            except StoreError:
                return _UNAVAILABLE
        return ALLOW

    def record(self, exchange: Exchange) -> None:
        """Record an exchange that is over. Never raises."""
        is_reserved = exchange.facts.pop(_RESERVED, False)
        if self._is_off and not is_reserved:
            return
        try:
            event = event_of(exchange, ended_ns=self._now_ns())
            line = encode(event) if self._keep is None else self._with_content(exchange, event)
            self._log.append(line, is_reserved=is_reserved)
        except Exception as error:  # noqa: BLE001 - an answer must not end because of its record; the next request is refused
            self._missed(error, is_served=is_reserved)

    def close(self) -> None:
        """Record that the gateway stops; the log is closed by whoever opened it."""
        try:
            self._say("stop")
        except StoreError:
            self.lost += 1

    def _with_content(self, exchange: Exchange, event: RequestEvent) -> bytes | Callable[[], bytes]:
        facts, keep = exchange.facts, self._keep
        request, answer = facts.get(SENT_BODY), facts.get(ANSWER_BODY, b"")
        assert keep is not None
        if request is None:
            call = exchange.call
            request = msgspec.json.encode(call.body) if call is not None else b""
        if not request and not answer:
            return encode(event)
        return lambda: with_content(event, request, answer, keep)

    def _missed(self, error: Exception, *, is_served: bool) -> None:
        self.lost += 1
        if is_served or not isinstance(error, StoreError):
            self._log.fail(f"a request could not be recorded: {type(error).__name__}")
        else:
            self._log.miss()

    def _is_over(self, exchange: Exchange) -> bool:
        """Whether the time for which nothing is recorded is over; said once."""
        if exchange.started < self._off_until:
            return False
        self._is_off = False
        try:
            self._say("audit-on")
        except StoreError as error:
            self._log.fail(error.message)
        return True

    def _say(self, what: str) -> None:
        is_off = what == "audit-off"
        settings = self._settings
        notice = NoticeEvent(
            what=what,
            mode=AuditMode.OFF.value if self._is_off else self._mode.value,
            time=self._clock.now(),
            reason=clean(settings.off_reason, 1_000) if is_off else "",
            owner=clean(settings.off_owner) if is_off else "",
            expires=str(settings.off_expires) if is_off else "",
        )
        self._log.append(encode(notice))


class Admission:
    """The stage before the upstream: may the request be recorded?

    Args:
        recorder: Of this worker.
    """

    name = "admission"

    __slots__ = ("_recorder",)

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def __call__(self, exchange: Exchange) -> Decision:
        """Decide about the exchange."""
        return self._recorder.admit(exchange)


def _check(settings: RecordSettings, keep: ContentKeeper | None) -> None:
    if settings.audit is AuditMode.OFF and not (
        settings.off_reason.strip() and settings.off_owner.strip() and settings.off_expires
    ):
        raise ConfigurationError(
            "recording is switched off without a reason, an owner and an end",
            hint="state all three, or use `audit: group`",
        )
    if (settings.content is ContentForm.NONE) is not (keep is None):
        raise ConfigurationError(f"content is to be kept as `{settings.content}`, and nothing does that")
