"""Screens what comes out: whole answers, and answers that arrive in parts.

1. Of a credential or canary that is redacted or stops the answer, no byte leaves, however the text is cut into parts.
2. The verdict, and the text with parts taken out, are the same for every cut as for the whole.
3. A text in which nothing is found leaves unchanged, and each part as soon as nothing that began in it can still grow.
4. What is held back has a bound. A private key that is longer stops the answer; anything else is decided as it stands.
5. Once a text was stopped, nothing more of it leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from keelmark.core.exchange import ALLOW, Ground, Outcome
from keelmark.detectors.openings import CLOSE, openings
from keelmark.detectors.repetition import repeated_share
from keelmark.detectors.secret_rules import compiled
from keelmark.errors import LimitExceededError, ScreenedError
from keelmark.operation.inputs.settings import Action, OutputSettings
from keelmark.operation.inputs.spots import SHAPES_OF, Spot, Spots, placeholder_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.call import ToolDefinition, ToolUse
    from keelmark.core.exchange import Decision, Exchange
    from keelmark.operation.inputs.tool_arguments import ToolGuard

__all__ = ["AnswerScreens", "OutputScreens", "OutputTextScreen"]

STAGE = "screen-output"
# Kept of what was decided: names and words in it tell what a value is.
_CONTEXT = 512
# What a pattern may reach back into: a telling word and the number of an account stand right before what is held.
_NEAR = 32
# Behind a credential, a few letters more decide whether it is a part of something longer.
_MARGIN = 16
_MAX_KEYS = 64
_KEY_MARK = compiled(r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----")
_KEY_RUN = compiled(r"-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----[A-Za-z0-9+/=\s\\\"',:.()-]*")
# A word of the language is never that long: what follows the mark is a key, not a text about keys.
_KEY_BODY = compiled(r"[A-Za-z0-9+/=]{40}")
_DONE = {Action.DENY: Outcome.DENY, Action.ASK: Outcome.DENY, Action.REDACT: Outcome.REDACT}
_LOOP_SHARE = 0.95


class OutputScreens:
    """Makes a screen for each text of an answer; the patterns are made once.

    Args:
        settings: What is looked for.
        tools: Judges the tools that answers ask for or offer; None where none are let through.
    """

    __slots__ = ("_tools", "max_held", "openings", "settings", "spots")

    def __init__(self, settings: OutputSettings, *, tools: ToolGuard | None = None) -> None:
        self._tools = tools
        held = [name for name in SHAPES_OF if _DONE.get(getattr(settings.personal, name))]
        shown = [name for name in SHAPES_OF if getattr(settings.personal, name) is Action.FLAG]
        self.settings = settings
        self.max_held = settings.bounds.max_held
        canaries = () if settings.canary is Action.OFF else settings.canaries[: settings.bounds.max_canaries]
        self.openings = openings(
            with_secrets=settings.secrets is not Action.OFF,
            canaries=canaries,
            shapes=sorted({shape for name in held for shape in SHAPES_OF[name]}),
            seen=sorted({shape for name in shown for shape in SHAPES_OF[name]}),
        )
        self.spots = Spots(
            secrets=settings.secrets,
            personal=settings.personal,
            canaries=self.openings.canaries,
            canary=settings.canary,
            reach=self.max_held,
        )

    def open(self, exchange: Exchange) -> AnswerScreens:
        """The screens for one answer."""
        return AnswerScreens(self, exchange, self._tools)

    def begin(self, note: Callable[[Ground], None]) -> OutputTextScreen:
        """A screen for one text.

        Args:
            note: Takes what is noticed.
        """
        return OutputTextScreen(self, note)

    def whole(self, text: str, note: Callable[[Ground], None]) -> str:
        """A whole text, with parts taken out.

        Raises:
            ScreenedError: It must not leave.
        """
        if len(text) < self.settings.loop_characters:
            labels = self.openings.sieve.look(text.encode("utf-8", "surrogatepass"))
            if labels is None or CLOSE not in labels:
                return text
        screen = self.begin(note)
        left = screen.feed(text)
        return left + screen.close()


class AnswerScreens:
    """Screens for everything in one answer.

    Args:
        screens: What texts are looked through with.
        exchange: Takes what is noticed.
        tools: Judges the tools that an answer asks for or offers; None where none are let through.
    """

    __slots__ = ("_exchange", "_screens", "_tools")

    def __init__(self, screens: OutputScreens, exchange: Exchange, tools: ToolGuard | None) -> None:
        self._screens = screens
        self._exchange = exchange
        self._tools = tools

    def text(self, kind: object, choice: int) -> OutputTextScreen:
        """A new screen for one text, whatever it is and whichever choice it belongs to."""
        del kind, choice
        return OutputTextScreen(self._screens, self._exchange.grounds.append)

    def tool(self, use: ToolUse) -> None:
        """A model asks for a tool.

        Raises:
            ScreenedError: It must not be told.
        """
        if self._tools is None:
            raise ScreenedError("tool-not-allowed")
        _raised(self._tools.used(self._exchange, (use,)))

    def offered(self, tool: ToolDefinition) -> None:
        """A server offers a tool.

        Raises:
            ScreenedError: It must not be told.
        """
        if self._tools is None:
            raise ScreenedError("tool-not-allowed")
        _raised(self._tools.definition(self._exchange, tool))


def _raised(decision: Decision) -> None:
    if decision is not ALLOW:
        raise ScreenedError(decision.reason)


class OutputTextScreen:
    """Looks at one text as it arrives; see the promises of the module."""

    __slots__ = ("_before", "_held", "_note", "_recent", "_recent_size", "_screens", "_seen", "_stopped")

    def __init__(self, screens: OutputScreens, note: Callable[[Ground], None]) -> None:
        self._screens = screens
        self._note = note
        self._before = b""
        self._held = b""
        self._recent: list[str] = []
        self._recent_size = 0
        self._stopped = ""
        self._seen: set[tuple[str, str]] = set()

    def feed(self, text: str) -> str:
        """Take the next part; the text that may leave now, parts taken out where that is asked for.

        Raises:
            ScreenedError: The text must not go on; nothing of what was held back may leave.
        """
        if self._stopped:
            raise ScreenedError(self._stopped)
        if not text:
            return ""
        self._recent.append(text)
        self._recent_size += len(text)
        if self._recent_size >= self._screens.settings.loop_characters:
            self._watch_loops()
        return self._looked_at(text.encode("utf-8", "surrogatepass"), text, is_last=False)

    def close(self) -> str:
        """The rest, when no more comes.

        Raises:
            ScreenedError: It must not leave.
        """
        if self._stopped:
            raise ScreenedError(self._stopped)
        return self._looked_at(b"", "", is_last=True) if self._held else ""

    def _looked_at(self, data: bytes, text: str, *, is_last: bool) -> str:
        """One pass tells whether anything must be looked at closely, and whether anything must wait; mostly neither."""
        fresh = self._held + data if self._held else data
        near = self._before[-_NEAR:]
        labels = self._screens.openings.sieve.look(near + fresh)
        if labels is None or (is_last and CLOSE not in labels):
            before = self._before + fresh
            self._before = before if len(before) <= 2 * _CONTEXT else _tail(before)
            if not self._held:
                return text
            self._held = b""
            return fresh.decode("utf-8", "surrogatepass")
        if CLOSE in labels:
            return self._decide(fresh, is_last=is_last)
        settled = max(0, self._settled(near + fresh, len(near)) - len(near))
        self._before = _tail(self._before + fresh[:settled])
        self._held = fresh[settled:]
        return fresh[:settled].decode("utf-8", "surrogatepass")

    def _decide(self, fresh: bytes, *, is_last: bool) -> str:
        """Look closely; hand on what is settled, keep what is not."""
        whole = self._before + fresh
        base = len(self._before)
        settled = len(whole) if is_last else self._settled(whole, base)
        if settled == base and not is_last:
            self._held = whole[base:]
            return ""
        try:
            spots = self._screens.spots.find(whole, start=base, sees_after=False)
        except LimitExceededError:
            self._stop("output-stopped", "too many beginnings of credentials")
        spots = [spot for spot in spots if spot.start < settled]
        if self._screens.settings.secrets in _DONE:
            self._stop_at_long_key(whole, base)
            if is_last:
                spots = self._with_broken_key(whole, base, spots)
        # What begins before the end and reaches past it is not settled either, nor is what it overlaps.
        while spots and spots[-1].end > settled:
            last = spots.pop()
            settled = last.start if last.action in _DONE else settled
        out = self._emitted(whole, base, settled, spots)
        self._before = _tail(whole[:settled])
        self._held = whole[settled:]
        return out

    def _settled(self, whole: bytes, base: int) -> int:
        """The first place from which the end of the text may still grow into something; its end when there is none."""
        bound = self._screens.max_held
        # INVARIANT: what is decided while it could still grow has at least the bound behind it, and no more is looked at, so
        # that the verdict is the same however far the text goes on. Half of what is held goes at a time: to go on byte
        # by byte would look at everything again for each.
        begin = base - _NEAR if len(whole) - base <= 2 * bound else len(whole) - bound - _MARGIN
        match = self._screens.openings.held.search(whole, max(0, begin))
        return len(whole) if match is None else max(base, match.start())

    def _stop_at_long_key(self, whole: bytes, base: int) -> None:
        """A private key that is longer than may be held stops the answer."""
        bound = self._screens.max_held
        if len(whole) - base < bound:
            return
        open_keys = 0
        for mark in _KEY_MARK.finditer(whole, base):
            start, reach = mark.start(), mark.start() + bound
            if reach > len(whole) or whole.find(b"-----END", mark.end(), reach) >= 0:
                continue
            open_keys += 1
            if open_keys > _MAX_KEYS:
                self._stop("secret", "private-key")
            run = _KEY_RUN.match(whole, start, reach)
            if run is not None and run.end() >= reach and _KEY_BODY.search(whole, mark.end(), reach):
                self._stop("secret", "private-key")

    def _with_broken_key(self, whole: bytes, base: int, spots: list[Spot]) -> list[Spot]:
        """A private key that breaks off with the answer is one all the same."""
        for mark in _KEY_MARK.finditer(whole, base):
            start = mark.start()
            run = _KEY_RUN.match(whole, start)
            if run is None or run.end() < len(whole) or whole.find(b"-----END", mark.end()) >= 0:
                continue
            if _KEY_BODY.search(whole, mark.end()):
                action = self._screens.settings.secrets
                key = Spot(start=start, end=len(whole), reason="secret", kind="private-key", action=action)
                return [*(spot for spot in spots if spot.end <= start), key]
        return spots

    def _emitted(self, whole: bytes, base: int, settled: int, spots: list[Spot]) -> str:
        pieces: list[str] = []
        at = base
        for spot in spots:
            self._tell(spot)
            if spot.action in {Action.DENY, Action.ASK}:
                self._stop(spot.reason, spot.kind)
            if spot.action is Action.REDACT:
                pieces += (whole[at : spot.start].decode("utf-8", "surrogatepass"), placeholder_of(spot))
                at = spot.end
        pieces.append(whole[at:settled].decode("utf-8", "surrogatepass"))
        return "".join(pieces)

    def _tell(self, spot: Spot) -> None:
        """Note each kind once: how often it came is not worth a record each."""
        if (spot.reason, spot.kind) in self._seen:
            return
        self._seen.add((spot.reason, spot.kind))
        outcome = _DONE.get(spot.action, Outcome.ALLOW)
        self._note(
            Ground(
                stage=STAGE,
                reason=spot.reason,
                outcome=outcome,
                score=spot.score,
                is_enforced=outcome is not Outcome.ALLOW,
                detail=spot.kind,
            )
        )

    def _stop(self, reason: str, kind: str) -> NoReturn:
        if not self._stopped:
            self._stopped = reason
            self._held = self._before = b""
            if (reason, kind) not in self._seen:
                self._note(Ground(stage=STAGE, reason=reason, outcome=Outcome.DENY, detail=kind))
        raise ScreenedError(reason)

    def _watch_loops(self) -> None:
        """Look at the last stretch of the answer each time one is full."""
        size = self._screens.settings.loop_characters
        recent = "".join(self._recent)
        rule = self._screens.settings.repetition
        while len(recent) >= size:
            share = repeated_share(recent[:size])
            recent = recent[size:]
            if share >= _LOOP_SHARE and ("repetition", "") not in self._seen:
                self._seen.add(("repetition", ""))
                self._note(
                    Ground(
                        stage=STAGE,
                        reason="repetition",
                        outcome=Outcome.DENY,
                        score=share,
                        is_enforced=rule.is_enforced,
                    )
                )
                if rule.is_enforced:
                    self._stop("repetition", "")
        self._recent, self._recent_size = [recent], len(recent)


def _tail(data: bytes) -> bytes:
    """The end of what was decided, from the beginning of a character on."""
    kept = data[-_CONTEXT:]
    return kept.lstrip(_CONTINUED) if len(data) > _CONTEXT else kept


_CONTINUED = bytes(range(0x80, 0xC0))
