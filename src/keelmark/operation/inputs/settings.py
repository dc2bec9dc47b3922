"""What is looked for in texts, and what is done about it. The defaults are the most secure that leave plain use alone.

An action says what is done once a group is enforced; while it is only monitored, the same is recorded and nothing done.
Rules that guess at meaning (injection and its kin) start monitored: their false alarms are known on public texts, not on
those of the user. What is proved by its form (credentials, canaries, checksummed numbers) is enforced from the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = [
    "Action",
    "Bounds",
    "DetectorSettings",
    "GroupRule",
    "InputSettings",
    "OutputSettings",
    "PersonalRules",
    "ToolSettings",
]


class Action(StrEnum):
    """What is done about a text that carries something."""

    OFF = "off"
    FLAG = "flag"
    REDACT = "redact"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRule:
    """How a group of rules that give a score is used.

    Attributes:
        is_enforced: Whether it is done; else it is recorded only.
        flag_at: Least score that is recorded.
        block_at: Least score that is acted on.
        action: What is done from `block_at` on: `ask` or `deny`.
    """

    is_enforced: bool = False
    flag_at: float = 0.5
    block_at: float = 0.85
    action: Action = Action.DENY


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """A detector of others, and how its scores are used. It starts monitored, as every rule that guesses.

    Attributes:
        name: Of its entry point in the group `keelmark.detectors`.
        rule: Thresholds, action, and whether it is enforced.
        timeout_s: What it may take for one text.
        max_waiting: Texts that wait for it; when there are more, it has failed for the next one.
    """

    name: str
    rule: GroupRule = field(default_factory=GroupRule)
    timeout_s: float = 0.5
    max_waiting: int = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalRules:
    """What is done about personal data, for each kind.

    Attributes:
        payment_card: Numbers of payment cards, with check digit.
        iban: Account numbers, with check digits.
        national_id: Numbers of people with their state, with check digits where they have some.
        phone: Telephone numbers.
        email: Addresses of mail that may be a person's.
        ip_address: Public addresses in what looks like a log.
    """

    payment_card: Action = Action.REDACT
    iban: Action = Action.REDACT
    national_id: Action = Action.REDACT
    phone: Action = Action.FLAG
    email: Action = Action.FLAG
    ip_address: Action = Action.OFF

    def action_of(self, kind: str) -> Action:
        """What is done about a kind as `personal_text` names it."""
        if kind.startswith("national-id") or kind == "us-ssn":
            return self.national_id
        found: Action = getattr(self, kind.replace("-", "_"))
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one request and of what is remembered between them.

    Attributes:
        max_characters: Most characters of one text; a longer one is refused.
        max_remembered: Verdicts that are kept, by digest of the text; only of texts in which nothing was found.
        least_remembered: Shortest text whose verdict is kept.
        max_held: Most bytes of one credential; at most twice as many of an answer are held back, then they are decided.
        max_canaries: Most canaries.
    """

    max_characters: int = 2 * 1024**2
    max_remembered: int = 20_000
    least_remembered: int = 256
    max_held: int = 8 * 1024
    max_canaries: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """What is looked for on the way in.

    Attributes:
        injection: Other orders in place of the operator's.
        jailbreak: Talking the model out of its limits.
        extraction: Asking for what the operator keeps hidden.
        endless: Asking for output without end.
        repetition: The same over and over.
        many_shot: Turns of a dialogue inside one text of a caller.
        hidden_text: Characters that people do not see.
        secrets: Credentials; those whose form leaves no doubt and those that are likely.
        personal: Personal data.
        canaries: Strings that only the operator's prompt has.
        canary: What is done when a caller's text has one.
        max_turns: Turns of a dialogue inside one text, beyond which it counts as many-shot.
        screens_system: Whether the operator's own texts are looked at for credentials and personal data, too.
        bounds: Bounds.
    """

    injection: GroupRule = field(default_factory=GroupRule)
    jailbreak: GroupRule = field(default_factory=GroupRule)
    extraction: GroupRule = field(default_factory=GroupRule)
    endless: GroupRule = field(default_factory=GroupRule)
    repetition: GroupRule = field(default_factory=GroupRule)
    many_shot: GroupRule = field(default_factory=GroupRule)
    hidden_text: GroupRule = field(default_factory=GroupRule)
    secrets: Action = Action.REDACT
    personal: PersonalRules = field(default_factory=PersonalRules)
    canaries: tuple[str, ...] = field(default=(), repr=False)
    canary: Action = Action.DENY
    max_turns: int = 24
    screens_system: bool = False
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputSettings:
    """What is looked for on the way out.

    Attributes:
        secrets: Credentials: `flag`, `redact` or `deny`.
        personal: Personal data. While addresses of mail are redacted, the last word is held until the next one comes.
        canaries: Strings that must not leave.
        canary: What is done when one would: `flag`, `redact` or `deny`.
        repetition: The same over and over.
        loop_characters: Length from which an answer that only repeats itself is a loop.
        bounds: Bounds.
    """

    secrets: Action = Action.REDACT
    personal: PersonalRules = field(default_factory=PersonalRules)
    canaries: tuple[str, ...] = field(default=(), repr=False)
    canary: Action = Action.DENY
    repetition: GroupRule = field(default_factory=GroupRule)
    loop_characters: int = 4_096
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSettings:
    """Which tools may be called, and how.

    Attributes:
        pinned: Pairs of tool name and SHA-256 of its definition as released; counts before what files and the release state.
        definitions: JSON files of definitions, as model interfaces take them or MCP servers list them. They pin those tools, and
            hold arguments of calls over MCP to their schemas.
        allowed: Pairs of a scope and a tool name that a caller with that scope may call; "*" stands for every tool.
        effects: Tools that change something outside; every tool that is not in `readers` counts as one.
        readers: Tools that only read.
        approved_only: Tools that need a person's approval of the very arguments.
        max_calls: Calls of tools in one request.
        allows_tainted_effects: Whether tools with effects may be called after untrusted text.
        is_pinning_enforced: Whether a tool without a pinned digest is refused.
    """

    pinned: tuple[tuple[str, str], ...] = ()
    definitions: tuple[str, ...] = ()
    allowed: tuple[tuple[str, str], ...] = ()
    effects: tuple[str, ...] = ()
    readers: tuple[str, ...] = ()
    approved_only: tuple[str, ...] = ()
    max_calls: int = 16
    allows_tainted_effects: bool = False
    is_pinning_enforced: bool = True
