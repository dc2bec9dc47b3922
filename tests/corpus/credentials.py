"""Credentials made up for tests: one for each shape that the rules know, random but always the same."""

from __future__ import annotations

import base64
import json
import random
import string
import zlib
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

from keelmark.detectors.secret_rules import rules

__all__ = ["private_key", "samples"]

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_PRINTABLE = string.ascii_letters + string.digits


def samples() -> dict[str, str]:
    """One credential for each rule with a shape of its own, by kind and number of the rule."""
    source = random.Random(11)
    made: dict[str, str] = {}
    for number, (kind, triggers, pattern) in enumerate(rules().written):
        made[f"{kind}-{number}"] = _SPECIAL.get(kind, lambda r, t, p: _from_pattern(r, p))(
            source, triggers, pattern
        )
    return made


def private_key(size: int = 600) -> str:
    """A private key as files hold it, of random bytes."""
    body = base64.b64encode(b"\x30\x82" + random.Random(3).randbytes(size)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def _from_pattern(source: random.Random, pattern: str) -> str:
    return "".join(_made(source, _parser.parse(pattern)))


def _made(source: random.Random, tree: Any) -> list[str]:
    out: list[str] = []
    for code, value in tree:
        if code is codes.LITERAL:
            out.append(chr(value))
        elif code is codes.IN:
            out.append(source.choice(_choices(value)))
        elif code in {codes.MAX_REPEAT, codes.MIN_REPEAT}:
            least, most, inner = value
            for _ in range(min(most, least + 2) if most < 3 else max(least, min(most, 20))):
                out += _made(source, inner)
        elif code is codes.SUBPATTERN:
            out += _made(source, value[3])
        elif code is codes.BRANCH:
            out += _made(source, source.choice(value[1]))
    return out


def _choices(items: Any) -> str:
    found = ""
    for code, value in items:
        if code is codes.LITERAL:
            found += chr(value)
        elif code is codes.RANGE:
            found += "".join(chr(each) for each in range(value[0], value[1] + 1))
        elif code is codes.NEGATE:
            return _PRINTABLE
    return found


def _checked(source: random.Random, triggers: tuple[str, ...], pattern: str) -> str:
    del pattern
    body = "".join(source.choice(_PRINTABLE) for _ in range(30))
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    prefix = "ghp_" if triggers[0].startswith("gh") else "npm_"
    return prefix + body + digits.rjust(6, "0")


def _jwt(source: random.Random, triggers: tuple[str, ...], pattern: str) -> str:
    del triggers, pattern
    parts = [{"alg": "HS256", "typ": "JWT"}, {"iss": "corp", "exp": 1}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "".join(source.choice(_PRINTABLE) for _ in range(43))])


def _pypi(source: random.Random, triggers: tuple[str, ...], pattern: str) -> str:
    del triggers, pattern
    body = base64.urlsafe_b64encode(b"\x02\x01\x08pypi.org\x02" + source.randbytes(90)).decode().rstrip("=")
    return f"pypi-{body}"


_SPECIAL: dict[str, Any] = {
    "github-token": _checked,
    "npm-token": _checked,
    "jwt": _jwt,
    "pypi-token": _pypi,
    "slack-token": lambda r, t, p: "xoxb-718263549182-" + "".join(r.choice(_PRINTABLE) for _ in range(40)),
    "private-key": lambda r, t, p: private_key(),
    "database-url": lambda r, t, p: (
        "postgres://svc:" + "".join(r.choice(_PRINTABLE) for _ in range(18)) + "@db.acme.io"
    ),
    "url-credentials": lambda r, t, p: (
        "https://svc:" + "".join(r.choice(_PRINTABLE) for _ in range(18)) + "@git.acme.io"
    ),
}
