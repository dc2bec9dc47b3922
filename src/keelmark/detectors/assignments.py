"""Credentials without a shape: a telling name on the left, a value on the right that looks issued or chosen."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.outcome import Confidence
from keelmark.detectors import placeholders
from keelmark.detectors.secret_checks import CHECKS
from keelmark.detectors.secret_rules import compiled, rules
from keelmark.errors import LimitExceededError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GENERIC", "SPOKEN", "SPOKEN_HEAD", "Assigned", "Places", "assigned", "spoken"]

GENERIC = "generic-assignment"
_MAX_NAME = 64
_MIN_VALUE = 16
_MAX_VALUE = 256
_REACH = 600
_SHARED = 8

_WORDS = (
    r"pass(?:word|wd|phrase|wort)|pwd|secret|token|api[_-]?key|credential|authorization"
    r"|(?:access|private|auth|client|signing|encryption|account|master|service|admin|session|storage|shared|_)[_-]?key"
    r"|connection[_-]?string|[_-]pass\b"
)
# The end of a name, what may stand between a name and its value, and the beginning of a quoted value.
_BETWEEN = r"[A-Za-z0-9_-]{0,40}\\?[\"'`]?\]?\)?\s{0,8}(?::\s{0,4}[A-Za-z_][\w.\[\]|?]{0,40}\s{0,4})?(?:=>|:=|={1,3}|:|,)\s{0,8}"
_CALL = r"(?:[A-Za-z_][\w.]{0,60}\(\s{0,4}|[\w.]{1,60}\s{0,4}(?:\|\||\?\?|or)\s{0,4})?"
_QUOTED = compiled(
    rf"(?i)(?:{_WORDS}){_BETWEEN}(?:(?:os\.(?:environ|getenv)|process\.env)|{_CALL}(?:b|f|r|u|rb|br|fr|rf)?\\?[\"'`])"
)
_QUOTED_VALUE = compiled(
    rf"(?i)(?:{_WORDS}){_BETWEEN}(?:(?P<env>os\.(?:environ|getenv)|process\.env)"
    rf"|{_CALL}(?P<prefix>b|f|r|u|rb|br|fr|rf)?\\?[\"'`]{{1,3}}(?P<value>[^\"'`\s\\]*)\\?[\"'`])"
)
_BARE = compiled(
    rf"(?im)^[ \t]*(?:(?:export|env|arg|set|-)[ \t]+)*[\"']?[A-Za-z0-9_.-]{{0,60}}(?:{_WORDS})[A-Za-z0-9_.-]{{0,40}}[\"']?"
    r"[ \t]*(?:=|:|[ \t])[ \t]*[\"']?[^\s\"'#]+"
)
_BARE_VALUE = compiled(
    rf"(?im)^[ \t]*(?:(?:export|env|arg|set|-)[ \t]+)*[\"']?(?P<name>[A-Za-z0-9_.-]{{0,60}}(?:{_WORDS})[A-Za-z0-9_.-]{{0,40}})[\"']?"
    r"[ \t]*(?:=|:|[ \t])[ \t]*(?P<quote>[\"']?)(?P<value>[^\s\"'#]+)[\"',]{0,2}[ \t]*(?:#.*|\\)?\r?$"
)
# The same in a text that people or models write to each other: no line or quote need stand around it.
SPOKEN_HEAD = rf"(?i)(?:{_WORDS})"
SPOKEN = (
    rf"{SPOKEN_HEAD}(?:[ _-]?(?:access|key|token|id|value|phrase|string)){{0,3}}[A-Za-z0-9_-]{{0,40}}[\\\"'`*\])]{{0,4}}"
    r"(?:(?:\s{0,4}:\s{0,4}[A-Za-z_][\w.\[\]|?]{0,40})?\s{0,4}(?:=>|:=|={1,3}|:)|\s{1,4}(?:is|was)\b)[*\s]{0,6}"
    rf"{_CALL}(?:b|f|r|u|rb|br|fr|rf)?[\\\"'`*]{{0,4}}(?P<value>[^\s\"'`\\]{{8,256}})"
)
"""A telling name, what stands between, and a value; over bytes."""

_SPOKEN = compiled(SPOKEN)
_TRAILING = ".,;:!?)]}>*_"
_NOT_A_SECRET = re2.compile(
    r"(?i)(hash|digest|sha\d|checksum|crc|commit|revision|etag|integrity|public|pubkey|pub_?key|site_?key|publishable|anon"
    r"|tokeni[sz]|tokens\b|(eos|bos|pad|unk|sep|cls|mask|special|stop|start|end|next|max|min|num|first|last|image|page"
    r"|continuation|sync|prompt|completion|input|output|total)[_-]?tokens?\b|token[_-]?(ids?|count|limit|length|usage|type|class"
    r"|expir\w*|lifetime|ttl|header|prefix|symbol|address|budget)|(secret|password|passwd|pwd|key|token|credentials?)s?[_-]?"
    r"(name|ref|ids?|file|path|dir|field|label|hint|reset|policy|regex|pattern|min|max|length|env|var|variable|arn|version"
    r"|store|manager|provider|prompt|text|placeholder|title|message|error|url|uri|endpoint|column|required|confirm\w*|alg\w*"
    r"|format|rotation|management|kind|scope)\b|(confirm|forgot|reset|change|new|old|current|repeat|show|hide|invalid|wrong)[_-]?(password|pass|pwd)|(primary|foreign|sort|partition|cache|idempotency|translation|i18n|row|group"
    r"|object|instrumentation|measurement)[_-]?key|fingerprint|csrf|xsrf|nonce|contract|spdx|licen[cs]e|bypass|compass|passage|keyword)"
)
_PASSWORD_NAME = re2.compile(r"(?i:(^|[_.-]|[a-z])(pass(word|wd|phrase)?|pwd))$|(^|_)SECRET(_KEY)?$")
_CONFIG_PATH = re2.compile(
    r"(?i)(^|/)(\.env[^/]*|[^/]*\.(env|ini|cfg|conf|properties|ya?ml|tfvars|sh|bash|zsh|service|envrc)|[^/]*dockerfile[^/]*|"
    r"\.netrc|\.npmrc|\.pypirc|\.pgpass|env\.[a-z]+|secrets?\.toml|config\.toml)$"
)
_NEVER_GENERIC = re2.compile(
    r"(?i)(^|/)([^/]*[.-]lock(\.json|\.ya?ml|\.hcl)?|[^/]*\.lockb?|go\.sum|package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml"
    r"|[^/]*\.(svg|css|scss|less|map|po|pot|xlf|ipynb_checkpoints|sum|sha256|md5|csv|tsv|jsonl|ndjson)|tokenizer(_config)?\.json|vocab\.json"
    r"|special_tokens_map\.json|merges\.txt|vocab\.txt|added_tokens\.json)$|(^|/)locales?/"
)
_DOCUMENT_PATH = re2.compile(r"(?i)\.(md|mdx|rst|txt|adoc|html?)$|(^|/)(docs?|documentation)/")
# At least two words of letters, joined as names of code are, and no more than a few digits at the end of one.
_CODE_NAME = re2.compile(r"_{0,2}[a-z]{2,}(?:_[a-z]+[0-9]{0,4}[a-z]{0,4})+_{0,2}")
_UUID = re2.compile(r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_HEX = re2.compile(r"(?i)(0x)?[0-9a-f]{32,}")
_DIGEST = re2.compile(r"(?i)(sha(1|224|256|384|512)|md5|blake\w*)[-:=$]")
_SITE_KEY = re2.compile(r"6L[0-9A-Za-z_-]{38}")
_STRUCTURED = re2.compile(
    r"(?i)[\[\](){}|^*?<>;\\]|://|^[./~@#]|\.(json|ya?ml|pem|key|crt|txt|py|js|ts|html?|env|com|org|net|io|dev|local)\b"
    r"|^[\w.+-]+@[\w.-]+$|^\d{4}-\d\d-\d\d|^[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)+$"
)
_UNUSUAL = re2.compile(r"[!@#$%&+=~]")
_SEGMENTS = re2.compile(r"[A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assigned:
    """A value on the right of a telling name."""

    kind: str
    start: int
    end: int
    value: str
    confidence: Confidence
    dismissed: str = ""


@dataclass(slots=True)
class Places:
    """Places that may still be looked at closely; shared by the parts of one text."""

    left: int

    def take(self, path: str) -> None:
        """Look at one more.

        Raises:
            LimitExceededError: None is left.
        """
        if self.left <= 0:
            raise LimitExceededError("too many places look like credentials", path=path)
        self.left -= 1


def assigned(data: bytes, *, path: str, places: Places) -> Iterator[Assigned]:
    """Yield the values assigned to telling names, in order of place.

    Raises:
        LimitExceededError: More telling names than `places`.
    """
    if _NEVER_GENERIC.search(path):
        return
    is_config = bool(_CONFIG_PATH.search(path))
    outputs = _outputs(data) if path.endswith(".ipynb") else ()
    for hit in (_BARE if is_config else _QUOTED).finditer(data):
        places.take(path)
        found = _bare(data, hit.start()) if is_config else _quoted(data, hit.start())
        if found is None or (outputs and bisect_right(outputs, hit.start()) % 2):
            continue
        name, value, start = found
        judged = _judge(name, value, start, is_config=is_config)
        if judged is None or (judged.kind == GENERIC and _is_listed(data[hit.start() : start], value)):
            continue
        if judged.kind == GENERIC and judged.confidence is Confidence.MEDIUM and _DOCUMENT_PATH.search(path):
            # A text for people shows more than it runs.
            yield _lower(judged)
        else:
            yield judged


def spoken(data: bytes, *, places: Places, start: int = 0) -> Iterator[Assigned]:
    """Yield the values that a written text gives to telling names, in order of place.

    Args:
        data: The text, in UTF-8.
        places: How many telling names are looked at.
        start: Values that begin before this place are passed over.

    Raises:
        LimitExceededError: More telling names than `places`.
    """
    where = _SPOKEN.groupindex[b"value"]
    for hit in _SPOKEN.finditer(data):
        places.take("")
        begin, end = hit.span(where)
        if begin < start:
            continue
        value = _text(data[begin:end]).rstrip(_TRAILING)
        judged = _judge(_named(data, hit.start(), begin), value, begin, is_config=False)
        if judged is not None:
            yield judged


def _named(data: bytes, start: int, value: int) -> str:
    """The whole name: what stands joined before the telling word, and what follows up to the separator."""
    begin = _name_begin(data, start)
    return _text(_SEPARATOR.split(data[begin:value], 1)[0]).strip(" \"'`*\\")


def _name_begin(data: bytes, start: int) -> int:
    begin = start
    while (
        begin > 0
        and start - begin < _MAX_NAME
        and data[begin - 1 : begin].isalnum() | (data[begin - 1] in b"_-.")
    ):
        begin -= 1
    return begin


_SEPARATOR = compiled(r"[:=]|\s(?:is|was)\s")


def _outputs(data: bytes) -> tuple[int, ...]:
    """Where the kept outputs of a notebook begin and end, by turns: what a cell printed is no assignment."""
    edges: list[int] = []
    for mark in _CELL_PART.finditer(data):
        is_output = mark.group().startswith(b'"outputs"')
        if is_output != bool(len(edges) % 2):
            edges.append(mark.start())
    return tuple(edges)


_CELL_PART = compiled(r'"(outputs|source|cell_type|metadata)"\s*:')


def _is_listed(between: bytes, value: str) -> bool:
    """Whether a value that follows a telling name behind a comma alone is a name of code itself."""
    return (
        b"," in between and b"=" not in between and b":" not in between and bool(_CODE_NAME.fullmatch(value))
    )


def _lower(found: Assigned) -> Assigned:
    return Assigned(
        kind=found.kind,
        start=found.start,
        end=found.end,
        value=found.value,
        dismissed=found.dismissed,
        confidence=Confidence.LOW,
    )


def _quoted(data: bytes, start: int) -> tuple[str, str, int] | None:
    match = _QUOTED_VALUE.match(data, start, min(len(data), start + _REACH))
    if match is None:
        return None
    name = data[_name_begin(data, start) : start] + _NAME_END.match(data, start).group()
    if match.group(b"env"):
        return _text(name), "os.environ", match.start(match.re.groupindex[b"env"])
    value = _text(match.group(b"value"))
    if match.group(b"prefix") in {b"f", b"rf", b"fr"} and "{" in value:
        value = "{" + value + "}"
    return _text(name), value, match.start(match.re.groupindex[b"value"])


_NAME_END = compiled(r"[A-Za-z0-9_.-]*")


def _bare(data: bytes, start: int) -> tuple[str, str, int] | None:
    match = _BARE_VALUE.match(data, start, min(len(data), start + _REACH))
    if match is None:
        return None
    return (
        _text(match.group(b"name")),
        _text(match.group(b"value")),
        match.start(match.re.groupindex[b"value"]),
    )


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _judge(name: str, value: str, start: int, *, is_config: bool) -> Assigned | None:
    """What the pair says; None when it is nothing to mention."""
    end = start + len(value.encode())

    def found(kind: str, confidence: Confidence, dismissed: str = "") -> Assigned:
        return Assigned(
            kind=kind, start=start, end=end, value=value, confidence=confidence, dismissed=dismissed
        )

    for rule in rules().named:
        if rule.value.fullmatch(value) and rule.name.search(name):
            if rule.check and not CHECKS[rule.check](value, {}).is_credential:
                continue
            why = (
                "documentation sample"
                if "EXAMPLE" in value
                else placeholders.reason(value, least_entropy=rule.entropy)
            )
            return found(rule.kind, Confidence.HIGH, why)
    if _NOT_A_SECRET.search(name) or not value or len(value) > _MAX_VALUE:
        return None
    why = _dismissal(value) or _kinship(name, value)
    if why:
        return found(GENERIC, Confidence.LOW, why)
    if _looks_issued(value):
        return found(GENERIC, Confidence.MEDIUM)
    if is_config and _PASSWORD_NAME.search(name) and _is_plain_password(value):
        return found(GENERIC, Confidence.LOW)
    return None


def _dismissal(value: str) -> str:
    if value == "os.environ" or placeholders.reference(value):
        return "reference to a value kept elsewhere"
    if _UUID.fullmatch(value):
        return "identifier, not a secret"
    if _DIGEST.match(value):
        return "digest"
    if value.startswith(("pk_", "pk.", "ssh-", "-----BEGIN PUBLIC")) or _SITE_KEY.fullmatch(value):
        return "public key"
    why = placeholders.reason(value, least_entropy=2.0)
    # A common word as a value is a placeholder; common words elsewhere are simply code.
    return why if why in {"placeholder", "sequence of neighbouring characters", "repeated characters"} else ""


def _kinship(name: str, value: str) -> str:
    """Why a value that begins like its name is none: both are entries of one list of names."""
    shared = next(
        (place for place, (one, other) in enumerate(zip(name, value, strict=False)) if one != other), 0
    )
    return "named like its neighbour" if shared >= _SHARED else ""


def _looks_issued(value: str) -> bool:
    """Whether a machine made the value: long, mixed, and without the order that words have."""
    if len(value) < _MIN_VALUE or _STRUCTURED.search(value):
        return False
    if _HEX.fullmatch(value):
        return placeholders.entropy(value.lower()) >= 3.0
    classes = {"l" if c.islower() else "u" if c.isupper() else "d" if c.isdigit() else "o" for c in value}
    if len(classes) < 2 or "d" not in classes:
        return False
    if placeholders.entropy(value) < (3.2 if len(value) < 24 else 3.6):
        return False
    if len(classes) == 4 and sum(c.isdigit() for c in value) >= 2 and _UNUSUAL.search(value):
        return placeholders.switches(value) >= 0.25
    return any(_is_mixed(segment) for segment in _SEGMENTS.findall(value))


def _is_mixed(segment: str) -> bool:
    return (
        len(segment) >= 8
        and not segment.isdigit()
        and not segment.isalpha()
        and placeholders.switches(segment) >= 0.25
    )


def _is_plain_password(value: str) -> bool:
    """Whether a person may have chosen the value: short, literal, neither a switch nor a place."""
    if not 4 <= len(value) <= 64 or _STRUCTURED.search(value):
        return False
    return value.lower() not in {
        "true",
        "false",
        "none",
        "null",
        "disabled",
        "enabled",
        "required",
        "optional",
        "string",
    }
