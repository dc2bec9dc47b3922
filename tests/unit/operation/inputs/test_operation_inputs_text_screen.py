"""The promises of screens over answers: no byte of what is blocked leaves, at any cut; all else leaves at once, unchanged."""

from __future__ import annotations

import random
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[3] / "corpus"))

from credentials import private_key, samples

from keelmark.core.call import ToolDefinition, ToolUse
from keelmark.core.exchange import Exchange, Ground, Request
from keelmark.errors import ScreenedError
from keelmark.operation.inputs.settings import (
    Action,
    Bounds,
    GroupRule,
    OutputSettings,
    PersonalRules,
    ToolSettings,
)
from keelmark.operation.inputs.text_screen import OutputScreens
from keelmark.operation.inputs.tool_arguments import ToolGuard

CANARY = "KM-7f3a91c2d4e8b6a0"
PROSE = "The password policy asks for 14 characters. Use https://docs.example.org/a?b=c, or ask the token team: it is easy!\n"
REDACTS = OutputScreens(OutputSettings(canaries=(CANARY,), canary=Action.REDACT))
DENIES = OutputScreens(OutputSettings(secrets=Action.DENY, canaries=(CANARY,)))
SAMPLES = samples()
# What stands before the mark of these is the public number of an account.
PUBLIC = {"terraform-cloud-token": ".atlasv1."}


def screened(screens: OutputScreens, text: str, cuts=()) -> tuple[str, str, list[Ground]]:
    """What left, why it was stopped, and what was noticed."""
    grounds: list[Ground] = []
    screen = screens.begin(grounds.append)
    left, at = "", 0
    try:
        for cut in [*cuts, len(text)]:
            left += screen.feed(text[at:cut])
            at = cut
        return left + screen.close(), "", grounds
    except ScreenedError as error:
        return left, error.reason, grounds


def cuts_of(text: str, seed: int, most: int = 30) -> list[int]:
    source = random.Random(seed)
    return sorted(source.randrange(len(text) + 1) for _ in range(source.randrange(1, most)))


def blocked_part(kind: str, secret: str) -> str:
    mark = next((mark for name, mark in PUBLIC.items() if kind.startswith(name)), "")
    if "://" in secret and "@" in secret:
        return secret.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return secret[secret.index(mark) :] if mark else secret


@pytest.mark.parametrize("kind", SAMPLES)
def test_no_byte_of_a_secret_leaves_at_any_single_cut(kind):
    text = f"Sure, here: {SAMPLES[kind]} and more."
    whole = screened(DENIES, text)
    if not whole[1]:
        pytest.skip("held to be a sample by its own rule")
    part = blocked_part(kind, SAMPLES[kind])
    at = text.index(part)
    for cut in range(len(text) + 1):
        left, reason, _ = screened(DENIES, text, [cut])
        assert reason == "secret"
        assert text.startswith(left)
        assert len(left) <= at


def test_nearly_all_kinds_are_stopped():
    stopped = [
        kind for kind, secret in SAMPLES.items() if screened(DENIES, f"Sure, here: {secret} and more.")[1]
    ]
    passed = set(SAMPLES) - set(stopped)
    # Keys of the test mode of one provider are dismissed on purpose; our own have a checksum that the sample has not.
    assert all(kind.startswith(("stripe-test-key", "keelmark-api-key")) for kind in passed), passed
    assert len(stopped) >= 70


@pytest.mark.parametrize("kind", SAMPLES)
def test_verdict_and_text_are_the_same_for_every_cut(kind):
    text = f"Grüße 😀! {SAMPLES[kind]}\n{PROSE}"
    whole = screened(REDACTS, text)
    for seed in range(25):
        assert screened(REDACTS, text, cuts_of(text, seed)) == whole
    assert screened(REDACTS, text, range(1, len(text))) == whole


@pytest.mark.parametrize(
    "text",
    [
        "password = Xk92jd7Qm3LpZ0aa and so on",
        'the api_key: "Xk92jd7Qm3LpZ0aaQw" is mine',
        "AWS Secret Access Key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYzz12KEY90a.",
        "your token is Xk92jd7Qm3LpZ0aaQw, keep it",
        "export DB_PASSWORD=Xk92jd7Qm3LpZ0aa\n",
    ],
)
def test_value_of_a_telling_name_never_leaves(text):
    value = next(
        word.strip('",.\n') for word in text.replace("=", " ").split() if "Xk9" in word or "wJal" in word
    )
    left, _, grounds = whole = screened(REDACTS, text)
    assert value not in left
    assert grounds[0].reason == "secret"
    for cut in range(len(text) + 1):
        assert screened(REDACTS, text, [cut]) == whole
    stopped, reason, _ = screened(DENIES, text, range(1, len(text)))
    assert reason == "secret"
    assert value[0:3] not in stopped


