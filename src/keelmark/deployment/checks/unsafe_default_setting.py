"""A switch of security is off unless somebody turns it on.

## What it finds

Product code that reads a switch from the environment with a literal default that is the insecure side: debug on,
anonymous callers allowed, authentication or the check of certificates off, and a signing secret that everybody can read
in the source.

```python
AUTH_ENABLED = os.getenv("AUTH_ENABLED", "false") == "true"  # bad
SECRET_KEY = os.getenv("SECRET_KEY", "change-me")  # bad
```

Only names that leave no doubt are judged. Defaults in classes of settings are not seen.

## Why it matters

Most installations run with the defaults. A switch that has to be known is off where nobody knew.

## How to fix

```python
AUTH_ENABLED = os.getenv("AUTH_ENABLED", "true") == "true"  # good
SECRET_KEY = os.environ["SECRET_KEY"]  # good: no start without it
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unsafe-default-setting",
    title="A switch of security is off unless somebody turns it on",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    recommendations=("P-4", "DEP-5.c"),
    tags=("cwe:1188", "cwe:453", "en-304-223:5.2.2-1"),
    audience=Audience.ML_ENGINEER,
    reads_single_files=True,
)

_READERS = ("os.getenv", "os.environ.get", "decouple.config", "environ.Env.bool", "environs.Env.bool")
_ON = {"1", "on", "t", "true", "y", "yes"}
_OFF = {"0", "f", "false", "n", "no", "off"}

_BAD_WHEN_ON = re2.compile(
    r"(APP_|API_|DJANGO_|FASTAPI_|FLASK_|GRADIO_|SERVER_|WEB_)?DEBUG(_MODE)?"
    r"|(\w+_)?ALLOW_(ANONYMOUS|UNAUTHENTICATED|INSECURE|UNSAFE|DANGEROUS)\w*"
    r"|(\w+_)?(DISABLE|SKIP|BYPASS|NO)_(AUTH|AUTHENTICATION|AUTHORIZATION|TLS_VERIFY|SSL_VERIFY|VERIFICATION)"
    r"|(\w+_)?AUTH_DISABLED|(\w+_)?TRUST_REMOTE_CODE"
)
_BAD_WHEN_OFF = re2.compile(
    r"(\w+_)?(AUTH|AUTHENTICATION|AUTHORIZATION)_(ENABLED|REQUIRED)"
    r"|(\w+_)?(ENABLE|REQUIRE|USE)_(AUTH|AUTHENTICATION|AUTHORIZATION|API_KEY_AUTH|LOGIN)"
    r"|(\w+_)?(VERIFY_(SSL|TLS|CERTS?|CERTIFICATES?)|(SSL|TLS)_VERIFY)"
)
_SECRET = re2.compile(
    r"(APP_|API_|DJANGO_|FASTAPI_|FLASK_|WEB_)?SECRET_KEY|(\w+_)?(JWT|SESSION|COOKIE|TOKEN|AUTH)_(SECRET|SIGNING)(_KEY)?"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each switch."""
    switches = [
        (seen, name)
        for seen in project.calls(*_READERS)
        if seen.is_product and _is_switch(name := _name(seen.fact))
    ]
    if not switches:
        yield CARD.not_applicable("no switch of security is read from the environment")
        return
    wrong = [(seen, name, why) for seen, name in switches if (why := _defect(seen.fact, name))]
    for seen, name, why in wrong:
        yield CARD.failed(
            f"{name} {why}",
            at=seen.at(),
            fix="Start without it only in the secure way: turn the default around, or stop when the value is missing.",
            subject=name,
        )
    if not wrong:
        yield CARD.passed(
            f"none of {len(switches)} switches of security is insecure by default",
            at=tuple(seen.at() for seen, _ in switches[:5]),
        )


def _name(call: Call) -> str:
    argument = call.argument("key", 0)
    return argument.literal.upper() if argument is not None and isinstance(argument.literal, str) else ""


def _is_switch(name: str) -> bool:
    return any(pattern.fullmatch(name) for pattern in (_BAD_WHEN_ON, _BAD_WHEN_OFF, _SECRET))


def _defect(call: Call, name: str) -> str:
    default = call.argument("default", 1)
    if default is None or not default.is_literal or default.literal is None:
        return ""
    value = str(default.literal).strip().lower()
    if _SECRET.fullmatch(name):
        return (
            "has a default that everybody can read, and whoever knows it signs in as anybody" if value else ""
        )
    if _BAD_WHEN_ON.fullmatch(name) and value in _ON:
        return f"is `{default.literal}` unless it is set"
    if _BAD_WHEN_OFF.fullmatch(name) and value in _OFF:
        return f"is `{default.literal}` unless it is set"
    return ""
