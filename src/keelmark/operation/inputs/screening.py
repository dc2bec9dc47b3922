"""What one text that goes in carries: scores of groups of rules, and places to be taken out.

One pass over the text tells which rules may have something to say; most of the time none has, and that is all.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.call import Provenance
from keelmark.core.outcome import Confidence
from keelmark.detectors import instructions, steering
from keelmark.detectors.assignments import SPOKEN
from keelmark.detectors.invisible import unseen
from keelmark.detectors.normalise import HINTS, RUN_HINTS, WORD_HINTS, plain, views
from keelmark.detectors.openings import canary_pattern
from keelmark.detectors.personal_text import SHAPES
from keelmark.detectors.repetition import TURN_HINT, repeated_share, turns
from keelmark.detectors.secret_rules import compiled, rules
from keelmark.detectors.sieve import Sieve
from keelmark.operation.inputs.settings import Action, InputSettings
from keelmark.operation.inputs.spots import SHAPES_OF, Spot, Spots

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Screening", "Verdict"]

_SPOT = "spot"
_CANARY = "canary"
_TURNS = TURN_HINT[0]
_STEERS = frozenset(label for label, _ in steering.hints())
_VIEWS = frozenset(label for label, _ in HINTS)
_SURE, _LIKELY = 0.9, 0.6
_HIDDEN = {"tag-characters": 0.95, "invisible-characters": 0.7, "direction-override": 0.6}
_LOOP_LEAST = 0.6
_SHORT = 512
_EXTRACTION = "prompt-extraction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a text carries.

    Attributes:
        scores: Group and score.
        rules: Group and the ids of the rules that spoke, for records.
        spots: Places in the text, in bytes.
    """

    scores: dict[str, float]
    rules: dict[str, str]
    spots: tuple[Spot, ...]