@pytest.mark.parametrize(
    "shape",
    [
        CANARY,
        CANARY.lower(),
        " ".join(CANARY),
        CANARY[::-1],
        "S00tN2YzYTkxYzJkNGU4YjZhMA",
        CANARY.encode().hex(),
        "\u200b".join(CANARY),
    ],
)
def test_canary_never_leaves_in_any_form(shape):
    text = f"It is {shape}."
    for cuts in ([], range(1, len(text)), *(cuts_of(text, seed) for seed in range(10))):
        left, reason, _ = screened(DENIES, text, cuts)
        assert reason == "prompt-extraction"
        assert left in {"", "It is ", "It is"}


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("pay with my card 4539 1488 0343 6467 today", "4539 1488 0343 6467"),
        ("IBAN DE89 3704 0044 0532 0130 00 ist es", "DE89 3704 0044 0532 0130 00"),
        ("her SSN: 536-90-4399 it is", "536-90-4399"),
    ],
)
def test_personal_data_is_taken_out_at_any_cut(text, gone):
    whole = screened(REDACTS, text)
    assert gone not in whole[0]
    assert " removed]" in whole[0]
    for cut in range(len(text) + 1):
        assert screened(REDACTS, text, [cut]) == whole


def test_mail_is_taken_out_only_when_asked_for():
    text = "write to jane.roe@gmail.com now"
    assert screened(REDACTS, text)[0] == text
    screens = OutputScreens(OutputSettings(personal=PersonalRules(email=Action.REDACT)))
    for cut in range(len(text)):
        assert screened(screens, text, [cut])[0] == "write to [email removed] now"


@given(st.text(max_size=300), st.lists(st.integers(0, 300), max_size=8))
@settings(max_examples=150, deadline=None)
def test_any_text_has_one_verdict(text, cuts):
    cuts = sorted(min(cut, len(text)) for cut in cuts)
    assert screened(REDACTS, text, cuts) == screened(REDACTS, text)


def test_clean_text_arrives_unchanged_and_word_by_word():
    words = PROSE.split(" ")
    screen = REDACTS.begin(lambda ground: pytest.fail(ground.detail))
    text = "Hello there, the weather in Paris will be fine tomorrow, said she. "
    for word in text.split(" "):
        assert screen.feed(f"{word} ") == f"{word} "
    left = "".join(screen.feed(f"{word} ") for word in words)
    assert left + screen.close() == " ".join(words) + " "


def test_first_word_is_not_held_back():
    for word in ("Hello", "Sure", "The", "Yes", "I", "Certainly!", "Here's", "1", "```python\n"):
        held = OutputScreens(
            OutputSettings(
                personal=PersonalRules(
                    payment_card=Action.OFF,
                    iban=Action.OFF,
                    national_id=Action.OFF,
                )
            )
        )
        left = held.begin(lambda ground: None).feed(word)
        # A single letter may be the first of a credential; whole words are not.
        assert word.startswith(left)
        assert len(word) - len(left) <= 1


def test_nothing_leaves_after_a_stop():
    screen = DENIES.begin(lambda ground: None)
    with pytest.raises(ScreenedError):
        screen.feed(f"x {SAMPLES['openai-api-key-0']} y")
    with pytest.raises(ScreenedError):
        screen.feed("more")
    with pytest.raises(ScreenedError):
        screen.close()


def test_broken_off_private_key_does_not_leave():
    text = "here\n" + private_key()[:400]
    for cuts in ([], range(1, len(text))):
        left, reason, _ = screened(REDACTS, text, cuts)
        assert left == "here\n[private-key removed]"
        assert not reason


def test_key_longer_than_may_be_held_stops_at_any_cut():
    screens = OutputScreens(OutputSettings(bounds=Bounds(max_held=512)))
    text = "here\n" + private_key(3_000)
    for cuts in ([], range(1, len(text), 7), cuts_of(text, 1), cuts_of(text, 2)):
        left, reason, _ = screened(screens, text, cuts)
        assert reason == "secret"
        assert left in {"", "here\n"}


