"""Answers "did this system make this text?" from the fingerprint register: yes, partly, no evidence, or cannot tell.

1. A text with fewer words than have marks is `unknown`: too many others share its words.
2. A registered text counts as evidence when at least four of its marks stand in the text, and they cover a tenth of it, or
   forty words.
3. The share is that of the words that could have been found, so that a part that was copied unchanged counts as a whole.
4. Never "no": a text that was changed, translated, made before or not registered leaves no evidence either. Where a part of
   the register could not be read and nothing was found, the answer is `unknown`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from keelmark.core.fingerprint import EVERY_MARK, Coverage

if TYPE_CHECKING:
    from collections.abc import Collection

    from keelmark.core.fingerprint import FingerprintIndex
    from keelmark.operation.credentials.winnowing import Asked, Marker

__all__ = ["JudgeSettings", "MadeHere", "Source", "Verdict", "judge"]


class Verdict(StrEnum):
    """What the register says of a text. There is no plain no."""

    YES = "yes"
    PARTLY = "partly"
    NO_EVIDENCE = "no-evidence"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSettings:
    """What counts as evidence.

    Attributes:
        least_marks: Of one registered text that must stand in the text.
        least_share: Of the text that they must cover, or
        least_words: as many words.
        whole_share: From this share on the answer is yes, not partly.
        max_sources: Registered texts that are named.
    """

    least_marks: int = 4
    least_share: float = 0.1
    least_words: int = 40
    whole_share: float = 0.75
    max_sources: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One registered text that the text agrees with.

    Attributes:
        request: Id of the request that it answered.
        time: When.
        model: As callers name it.
        release: Under which it was made.
        worker: That registered it.
        share: Of the text that stands in it.
        marks: How many marks they share.
    """

    request: str
    time: datetime
    model: str
    release: str
    worker: str
    share: float
    marks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeHere:
    """What is known of where a text comes from.

    Attributes:
        verdict: In a word.
        words: Of the text.
        share: Of the text that stands in registered texts, 0 to 1.
        sources: Those texts, the largest share first, up to a bound.
        coverage: What the register can speak of.
        reason: Why nothing can be told; "" otherwise.
    """

    verdict: Verdict
    words: int
    share: float
    sources: tuple[Source, ...]
    coverage: Coverage
    reason: str = ""


def judge(
    text: str, *, marker: Marker, index: FingerprintIndex, settings: JudgeSettings | None = None
) -> MadeHere:
    """What the register says of a text.

    Args:
        text: Of any length.
        marker: Takes marks as they were taken when texts were registered.
        index: Finds them.
        settings: What counts as evidence.
    """
    settings = settings or JudgeSettings()
    asked = marker.asked(text)
    if asked.words < marker.settings.min_words:
        why = (
            f"a text of {asked.words} words is too short: fewer than {marker.settings.min_words} tell nothing"
        )
        return MadeHere(
            verdict=Verdict.UNKNOWN,
            words=asked.words,
            share=0.0,
            sources=(),
            coverage=index.coverage,
            reason=why,
        )
    sources, words = _evidence(asked, index, settings)
    coverage = index.coverage
    could = _covered(asked, asked.chosen)
    share = len(words & could) / len(could) if could else 0.0
    # Of a text that was too long for its bound, not all marks were kept: what could be compared tells for the rest.
    share = max([share, *(source.share for source in sources)])
    reason = ""
    if sources:
        verdict = Verdict.YES if share >= settings.whole_share else Verdict.PARTLY
    elif coverage.unread or not coverage.texts:
        verdict = Verdict.UNKNOWN
        reason = "a part of the register cannot be read" if coverage.unread else "the register holds nothing"
    else:
        verdict = Verdict.NO_EVIDENCE
    return MadeHere(
        verdict=verdict,
        words=asked.words,
        share=share,
        sources=tuple(sources[: settings.max_sources]),
        coverage=coverage,
        reason=reason,
    )


def _evidence(
    asked: Asked, index: FingerprintIndex, settings: JudgeSettings
) -> tuple[list[Source], set[int]]:
    """Registered texts that count as evidence, and places of the words that stand in them."""
    places: dict[int, list[int]] = {}
    for at, value in enumerate(asked.values):
        places.setdefault(value, []).append(at)
    sources: list[Source] = []
    words: set[int] = set()
    for found in index.find(places.keys()):
        text = found.text
        if len(text.marks) < settings.least_marks:
            continue
        here = _covered(asked, [at for mark in text.marks for at in places.get(mark, ())])
        chosen = [at for at in asked.chosen if text.top == EVERY_MARK or asked.values[at] <= text.top]
        could = _covered(asked, chosen)
        share = len(here & could) / len(could) if could else 0.0
        if share < settings.least_share and len(here) < settings.least_words:
            continue
        words |= here
        sources.append(
            Source(
                request=text.request,
                time=text.time,
                model=text.model,
                release=text.release,
                worker=found.worker,
                share=share,
                marks=len(text.marks),
            )
        )
    return sorted(sources, key=lambda each: (-each.share, each.time)), words


def _covered(asked: Asked, places: Collection[int]) -> set[int]:
    return {word for at in places for word in range(at, at + asked.gram)}
