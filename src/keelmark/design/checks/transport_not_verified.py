"""A connection does not check whom it speaks to.

## What it finds

Calls that switch off the check of the certificate: `verify=False` and its kin (`verify_ssl`, `verify_certs`, `ssl=False`,
`ssl_verify`), `ssl._create_unverified_context`, `ssl.CERT_NONE`, environment variables that do the same
(`NODE_TLS_REJECT_UNAUTHORIZED=0`, `GIT_SSL_NO_VERIFY`, `PYTHONHTTPSVERIFY=0`), and downloads in container files with
`curl -k` or `wget --no-check-certificate`. Calls to the own machine are not reported.

## Why it matters

Whoever stands between reads prompts and keys, and can hand over another model or another answer.

## How to fix

Leave the check on. For an authority of your own, name its certificate: `verify="/etc/ssl/own-ca.pem"`.

```python
# bad
requests.post(URL, json=prompt, verify=False, timeout=10)

# good
requests.post(URL, json=prompt, timeout=10)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_false, passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call, FileFacts, Reading
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="transport-not-verified",
    title="A connection does not check whom it speaks to",
    severity=Severity.HIGH,
    recommendations=("SD-3.n", "SD-3.t", "DEV-1.e"),
    tags=("cwe:295", "owasp-llm:LLM02", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("CWE-295: Improper Certificate Validation",),
)

FIX = "Leave the check on; for an authority of your own, name its certificate instead of switching the check off."

# Names that mean the certificate check whoever is called, and names that do so for known clients only.
_ALWAYS = ("verify_ssl", "verify_certs", "ssl_verify", "tls_verify", "validate_certs")
_CLIENTS = {
    "verify": ("requests.", "httpx.", "boto3.", "botocore.", "niquests.", "curl_cffi.", "hvac.", "*.request"),
    "ssl": ("aiohttp.",),
}
_CONTEXTS = {"ssl._create_unverified_context", "ssl._create_stdlib_context"}
_LOCAL = re2.compile(r"(?i)https?://(localhost|127\.\d+\.\d+\.\d+|\[::1\])")
_DOWNLOAD = re2.compile(
    r"\bcurl\b[^|;&]*\s(?:-[a-zA-Z]*k[a-zA-Z]*|--insecure)\b|\bwget\b[^|;&]*--no-check-certificate"
)
_VARIABLES = {
    "NODE_TLS_REJECT_UNAUTHORIZED": {"0"},
    "PYTHONHTTPSVERIFY": {"0"},
    "GIT_SSL_NO_VERIFY": {"1", "true", "yes"},
    "HF_HUB_DISABLE_SSL_VERIFICATION": {"1", "true", "yes"},
}


def check(project: Project) -> Iterator[Finding]:
    """Answer for every connection whose check is spoken of."""
    yield from answer_calls(
        CARD,
        project,
        all_calls(project),
        _judge,
        what="connections without a check of the certificate",
        extra=_outside(project),
    )


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if call.name.startswith("unittest.mock."):
        return None  # An expectation about a call is no connection.
    if call.name in _CONTEXTS:
        return fails(f"`{call.name}` makes connections that check no certificate", fix=FIX)
    if any(argument.reference == "ssl.CERT_NONE" for argument in call.arguments):
        return fails(f"`{call.name}` is told to check no certificate (`ssl.CERT_NONE`)", fix=FIX)
    for name in (*_ALWAYS, *_CLIENTS):
        given = call.argument(name)
        if given is None or not _concerns(call, name):
            continue
        if is_false(given):
            return None if _is_local(call) else fails(f"`{call.name}` is called with `{name}=False`", fix=FIX)
        if given.is_literal and (given.literal is True or isinstance(given.literal, str)):
            return passes(f"`{name}` stays on")
    return None


def _concerns(call: Call, name: str) -> bool:
    return name in _ALWAYS or call.name.startswith(_CLIENTS[name])


def _is_local(call: Call) -> bool:
    return any(_LOCAL.search(f"{argument.literal or ''} {argument.text}") for argument in call.arguments)


def _outside(project: Project) -> Iterator[Finding]:
    for file, reading in project.readings:
        for name, value, line in _settings(reading):
            if value.strip("\"' ").lower() in _VARIABLES.get(name, ()):
                yield _failed(file, line, f"`{name}={value}` switches the check of certificates off", name)
        if reading.container is None:
            continue
        for step in reading.container.instructions:
            if step.name.upper() == "RUN" and _DOWNLOAD.search(step.value):
                message = "a download in the container file does not check the certificate"
                yield _failed(file, step.line, message, f"RUN:{step.value[:80]}")


def _settings(reading: Reading) -> Iterator[tuple[str, str, int]]:
    yield from reading.environment
    for service in reading.services:
        for name, value in service.environment:
            yield name, value, service.line
    if reading.container is not None:
        for step in reading.container.instructions:
            if step.name.upper() == "ENV":
                name, _, value = step.value.replace("=", " ", 1).partition(" ")
                yield name, value, step.line


def _failed(file: FileFacts, line: int, message: str, subject: str) -> Finding:
    return CARD.failed(
        message,
        at=Location(path=file.path, line=line),
        fix=FIX,
        subject=subject,
        severity=Severity.HIGH if file.role.value == "product" else Severity.LOW,
    )