def test_what_is_held_is_bounded():
    screens = OutputScreens(OutputSettings(bounds=Bounds(max_held=256)))
    screen = screens.begin(lambda ground: None)
    fed = left = 0
    for _ in range(200):
        fed += 20
        left += len(screen.feed("eyJhbGciOiJIUzI1NiIs"))
        assert fed - left <= 2 * 256 + 20
    assert left + len(screen.close()) == fed


_PIECES = st.sampled_from([
    "eyJ", "sk-", "-", "sk-proj-", "aB3dE5fG7hJk9LmN0pQr" * 3, "aB3dE5fG7h" * 40, " ", "\n", "token: ", "password=", "https://a:b", "@c.io",
    "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "4539 1488 ", "0343 6467", " card ", "KM-7f3a91c2", "d4e8b6a0", "word ", "é",
])  # fmt: skip
_SHORT = OutputScreens(OutputSettings(canaries=(CANARY,), canary=Action.REDACT, bounds=Bounds(max_held=300)))


@given(st.lists(_PIECES, max_size=40), st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_any_mix_of_beginnings_has_one_verdict(pieces, seed):
    text = "".join(pieces)
    whole, reason, _ = screened(_SHORT, text)
    for cuts in (cuts_of(text, seed), range(1, len(text), 3)):
        left, why, _ = screened(_SHORT, text, cuts)
        assert why == reason
        if not reason:
            assert left == whole


def test_answer_made_of_beginnings_is_stopped():
    assert screened(REDACTS, "eyJ-" * 20_000)[1] == "output-stopped"


def test_text_about_keys_is_left_alone():
    text = "A file begins with -----BEGIN RSA PRIVATE KEY----- and ends with -----END RSA PRIVATE KEY-----, as PEM says."
    assert screened(REDACTS, text)[0] == text


def test_loop_is_noted_and_stopped_only_where_enforced():
    text = "and so on and on " * 600
    noted = screened(OutputScreens(OutputSettings()), text)
    assert noted[0] == text
    assert [(ground.reason, ground.is_enforced) for ground in noted[2]] == [("repetition", False)]
    enforcing = OutputScreens(OutputSettings(repetition=GroupRule(is_enforced=True)))
    assert screened(enforcing, text)[1] == "repetition"
    assert screened(enforcing, text, cuts_of(text, 4))[1] == "repetition"


def test_whole_is_the_same_as_in_parts():
    for text in (PROSE, f"see {SAMPLES['openai-api-key-0']} ok", "plain"):
        assert REDACTS.whole(text, lambda ground: None) == screened(REDACTS, text, cuts_of(text, 3))[0]


def test_grounds_carry_no_text_of_the_answer():
    text = f"see {SAMPLES['openai-api-key-0']} ok"
    for ground in screened(REDACTS, text)[2]:
        assert SAMPLES["openai-api-key-0"][:12] not in repr(ground)
        assert CANARY not in repr(OutputSettings(canaries=(CANARY,)))


def exchange() -> Exchange:
    found = Exchange(
        id="0",
        request=Request(method="POST", path="/"),
        started=datetime(2026, 1, 1, tzinfo=UTC),
        started_ns=0,
    )
    found.facts["tainted"] = False
    return found


def test_tools_of_answers_are_judged_and_refused_where_none_are_let_through():
    none = OutputScreens(OutputSettings()).open(exchange())
    with pytest.raises(ScreenedError) as refused:
        none.tool(ToolUse(name="mail", arguments={}))
    assert refused.value.reason == "tool-not-allowed"
    with pytest.raises(ScreenedError):
        none.offered(ToolDefinition(name="mail", digest="00"))
    guard = ToolGuard(ToolSettings(pinned=(("mail", "11"),)))
    with pytest.raises(ScreenedError) as changed:
        OutputScreens(OutputSettings(), tools=guard).open(exchange()).offered(
            ToolDefinition(name="mail", digest="00")
        )
    assert changed.value.reason == "tool-changed"


def test_each_text_of_an_answer_has_its_own_screen():
    screens = REDACTS.open(exchange())
    first, second = screens.text("content", 0), screens.text("content", 1)
    secret = SAMPLES["openai-api-key-0"]
    assert first.feed(secret[:20]) == ""
    assert second.feed("plain words ") == "plain words "
    assert first.feed(secret[20:] + ", that is all. ").startswith("[openai-api-key removed], ")
