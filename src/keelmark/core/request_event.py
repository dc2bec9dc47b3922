"""Events of the request log: what is written down of each request, and of the gateway itself.

An event is one line of canonical JSON (keys sorted, nothing between, no fractions), and

1. is never longer than `EventBounds.max_event_bytes`: what does not fit is left out or shortened, and named in `cut`;
2. holds texts of others only in bounded fields, names without line breaks and without what cannot be seen;
3. holds no credential: a principal is known by the id of its key, subject or certificate;
4. holds content only as the policy allows: none, redacted, or sealed to a public key.

Structs and not dataclasses: an event is made for each request, and this is many times faster. Fields stand in the order of
their names, which is the order in the line; `about`, which says what kind of event it is, comes before all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

__all__ = [
    "AdmissionEvent",
    "Content",
    "EventBounds",
    "EventGround",
    "EventPrincipal",
    "NoticeEvent",
    "Pruned",
    "RequestEvent",
    "clean",
    "encode",
    "parse",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventBounds:
    """Bounds of one event.

    Attributes:
        max_event_bytes: Of the whole line.
        max_name: Characters of a name: of a principal, a model, a route, a reason.
        max_detail: Characters of the detail of a ground.
        max_grounds: Grounds that are listed.
        max_timings: Steps whose time is listed.
        least_timing_us: Steps that took less are not listed.
        max_content_bytes: Of a request, and of an answer, where content is kept.
    """

    max_event_bytes: int = 64 * 1024
    max_name: int = 160
    max_detail: int = 160
    max_grounds: int = 24
    max_timings: int = 24
    least_timing_us: int = 10
    max_content_bytes: int = 14 * 1024


class EventPrincipal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who called.

    Attributes:
        id: As `Principal.id`.
        proof: How it was proved.
        team: Whom limits count it with.
        tenant: Whose data it may meet.
    """

    id: str
    proof: str
    team: str = ""
    tenant: str = ""


class EventGround(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something noticed on the way.

    Attributes:
        detail: Without foreign text.
        enforced: Whether what the rule asks for was done.
        outcome: What the rule asks for.
        reason: Id of the rule or limit.
        score: How sure, in thousandths.
        stage: Who noticed it.
    """

    detail: str = ""
    enforced: bool = True
    outcome: str
    reason: str
    score: int = 1000
    stage: str


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked and answered, as far as the policy allows.

    Attributes:
        answer: As delivered, redacted.
        form: `redacted` or `sealed`.
        key: Id of the public key that it is sealed to.
        request: As sent to the model, redacted.
        sealed: Both, sealed, in base64.
    """

    answer: str = ""
    form: str
    key: str = ""
    request: str = ""
    sealed: str = ""


class RequestEvent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="about", tag="request"
):
    """One request, when it is over.

    Attributes:
        action: What was asked to be done; "" when the request could not be read.
        answer_digest: SHA-256 of the answer as delivered, hexadecimal.
        api: Interface it came in by.
        broken_off: Whether the answer did not arrive as a whole.
        bytes_in: Of the body.
        bytes_out: Of the body of the answer.
        content: What was said, as far as the policy allows.
        cut: What did not fit, or could not be kept.
        decided_by: Stage that ended it; "" when it was served.
        duration_us: From its first byte to the end.
        grounds: What was noticed.
        id: As the caller got it.
        input_tokens: Of the request; -1 where nobody said.
        model: As the caller named it.
        outcome: How it ended.
        output_tokens: Of the answer; -1 where nobody said.
        peer: Address of the caller.
        principal: Who called; None when nobody proved who they are.
        reason: Id of the reason of a refusal.
        release: Release under which it was served.
        request_digest: SHA-256 of the canonical body, hexadecimal.
        route: That the model led to.
        status: Of the answer.
        stream: Whether the answer was asked for in parts.
        time: Moment of the first byte.
        timings: Steps that took a while, with microseconds.
        tokens: `counted` by the upstream, or `estimated`.
    """

    action: str = ""
    answer_digest: str = ""
    api: str = ""
    broken_off: bool = False
    bytes_in: int = 0
    bytes_out: int = 0
    content: Content | None = None
    cut: tuple[str, ...] = ()
    decided_by: str = ""
    duration_us: int
    grounds: tuple[EventGround, ...] = ()
    id: str
    input_tokens: int = -1
    model: str = ""
    outcome: str
    output_tokens: int = -1
    peer: str = ""
    principal: EventPrincipal | None = None
    reason: str = ""
    release: str = ""
    request_digest: str = ""
    route: str = ""
    status: int
    stream: bool = False
    time: datetime
    timings: tuple[tuple[str, int], ...] = ()
    tokens: str = "estimated"


class AdmissionEvent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="about", tag="admission"
):
    """One request that is let through: on disk before its answer leaves, where the log is strict.

    Attributes: those of `RequestEvent` that are known by then.
    """

    action: str = ""
    api: str = ""
    id: str
    model: str = ""
    principal: EventPrincipal | None = None
    release: str = ""
    request_digest: str = ""
    route: str = ""
    time: datetime


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """Where one request log begins since older segments of it were taken away.

    Attributes:
        chain: Hash of the last line that was taken away, hexadecimal.
        first: Number of the first segment that is left.
        line: Number of the first line that is left.
        log: Name of the log.
        worker: Name of its folder.
    """

    chain: str
    first: int
    line: int
    log: str
    worker: str


class NoticeEvent(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="about", tag="notice"
):
    """Something that the gateway says of itself.

    Attributes:
        count: How many, where something is counted.
        expires: Day on which what was switched off is on again.
        mode: How requests are recorded from here on.
        owner: Who answers for what was switched off.
        pruned: What was taken away of a request log, where that was done.
        reason: Why.
        time: When.
        what: `start`, `stop`, `audit-off`, `audit-on`, `gap` (refusals that were not recorded one by one), `prune`, or
            what an operator did.
    """

    count: int = 0
    expires: str = ""
    mode: str = ""
    owner: str = ""
    pruned: Pruned | None = None
    reason: str = ""
    time: datetime
    what: str


Event = RequestEvent | AdmissionEvent | NoticeEvent

_BOUNDS = EventBounds()
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def clean(text: str, limit: int = _BOUNDS.max_name) -> str:
    """A text of others, on one line, what cannot be seen as an escape, shortened to `limit` characters."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join([each if each.isprintable() else f"\\u{{{ord(each):x}}}" for each in shown])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def encode(event: Event, *, bounds: EventBounds = _BOUNDS) -> bytes:
    """The line of an event, without a line break, inside its bound."""
    line = _ENCODER.encode(event)
    if len(line) <= bounds.max_event_bytes or not isinstance(event, RequestEvent):
        return line
    for name, empty in (("content", None), ("grounds", ()), ("timings", ())):
        event = msgspec.structs.replace(event, **{name: empty, "cut": (*event.cut, name)})
        line = _ENCODER.encode(event)
        if len(line) <= bounds.max_event_bytes:
            return line
    bare = RequestEvent(
        cut=("all",),
        duration_us=event.duration_us,
        id=clean(event.id),
        outcome=clean(event.outcome),
        status=event.status,
        time=event.time,
    )
    return _ENCODER.encode(bare)


def parse(line: bytes | msgspec.Raw) -> Event:
    """The event of a line.

    Raises:
        msgspec.MsgspecError: It is none.
    """
    return _DECODER.decode(line)
