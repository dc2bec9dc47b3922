"""Where a credential, a canary or personal data may be about to begin: patterns for texts that arrive in parts.

What is made here says two things of a piece of text: whether anything in it must be looked at closely, and from which
place on its end could still grow into something. Both err on the side of looking and holding.
"""

from __future__ import annotations

import base64
import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keelmark.detectors.assignments import SPOKEN, SPOKEN_HEAD
from keelmark.detectors.beginnings import beginnings_of
from keelmark.detectors.personal_text import SHAPES
from keelmark.detectors.secret_rules import compiled, rules
from keelmark.detectors.sieve import Sieve
from keelmark.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["CLOSE", "OPEN", "Openings", "canary_pattern", "openings"]

CLOSE: Final = "close"
"""Label of a text in which something stands that must be looked at closely."""

OPEN: Final = "open"
"""Label of a text whose end may grow into something."""

_ENCODED = "[A-Za-z0-9+/_-]"
# Before the mark of these stands the public number of the account, not a part of the secret.
_NUMBERED: Final[Mapping[str, str]] = {
    "terraform-cloud-token": r"\b[A-Za-z0-9]{14}",
}
_ANY_SCHEME = "[a-z0-9+]+://"
_SHORTEST_CANARY = 6
_LONGEST_CANARY = 256
# What may stand between the letters of a canary that somebody spelled out.
_BETWEEN = r"(?:[ \t\r\n_.,*|~-]|\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xa4]|\xef\xbb\xbf|\xc2\xad){0,3}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Openings:
    """What a text that arrives in parts is looked through with.

    Attributes:
        sieve: Tells `CLOSE` and `OPEN`.
        held: Finds the first place from which the end of the text may still grow; ends where the text ends.
        canaries: Finds canaries in any of their forms; None without canaries.
    """

    sieve: Sieve
    held: Any
    canaries: Any


def openings(
    *,
    with_secrets: bool = True,
    canaries: Iterable[str] = (),
    shapes: Iterable[str] = (),
    seen: Iterable[str] = (),
) -> Openings:
    """Make the patterns.

    Args:
        with_secrets: Whether credentials are looked for.
        canaries: Strings that must not leave.
        shapes: Names of `personal_text.SHAPES` that must not leave.
        seen: Those that are only noticed, and hold nothing back.

    Raises:
        RuleError: A canary is too short or too long, or a pattern of a rule cannot be turned into its beginnings.
    """
    close: list[str] = []
    begun: list[str] = []
    if with_secrets:
        close += [rules().trigger.pattern.decode("latin-1"), SPOKEN]
        begun += [*_begun_secrets(), f"{SPOKEN_HEAD}{beginnings_of([SPOKEN.removeprefix(SPOKEN_HEAD)])}"]
    forms = [form for canary in canaries for form in canary_pattern(canary)]
    if forms:
        close += forms
        begun += [f"(?:{beginnings_of([form])})" for form in forms]
    for shape in shapes:
        close.append(SHAPES[shape])
        begun.append(_edged(shape))
    close += [SHAPES[shape] for shape in seen]
    held = "|".join(f"(?:{pattern})" for pattern in begun) or r"[^\x00-\xff]"
    held = rf"(?:{held})\z"
    return Openings(
        sieve=Sieve([*((CLOSE, pattern) for pattern in close), (OPEN, held)]),
        held=compiled(held),
        canaries=compiled("|".join(f"(?:{form})" for form in forms)) if forms else None,
    )


def _begun_secrets() -> Iterator[str]:
    """Beginnings of the credentials with a shape of their own."""
    at_edge: list[str] = []
    anywhere: list[str] = []
    for kind, triggers, pattern in rules().written:
        if kind in _NUMBERED:
            rest = triggers[0] + pattern.partition(triggers[0])[2].removesuffix(")")
            yield _NUMBERED[kind] + beginnings_of([rest], after=_ENCODED)
            continue
        whole = pattern
        if pattern.startswith(_ANY_SCHEME):
            whole = f"(?:{'|'.join(triggers)}){pattern.removeprefix(_ANY_SCHEME)}"
        is_word = whole[0].isalnum() or whole[0] in "(\\["
        (at_edge if is_word else anywhere).append(whole)
    yield rf"\b{beginnings_of(at_edge, after=_ENCODED)}"
    yield beginnings_of(anywhere, after=_ENCODED)


def _edged(shape: str) -> str:
    """Beginnings of a form of personal data, from the edge of a word on."""
    edge = {"number": r"(?:[+(]|\b)", "mail": ""}.get(shape, r"\b")
    return edge + beginnings_of([SHAPES[shape]])


def canary_pattern(canary: str) -> tuple[str, ...]:
    """Patterns over bytes for a canary: as it is, spelled out, in other case, reversed, and in usual encodings.

    Raises:
        RuleError: It is too short to be told from chance, or too long.
    """
    raw = canary.encode()
    if not _SHORTEST_CANARY <= len(raw) <= _LONGEST_CANARY:
        raise RuleError(
            f"a canary has {len(raw)} bytes; it must have {_SHORTEST_CANARY} to {_LONGEST_CANARY}",
            hint="take 16 and more random letters and digits",
        )
    forms = [_spelled(canary), _spelled(canary[::-1]), _spelled(codecs.encode(canary, "rot13"))]
    forms.append("(?i)" + _quoted(raw.hex()))
    forms.append("(?i)" + "".join(f"%{byte:02x}" for byte in raw))
    forms += [_quoted(found) for found in _in_base64(raw)]
    return tuple(dict.fromkeys(forms))


def _spelled(text: str) -> str:
    letters = [_quoted(letter) for letter in text]
    return "(?i)" + _BETWEEN.join(letters)


def _quoted(text: str) -> str:
    return "".join(
        char if char.isascii() and char.isalnum() else "".join(rf"\x{byte:02x}" for byte in char.encode())
        for char in text
    )


def _in_base64(raw: bytes) -> Iterator[str]:
    """The part of the encoding that is the same whatever stands around, for each of the three ways to fall into line."""
    for lead in range(3):
        encoded = base64.b64encode(b"\0" * lead + raw).decode().rstrip("=")
        begin = (lead * 8 + 5) // 6
        end = (lead + len(raw)) * 8 // 6
        yield encoded[begin:end]
        safe = encoded[begin:end].replace("+", "-").replace("/", "_")
        if safe != encoded[begin:end]:
            yield safe