class Screening:
    """Looks at texts; remembers those in which nothing was found, for conversations repeat themselves.

    Args:
        settings: What is looked for.
    """

    __slots__ = ("_bounds", "_canaries", "_canary", "_clean", "_max_turns", "_sieve", "_spots")

    def __init__(self, settings: InputSettings) -> None:
        canaries = () if settings.canary is Action.OFF else settings.canaries[: settings.bounds.max_canaries]
        forms = [form for canary in canaries for form in canary_pattern(canary)]
        self._canaries = compiled("|".join(f"(?:{form})" for form in forms)) if forms else None
        # A disguised canary cannot be cut out of a text; what is to be taken out is refused.
        self._canary = Action.DENY if settings.canary is Action.REDACT else settings.canary
        self._bounds = settings.bounds
        self._max_turns = settings.max_turns
        self._spots = Spots(
            secrets=settings.secrets,
            personal=settings.personal,
            canaries=self._canaries,
            canary=settings.canary,
            reach=20_000,
        )
        self._sieve = Sieve(
            RUN_HINTS,
            steering.hints(),
            [*WORD_HINTS, TURN_HINT, *_spot_hints(settings), *((_CANARY, form) for form in forms)],
        )
        self._clean: OrderedDict[bytes, None] = OrderedDict()

    def look(self, text: str, provenance: Provenance) -> Verdict | None:
        """What a text carries; None when nothing was found."""
        data = text.encode("utf-8", "surrogatepass")
        if len(data) < self._bounds.least_remembered:
            return self._look(text, data, provenance)
        key = hashlib.sha256(data).digest() + provenance.encode()
        clean = self._clean
        if key in clean:
            clean.move_to_end(key)
            return None
        verdict = self._look(text, data, provenance)
        if verdict is None:
            clean[key] = None
            if len(clean) > self._bounds.max_remembered:
                clean.popitem(last=False)
        return verdict

    def _look(self, text: str, data: bytes, provenance: Provenance) -> Verdict | None:
        labels = self._sieve.look(data)
        is_plain = len(text) == len(data)
        share = repeated_share(text) if len(data) > _SHORT else 0.0
        if is_plain and share < _LOOP_LEAST and not provenance.is_untrusted:
            # Most texts have nothing; most others have a word that a rule begins with, and not the rest of it.
            if labels is None:
                return None
            if labels <= _STEERS and not steering.look(text, labels):
                return None
        labels = labels or frozenset()
        spots: tuple[Spot, ...] = ()
        if _SPOT in labels or _CANARY in labels:
            spots = tuple(self._spots.find(data))
        if provenance is Provenance.SYSTEM:
            return Verdict(scores={}, rules={}, spots=spots) if spots else None
        if _CANARY not in labels and self._hides_canary(text, labels, is_plain=is_plain):
            spots = (
                *spots,
                Spot(start=0, end=len(data), reason=_EXTRACTION, kind="canary", action=self._canary),
            )
        scores, spoken = self._scored(text, labels, provenance, is_plain=is_plain)
        if share >= _LOOP_LEAST:
            scores["repetition"] = share
        return Verdict(scores=scores, rules=spoken, spots=spots) if scores or spots else None

    def _scored(
        self, text: str, labels: frozenset[str], provenance: Provenance, *, is_plain: bool
    ) -> tuple[dict[str, float], dict[str, str]]:
        """Scores of the groups, and the rules that spoke, for a text and what is under its disguises."""
        hits = list(self._hits(text, labels, is_plain=is_plain))
        if provenance.is_untrusted:
            hits += _indirect(text)
        elif not is_plain:
            hits += _hidden(text)
        scores = steering.scores(hits)
        spoken = {
            group: ",".join(sorted({hit.rule for hit in hits if hit.group == group})) for group in scores
        }
        if _TURNS in labels and (count := turns(text, limit=self._max_turns * 2)) > self._max_turns:
            scores["many_shot"] = min(1.0, 0.5 + count / (self._max_turns * 4))
        return scores, spoken

    def _hits(self, text: str, labels: frozenset[str], *, is_plain: bool) -> Iterator[steering.Hit]:
        if labels & _STEERS:
            yield from steering.look(text, labels)
        if not is_plain:
            text = plain(text)
            labels = self._sieve.look(text.encode("utf-8", "surrogatepass")) or frozenset()
            yield from steering.look(text, labels)
        if labels & _VIEWS:
            for view in views(text, hints=labels)[1:]:
                found = self._sieve.look(view.text.encode("utf-8", "surrogatepass"))
                if found:
                    yield from steering.look(view.text, found)

    def _hides_canary(self, text: str, labels: frozenset[str], *, is_plain: bool) -> bool:
        """Whether a canary stands in the text under a disguise."""
        canaries = self._canaries
        if canaries is None or (is_plain and not labels & _VIEWS):
            return False
        found = views(text, hints=labels if is_plain else None)[1:]
        return any(canaries.search(view.text.encode("utf-8", "surrogatepass")) for view in found)


def _spot_hints(settings: InputSettings) -> Iterator[tuple[str, str]]:
    if settings.secrets is not Action.OFF:
        yield _SPOT, rules().trigger.pattern.decode("latin-1")
        yield _SPOT, SPOKEN
    shapes = {
        shape
        for name, found in SHAPES_OF.items()
        for shape in found
        if getattr(settings.personal, name) is not Action.OFF
    }
    for shape in sorted(shapes):
        yield _SPOT, SHAPES[shape]


def _indirect(text: str) -> Iterator[steering.Hit]:
    """Orders and hidden characters in a text that neither operator nor caller wrote."""
    for hidden in instructions.find(text):
        if hidden.kind in _HIDDEN:
            yield steering.Hit(rule=hidden.kind, group="hidden_text", score=_HIDDEN[hidden.kind])
        else:
            score = _SURE if hidden.confidence is Confidence.HIGH else _LIKELY
            yield steering.Hit(rule=hidden.kind, group="injection", score=score)


def _hidden(text: str) -> Iterator[steering.Hit]:
    for stretch in unseen(text):
        yield steering.Hit(rule=stretch.kind, group="hidden_text", score=_HIDDEN[stretch.kind])
