"""Places in a text that are taken out or stop it: credentials, canaries, personal data. One function for both directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.outcome import Confidence
from keelmark.detectors.personal_text import find_in_text
from keelmark.detectors.secrets import Bounds as SecretBounds
from keelmark.detectors.secrets import Places, locate
from keelmark.operation.inputs.settings import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from keelmark.operation.inputs.settings import PersonalRules

__all__ = ["SHAPES_OF", "Spot", "Spots", "placeholder_of"]

SHAPES_OF = {
    "payment_card": ("number",),
    "iban": ("iban", "number"),
    "national_id": ("number", "code"),
    "phone": ("number",),
    "email": ("mail",),
    "ip_address": ("ip",),
}
"""Names of personal data in settings to the forms that they may have."""

_LEAST_PLACES = 1_000
_BYTES_PER_PLACE = 128
_WEIGHT = {Action.DENY: 4, Action.ASK: 3, Action.REDACT: 2, Action.FLAG: 1, Action.OFF: 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """One place.

    Attributes:
        start: First byte.
        end: Byte after the last.
        reason: Id of the reason, as refusals know it.
        kind: What it is.
        action: What is done about it.
        score: How sure.
    """

    start: int
    end: int
    reason: str
    kind: str
    action: Action
    score: float = 1.0


def placeholder_of(spot: Spot) -> str:
    """What stands in place of what was taken out."""
    return f"[{spot.kind} removed]"


class Spots:
    """Finds places in a text, by what is asked for.

    Args:
        secrets: What is done about credentials.
        personal: What is done about personal data.
        canaries: Finds canaries; None without canaries.
        canary: What is done about them.
        reach: Longest credential, in bytes.
    """

    __slots__ = ("_bounds", "_canaries", "_canary", "_personal", "_secrets", "_wants_personal")

    def __init__(
        self, *, secrets: Action, personal: PersonalRules, canaries: Any, canary: Action, reach: int
    ) -> None:
        self._secrets = secrets
        self._personal = personal
        self._canaries = canaries
        self._canary = canary
        self._bounds = SecretBounds(reach=reach)
        self._wants_personal = any(getattr(personal, name) is not Action.OFF for name in SHAPES_OF)

    def find(
        self,
        data: bytes,
        *,
        start: int = 0,
        sees_after: bool = True,
        personal: Callable[[str], bool] | None = None,
    ) -> list[Spot]:
        """All places that begin at `start` or behind it, in order; of two that overlap, the one that weighs more.

        Args:
            data: The text in UTF-8.
            start: Where to begin; what stands before it still tells what follows.
            sees_after: Whether the text ends where `data` ends.
            personal: Tells which kinds of personal data are asked for; all that are not off when it is left out.

        Raises:
            LimitExceededError: The text is made of beginnings of credentials.
        """
        found = list(self._others(data, start))
        if self._wants_personal:
            found += self._persons(data, start, sees_after=sees_after, wanted=personal)
        return _apart(found) if len(found) > 1 else found

    def _others(self, data: bytes, start: int) -> Iterator[Spot]:
        if self._secrets is not Action.OFF:
            # Ordinary texts have a telling word in each few hundred bytes at most.
            places = Places(_LEAST_PLACES + len(data) // _BYTES_PER_PLACE)
            for hit in locate(data, start=start, bounds=self._bounds, places=places):
                is_sure = hit.confidence is not Confidence.LOW
                yield Spot(
                    start=hit.start,
                    end=hit.end,
                    reason="secret",
                    kind=hit.kind,
                    action=self._secrets if is_sure else Action.FLAG,
                    score=1.0 if hit.confidence is Confidence.HIGH else 0.7 if is_sure else 0.4,
                )
        if self._canaries is not None and self._canary is not Action.OFF:
            for match in self._canaries.finditer(data):
                if match.start() >= start:
                    yield Spot(
                        start=match.start(),
                        end=match.end(),
                        reason="prompt-extraction",
                        kind="canary",
                        action=self._canary,
                    )

    def _persons(
        self, data: bytes, start: int, *, sees_after: bool, wanted: Callable[[str], bool] | None
    ) -> Iterator[Spot]:
        text = data.decode("utf-8", "surrogatepass")
        is_plain = len(text) == len(data)
        for span in find_in_text(text, sees_after=sees_after):
            action = self._personal.action_of(span.kind)
            if action is Action.OFF or (wanted is not None and not wanted(span.kind)):
                continue
            begin = span.start if is_plain else len(text[: span.start].encode("utf-8", "surrogatepass"))
            if begin < start:
                continue
            size = len(text[span.start : span.end].encode("utf-8", "surrogatepass"))
            is_sure = span.confidence is Confidence.HIGH
            yield Spot(
                start=begin,
                end=begin + size,
                reason="personal-data",
                kind=span.kind,
                action=action if is_sure else Action.FLAG,
                score=1.0 if is_sure else 0.6,
            )


def _apart(spots: Iterable[Spot]) -> list[Spot]:
    """Spots that share no byte. Of two that are acted on and do, one takes both places; what is only flagged gives way."""
    kept: list[Spot] = []
    for spot in sorted(spots, key=lambda spot: (spot.start, -spot.end)):
        if not kept or spot.start >= kept[-1].end:
            kept.append(spot)
        elif not _is_acted_on(kept[-1]):
            kept[-1] = spot
        elif _is_acted_on(spot):
            kept[-1] = _joined(kept[-1], spot)
    return kept


def _is_acted_on(spot: Spot) -> bool:
    return _WEIGHT[spot.action] > _WEIGHT[Action.FLAG]


def _joined(first: Spot, second: Spot) -> Spot:
    best = second if _WEIGHT[second.action] > _WEIGHT[first.action] else first
    return Spot(
        start=first.start,
        end=max(first.end, second.end),
        reason=best.reason,
        kind=best.kind,
        action=best.action,
        score=best.score,
    )
