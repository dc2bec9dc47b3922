"""Says with each answer that a model made it: in a header, and where asked for in a field of the body.

The header is `AI-Disclosure`, as the Internet-Draft draft-abaris-aicdh (AI Content Disclosure Header, revision 01 of 30 January
2026, an individual draft, expired on 3 August 2026 and not adopted by a working group) defines it: a Dictionary of RFC 9651 with the keys `mode`, `model`, `provider`, `date`. It is
the only one proposed for this; the example in the draft separates keys by semicolons, which RFC 9651 would read as
parameters of `mode`, so the rule (a Dictionary: commas) counts here and not the example. `mode` is `machine-generated`: nobody reviews an answer on its way. Added are `system`, `release` and
`request`, which readers of the draft's keys pass over.

The field `ai_disclosure` says the same in JSON, with the digital source type of the IPTC, `trainedAlgorithmicMedia`, which
C2PA manifests use too. A `Link` header with `rel="c2pa-manifest"` (C2PA) is not sent: it would name a manifest of the whole
response, and there is none.

The promises, each with a test:

1. Every answer that a model made has the header, streams too; refusals, listings, counts and answers of servers have none.
2. It names the system, its release, the model and the request; nothing of who asked.
3. The field stands in answers of chat, completions, responses and messages alone, and nothing else of the body changes.
4. Whatever names hold, the header is one line of ASCII and a well-formed Dictionary.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from keelmark.core.call import Action, Api

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.exchange import Exchange

__all__ = ["FIELD", "Disclosure", "DisclosureSettings", "is_made"]

FIELD: Final = "ai_disclosure"
"""Name of the field in bodies."""

SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""What made it, in the vocabulary of the IPTC."""

_HEADER: Final = b"ai-disclosure"
_MODE: Final = "machine-generated"
_MADE: Final = frozenset({Action.INFER, Action.EMBED, Action.PREDICT})
_WITH_FIELD: Final = frozenset({Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.MESSAGES})
_COUNT: Final = "/v1/messages/count_tokens"
_MAX_NAME, _MAX_KNOWN = 128, 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosureSettings:
    """What answers say of where they come from.

    Attributes:
        system: Name of the system; "" for the one in the release.
        provider: Who provides it; "" to leave that out.
        field: Whether bodies say so too, in `ai_disclosure`.
    """

    system: str = ""
    provider: str = ""
    field: bool = False


class Disclosure:
    """Says of answers that a model made them.

    Args:
        settings: What is said.
        system: Name of the system as released; asked once for each release.
        silent_until: Seconds since 1970 before which nothing is said, where it was switched off for a time.
    """

    __slots__ = ("_known", "_settings", "_silent_until", "_system")

    def __init__(
        self,
        settings: DisclosureSettings,
        *,
        system: Callable[[], str] = lambda: "",
        silent_until: float = 0.0,
    ) -> None:
        self._settings, self._system, self._silent_until = settings, system, silent_until
        self._known: dict[tuple[str, str], tuple[bytes, dict[str, str]]] = {}

    def headers(self, exchange: Exchange) -> tuple[tuple[bytes, bytes], ...]:
        """The header of an answer; none where no model made it."""
        moment = exchange.started.timestamp()
        if moment < self._silent_until or not is_made(exchange):
            return ()
        begin = self._same(exchange)[0]
        return ((_HEADER, b'%b, request="%b", date=@%d' % (begin, exchange.id.encode("ascii"), moment)),)

    def field(self, exchange: Exchange) -> dict[str, str] | None:
        """What the field of an answer says; None where there is none."""
        call = exchange.call
        if not self._settings.field or call is None or call.api not in _WITH_FIELD or not is_made(exchange):
            return None
        seconds = exchange.started.timestamp()
        if seconds < self._silent_until:
            return None
        moment = datetime.fromtimestamp(int(seconds), tz=UTC)
        return {
            **self._same(exchange)[1],
            "request": exchange.id,
            "date": moment.isoformat().replace("+00:00", "Z"),
        }

    def mark(self, exchange: Exchange, body: Any) -> None:
        """Put the field into the body of a whole answer."""
        if type(body) is dict and (said := self.field(exchange)) is not None:
            body[FIELD] = said

    def _same(self, exchange: Exchange) -> tuple[bytes, dict[str, str]]:
        """What all answers of one model under one release say."""
        key = (exchange.route.name, exchange.release)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            settings = self._settings
            said = {
                "system": settings.system or self._system(),
                "model": exchange.route.name,
                "provider": settings.provider,
                "release": exchange.release,
            }
            said = {name: text[:_MAX_NAME] for name, text in said.items() if text}
            members = [f"mode={_MODE}", *(f"{name}={_string(text)}" for name, text in said.items())]
            found = (
                ", ".join(members).encode("ascii"),
                {"mode": _MODE, "digital_source_type": SOURCE_TYPE, **said},
            )
            self._known[key] = found
        return found


def is_made(exchange: Exchange) -> bool:
    """Whether a model made the answer: no listing, no count of tokens, nothing of a server of tools."""
    call = exchange.call
    return (
        call is not None
        and exchange.route is not None
        and call.action in _MADE
        and exchange.facts.get("path") != _COUNT
    )


def _string(text: str) -> str:
    """A text as RFC 9651 writes it: a String; a Display String where it has more than ASCII."""
    if text.isascii() and text.isprintable():
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    octets = text.encode("utf-8", "replace")
    kept = "".join(
        chr(each) if 0x20 <= each < 0x7F and each not in b'%"' else f"%{each:02x}" for each in octets
    )
    return f'%"{kept}"'
