"""Registers what models made: after the answer left, in a thread of its own, in batches.

The promises, each with a test:

1. Noting an exchange never raises, never waits, and takes no more memory than its bounds say.
2. Only what left is registered: nothing of an answer that was refused as a whole.
3. What found no room, could not be written, or was cut is counted, the count is kept, and the operator is told once for each
   run of failures.
4. A register that fails is opened again; the gateway serves on meanwhile.
5. Closing registers what waits, for a bounded time.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from keelmark.core.fingerprint import MadeText
from keelmark.errors import StoreError
from keelmark.operation.credentials.noted import MADE, Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keelmark.core.clock import Clock
    from keelmark.core.exchange import Exchange
    from keelmark.core.fingerprint import FingerprintRegister
    from keelmark.operation.credentials.winnowing import Marker

__all__ = ["NOT_WRITTEN", "QUEUE_FULL", "TOO_LONG", "FingerprintSettings", "Registrar", "RegistrarBounds"]

QUEUE_FULL, NOT_WRITTEN, TOO_LONG = "queue-full", "not-written", "too-long"
"""Why texts were not registered, or not to their end."""

_OK = range(200, 300)
_MAX_NAME = 160
_PAUSE_S = 0.0001


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintSettings:
    """How texts that models made are registered.

    Attributes:
        key: File with the key of the marks; made at the first start. Without it, nothing that was registered is found again.
        keep_days: Days for which a text is kept, at least.
        max_bytes: Of the files of one worker; the oldest go first.
    """

    key: str = ".keelmark/credentials/key"
    keep_days: int = 90
    max_bytes: int = 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrarBounds:
    """Bounds of what waits to be registered.

    Attributes:
        max_answers: That wait.
        max_characters: Of all answers that wait.
        gather_s: How long answers are gathered before they are written.
        max_batch: Answers written together.
        close_timeout_s: Seconds that closing may take.
    """

    max_answers: int = 4096
    max_characters: int = 32 * 1024**2
    gather_s: float = 0.5
    max_batch: int = 256
    close_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: str
    time: datetime
    model: str
    release: str
    made: Made


class Registrar:
    """Takes what models made and registers it.

    Args:
        register: Opens the register; called in the thread that writes it.
        marker: Takes marks of texts.
        clock: Says when something was missed.
        told: Takes what the operator should know.
        bounds: Bounds of what waits.
    """

    def __init__(
        self,
        register: Callable[[], FingerprintRegister],
        *,
        marker: Marker,
        clock: Clock,
        told: Callable[[str], None] = lambda _: None,
        bounds: RegistrarBounds | None = None,
    ) -> None:
        self._open, self._marker, self._clock, self._told = register, marker, clock, told
        self._bounds = bounds or RegistrarBounds()
        self._queue: deque[_Waiting] = deque()
        # Each number is written by one thread alone, so that none needs a lock.
        self._came = self._went = self._full = self._full_told = 0
        self._missed: Counter[str] = Counter()
        self._register: FingerprintRegister | None = None
        self._is_failing = self._is_closing = False
        self._wake, self._idle = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, exchange: Exchange) -> None:
        """Take what the model made in an exchange that is over."""
        made: Made | None = exchange.facts.pop(MADE, None)
        if made is None or not made.characters or exchange.status not in _OK:
            return
        queue, bounds = self._queue, self._bounds
        if (
            len(queue) >= bounds.max_answers
            or self._came - self._went + made.characters > bounds.max_characters
        ):
            self._full += len(made.texts)
            return
        self._came += made.characters
        route = exchange.route
        model = "" if route is None else route.name[:_MAX_NAME]
        queue.append(_Waiting(exchange.id, exchange.started, model, exchange.release[:_MAX_NAME], made))
        if self._thread is None:
            self._start()
        if len(queue) >= bounds.max_batch:
            self._wake.set()

    @property
    def max_characters(self) -> int:
        """Most of one answer that is of use here."""
        return self._marker.settings.max_characters

    @property
    def waiting(self) -> int:
        """Answers that wait."""
        return len(self._queue)

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything taken so far is registered or counted; whether that came in time."""
        if self._thread is None:
            self._start()
        self._idle.clear()
        self._wake.set()
        return self._idle.wait(timeout_s)

    def close(self) -> None:
        """Register what waits, and release the register."""
        if self._thread is None:
            return
        self._is_closing = True
        self._wake.set()
        self._thread.join(self._bounds.close_timeout_s)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="keelmark-fingerprints", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            is_closing = self._is_closing
            asked = self._wake.is_set()
            self._wake.clear()
            while self._queue or self._full > self._full_told:
                self._batch()
            if asked:
                self._idle.set()
            if is_closing:
                if self._missed:
                    self._batch()
                break
            self._wake.wait(self._bounds.gather_s)
        if self._register is not None:
            self._register.close()

    def _batch(self) -> None:
        lost = done = 0
        self._count_full()
        try:
            texts: list[MadeText] = []
            for _ in range(min(len(self._queue), self._bounds.max_batch)):
                each = self._queue.popleft()
                done += each.made.characters
                lost += len(each.made.texts)
                texts.extend(self._marked(each))
            if self._register is None:
                self._register = self._open()
            if texts:
                self._register.keep(texts)
            lost = 0
            if self._missed:
                self._keep_missed(self._register)
        except Exception as error:  # noqa: BLE001 - the thread must go on: what was not registered is counted and told
            self._fail(error, lost)
            return
        finally:
            self._went += done
        if self._is_failing:
            self._is_failing = False
            self._told("fingerprints are registered again")

    def _count_full(self) -> None:
        full = self._full
        if full > self._full_told:
            self._missed[QUEUE_FULL] += full - self._full_told
            self._full_told = full
            self._tell(f"fingerprints of {full} texts found no room and are not registered")

    def _keep_missed(self, register: FingerprintRegister) -> None:
        now = self._clock.now()
        for reason in list(self._missed):
            register.miss(reason, self._missed[reason], now=now)
            del self._missed[reason]

    def _fail(self, error: Exception, texts: int) -> None:
        self._missed[NOT_WRITTEN] += texts
        why = error.message if isinstance(error, StoreError) else type(error).__name__
        self._tell(f"fingerprints are not registered: {why}")
        register, self._register = self._register, None
        if register is not None:
            register.close()

    def _tell(self, words: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._told(words)

    def _marked(self, each: _Waiting) -> Iterator[MadeText]:
        if each.made.is_cut:
            self._missed[TOO_LONG] += 1
        for part, (kind, parts) in enumerate(each.made.texts):
            text = "".join(parts)
            marks = self._marker.made(_spoken(text) if kind == "tool" else text, pause=_pause)
            if marks.values:
                yield MadeText(
                    request=each.request,
                    time=each.time,
                    part=part,
                    model=each.model,
                    release=each.release,
                    words=marks.words,
                    marks=marks.values,
                    top=marks.top,
                )


def _pause() -> None:
    """Let the thread that answers have its turn; else it would wait for the whole of a long text.

    To sleep for no time at all would do only sometimes: this thread may be the first to go on.
    """
    time.sleep(_PAUSE_S)


def _spoken(text: str) -> str:
    """What arguments of a tool say: the texts in them, where they are JSON."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return text
    found, todo = [], [value]
    while todo:
        each = todo.pop()
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, dict):
            todo.extend(reversed(each.values()))
        elif isinstance(each, list):
            todo.extend(reversed(each))
    return "\n".join(found)
