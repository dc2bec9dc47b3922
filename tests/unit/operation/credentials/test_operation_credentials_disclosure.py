"""What answers say of being made by a model: in the header and in the field."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.config.gateway import parse
from keelmark.core.call import Action, Api, Call
from keelmark.core.exchange import Exchange, Request
from keelmark.core.principal import Principal, Proof
from keelmark.core.route import Route, RouteKind
from keelmark.errors import ConfigurationError
from keelmark.operation.credentials.disclosure import FIELD, Disclosure, DisclosureSettings
from keelmark.workflows.serve_credentials import credential_notes, disclosure_of

NOON = datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)
ID = "0123456789abcdef0123456789abcdef"
# One member of a Dictionary of RFC 9651: a key with a Token, a String, a Display String or a Date.
MEMBER = re.compile(
    r'([a-z*][a-z0-9_.*-]*)=(?:([A-Za-z*][A-Za-z0-9:/!#$%&\'*+.^_`|~-]*)|"((?:[ !#-\[\]-~]|\\["\\])*)"'
    r'|%"((?:[ !#$&-~]|%[0-9a-f]{2})*)"|@(-?\d{1,15}))(?:, |$)'
)


def exchange(
    *,
    api: Api = Api.CHAT,
    action: Action = Action.INFER,
    model: str = "small",
    release: str = "r1",
    path: str = "",
) -> Exchange:
    kind = RouteKind.SERVER if api.is_server else RouteKind.MODEL
    found = Exchange(id=ID, request=Request(method="POST", path="/"), started=NOON, started_ns=0)
    found.call = Call(api=api, action=action, model=model, body={})
    found.route = Route(name=model, kind=kind, upstream="u", asset="a")
    found.release = release
    found.facts["path"] = path
    found.principal = Principal(id="ana@example.org", proof=Proof.TOKEN, team="ml")
    return found


def read(value: bytes) -> dict[str, str]:
    """The members of a Dictionary; every byte of it must belong to one."""
    text, at, found = value.decode("ascii"), 0, {}
    while at < len(text):
        member = MEMBER.match(text, at)
        assert member is not None, text[at:]
        name, token, string, display, day = member.groups()
        assert name not in found
        if display is not None:
            octets = re.sub(rb"%([0-9a-f]{2})", lambda each: bytes([int(each[1], 16)]), display.encode())
            found[name] = octets.decode()
        else:
            found[name] = token or day or re.sub(r"\\(.)", r"\1", string)
        at = member.end()
    assert not text.endswith(", ")
    return found


def test_the_header_names_system_release_model_and_request() -> None:
    disclosure = Disclosure(DisclosureSettings(provider="Example Ltd"), system=lambda: "Helpdesk")
    ((name, value),) = disclosure.headers(exchange())
    assert name == b"ai-disclosure"
    assert read(value) == {
        "mode": "machine-generated",
        "system": "Helpdesk",
        "model": "small",
        "provider": "Example Ltd",
        "release": "r1",
        "request": ID,
        "date": "1769860800",
    }


@pytest.mark.parametrize(
    ("api", "action"),
    [
        (Api.CHAT, Action.INFER),
        (Api.COMPLETIONS, Action.INFER),
        (Api.RESPONSES, Action.INFER),
        (Api.MESSAGES, Action.INFER),
        (Api.EMBEDDINGS, Action.EMBED),
        (Api.PREDICT, Action.PREDICT),
    ],
)
def test_what_a_model_made_says_so(api: Api, action: Action) -> None:
    assert Disclosure(DisclosureSettings()).headers(exchange(api=api, action=action))


@pytest.mark.parametrize(
    ("api", "action", "path"),
    [
        (Api.MODELS, Action.LIST_MODELS, ""),
        (Api.MCP, Action.CALL_TOOL, ""),
        (Api.MCP, Action.READ_RESOURCE, ""),
        (Api.MESSAGES, Action.INFER, "/v1/messages/count_tokens"),
    ],
)
def test_what_no_model_made_does_not_say_so(api: Api, action: Action, path: str) -> None:
    disclosure = Disclosure(DisclosureSettings(field=True))
    found = exchange(api=api, action=action, path=path)
    assert disclosure.headers(found) == ()
    assert disclosure.field(found) is None


def test_a_request_that_was_not_understood_has_nothing_to_say() -> None:
    found = Exchange(id=ID, request=Request(method="POST", path="/"), started=NOON, started_ns=0)
    assert Disclosure(DisclosureSettings(field=True)).headers(found) == ()
    assert Disclosure(DisclosureSettings(field=True)).field(found) is None


def test_nothing_is_told_of_who_asked() -> None:
    disclosure = Disclosure(DisclosureSettings(field=True), system=lambda: "Helpdesk")
    said = f"{disclosure.headers(exchange())} {disclosure.field(exchange())}"
    assert "ana" not in said
    assert "ml" not in said


def test_what_is_not_known_is_left_out() -> None:
    ((_, value),) = Disclosure(DisclosureSettings()).headers(exchange(release=""))
    assert read(value).keys() == {"mode", "model", "request", "date"}


@given(st.text(), st.text(), st.text())
def test_whatever_names_hold_the_header_is_one_well_formed_line(
    system: str, model: str, release: str
) -> None:
    disclosure = Disclosure(DisclosureSettings(provider=release), system=lambda: system)
    ((_, value),) = disclosure.headers(exchange(model=model, release=release))
    assert value.isascii()
    assert value.decode().isprintable()
    found = read(value)
    assert found["mode"] == "machine-generated"
    if model:
        assert found["model"] == model[:128].encode("utf-8", "replace").decode()


def test_another_release_is_told_at_once() -> None:
    names = iter(["Helpdesk", "Helpdesk 2"])
    disclosure = Disclosure(DisclosureSettings(), system=lambda: next(names))
    told = [read(disclosure.headers(exchange(release=each))[0][1]) for each in ("r1", "r1", "r2")]
    assert [each["release"] for each in told] == ["r1", "r1", "r2"]
    assert [each["system"] for each in told] == ["Helpdesk", "Helpdesk", "Helpdesk 2"]


def test_what_is_remembered_is_bounded() -> None:
    disclosure = Disclosure(DisclosureSettings())
    for number in range(3_000):
        assert read(disclosure.headers(exchange(release=f"r{number}"))[0][1])["release"] == f"r{number}"
    assert len(disclosure._known) <= 1_024


def test_the_field_is_there_when_asked_for() -> None:
    disclosure = Disclosure(DisclosureSettings(field=True, system="Desk"))
    body = {"id": "c"}
    disclosure.mark(exchange(), body)
    assert body == {
        "id": "c",
        FIELD: {
            "mode": "machine-generated",
            "digital_source_type": "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
            "system": "Desk",
            "model": "small",
            "release": "r1",
            "request": ID,
            "date": "2026-01-31T12:00:00Z",
        },
    }


@pytest.mark.parametrize("api", [Api.EMBEDDINGS, Api.PREDICT])
def test_bodies_that_are_vectors_or_forms_of_a_model_stay_as_they_are(api: Api) -> None:
    body: dict[str, object] = {}
    action = Action.EMBED if api is Api.EMBEDDINGS else Action.PREDICT
    Disclosure(DisclosureSettings(field=True)).mark(exchange(api=api, action=action), body)
    assert body == {}


def test_no_field_unless_asked_for() -> None:
    body: dict[str, object] = {}
    Disclosure(DisclosureSettings()).mark(exchange(), body)
    assert body == {}


YAML = "version: 1\nupstreams: [{name: u, url: http://127.0.0.1:1}]\nrelease: {keys: [k]}\n"


def test_it_is_on_by_default_and_can_be_switched_off_for_a_time_with_a_reason() -> None:
    today = date(2026, 1, 30)
    on = parse(YAML, today=today).credentials
    assert disclosure_of(on, system=lambda: "").headers(exchange())
    assert credential_notes(on) == ()
    off = "credentials: {off: {reason: client breaks, owner: Head, expires: 2026-02-01}}\n"
    settings = parse(YAML + off, today=today).credentials
    assert credential_notes(settings) == ("answers do not say that a model made them: client breaks (Head)",)
    silent = disclosure_of(settings, system=lambda: "")
    assert silent.headers(exchange()) == ()
    later = exchange()
    later.started = datetime(2026, 2, 1, tzinfo=UTC)
    assert silent.headers(later)


@pytest.mark.parametrize(
    "off", ["{reason: '', owner: o, expires: 2027-01-01}", "{reason: r, owner: o, expires: 2026-01-30}"]
)
def test_it_is_not_switched_off_without_a_reason_or_for_ever(off: str) -> None:
    with pytest.raises(ConfigurationError, match=r"credentials\.off"):
        parse(f"{YAML}credentials: {{off: {off}}}\n", today=date(2026, 1, 30))


def test_while_it_is_off_the_field_is_silent_too() -> None:
    assert (
        Disclosure(DisclosureSettings(field=True), silent_until=NOON.timestamp() + 1).field(exchange())
        is None
    )
