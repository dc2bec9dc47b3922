"""What calls do to a value on its way: clean it, pass it on, or change what holds it."""

from __future__ import annotations

import re2

from keelmark.core.facts import Sink

__all__ = [
    "ALPHABET_CHECKS",
    "CLEANERS",
    "HARMLESS_TYPES",
    "LOSING_METHODS",
    "MUTATORS",
    "PASSING",
    "PASSING_ARGUMENT_METHODS",
    "is_blocker",
    "is_sanitiser",
    "is_validator",
]

# Result is harmless: for these sinks, or for every sink (None).
_EVERY: frozenset[Sink] | None = None
CLEANERS: dict[str, frozenset[Sink] | None] = {
    **dict.fromkeys(
        (
            "builtins.int",
            "builtins.float",
            "builtins.bool",
            "builtins.len",
            "builtins.hash",
            "builtins.ord",
            "uuid.UUID",
            "datetime.date.fromisoformat",
            "datetime.datetime.fromisoformat",
            "datetime.datetime.strptime",
            "decimal.Decimal",
            "ipaddress.ip_address",
            "hashlib.sha256",
            "hashlib.md5",
            "hashlib.sha1",
        ),
        _EVERY,
    ),
    "shlex.quote": frozenset({Sink.COMMAND}),
    "pipes.quote": frozenset({Sink.COMMAND}),
    "ast.literal_eval": frozenset({Sink.CODE}),
    "werkzeug.utils.secure_filename": frozenset({Sink.PATH}),
    "os.path.basename": frozenset({Sink.PATH}),
    "ntpath.basename": frozenset({Sink.PATH}),
    "posixpath.basename": frozenset({Sink.PATH}),
    "werkzeug.utils.safe_join": frozenset({Sink.PATH}),
    "flask.safe_join": frozenset({Sink.PATH}),
    "pathvalidate.sanitize_filename": frozenset({Sink.PATH}),
    "html.escape": frozenset({Sink.HTML}),
    "bleach.clean": frozenset({Sink.HTML}),
    "nh3.clean": frozenset({Sink.HTML}),
    "markupsafe.escape": frozenset({Sink.HTML}),
    "flask.escape": frozenset({Sink.HTML}),
    "django.utils.html.escape": frozenset({Sink.HTML}),
    "urllib.parse.quote": frozenset({Sink.URL, Sink.PATH}),
    "urllib.parse.quote_plus": frozenset({Sink.URL, Sink.PATH}),
    "psycopg2.sql.Identifier": frozenset({Sink.SQL}),
    "psycopg.sql.Identifier": frozenset({Sink.SQL}),
    "psycopg2.sql.Literal": frozenset({Sink.SQL}),
    "base64.b64encode": frozenset({Sink.HTML, Sink.COMMAND, Sink.CODE, Sink.SQL, Sink.TEMPLATE}),
    "base64.urlsafe_b64encode": _EVERY,
}

# Calls whose result carries what their arguments carry.
PASSING = frozenset(
    {
        "ast.parse",
        "asyncio.wait_for",
        "base64.b64decode",
        "base64.urlsafe_b64decode",
        "builtins.bytes",
        "builtins.bytearray",
        "builtins.dict",
        "builtins.enumerate",
        "builtins.filter",
        "builtins.format",
        "builtins.getattr",
        "builtins.iter",
        "builtins.list",
        "builtins.max",
        "builtins.min",
        "builtins.next",
        "builtins.repr",
        "builtins.reversed",
        "builtins.set",
        "builtins.sorted",
        "builtins.str",
        "builtins.tuple",
        "builtins.zip",
        "copy.copy",
        "copy.deepcopy",
        "io.BytesIO",
        "io.StringIO",
        "itertools.chain",
        "json.dumps",
        "json.loads",
        "json.load",
        "msgspec.json.decode",
        "orjson.loads",
        "os.fspath",
        "os.path.abspath",
        "os.path.expanduser",
        "os.path.expandvars",
        "os.path.join",
        "os.path.normpath",
        "os.path.realpath",
        "pathlib.Path",
        "pathlib.PurePath",
        "pathlib.PosixPath",
        "re.sub",
        "re.search",
        "re.match",
        "re.findall",
        "re.split",
        "shlex.split",
        "shlex.join",
        "string.Template",
        "textwrap.dedent",
        "textwrap.indent",
        "typing.cast",
        "urllib.parse.unquote",
        "urllib.parse.urljoin",
        "urllib.parse.urlparse",
        "urllib.parse.urlsplit",
        "sqlalchemy.text",
        "sqlalchemy.sql.text",
        "yaml.safe_load",
    }
)

# Methods whose result carries their arguments too, beside what the receiver carries.
PASSING_ARGUMENT_METHODS = frozenset(
    {"format", "format_map", "join", "joinpath", "replace", "removeprefix", "with_name", "with_suffix", "get"}
    | {"substitute", "safe_substitute", "union"}
)

# Methods whose result says little about the text of the receiver.
LOSING_METHODS = frozenset(
    {
        "count",
        "endswith",
        "exists",
        "find",
        "fileno",
        "hexdigest",
        "index",
        "is_dir",
        "is_file",
        "is_relative_to",
        "isalnum",
        "isalpha",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "isnumeric",
        "isspace",
        "raise_for_status",
        "rfind",
        "startswith",
        "stat",
        "status_code",
        "relative_to",
    }
)

# Methods that put their arguments into the receiver.
MUTATORS = frozenset(
    {"add", "append", "appendleft", "extend", "insert", "put", "setdefault", "update", "write"}
)

ALPHABET_CHECKS = frozenset({"isalnum", "isalpha", "isdecimal", "isdigit", "isidentifier", "isnumeric"})

HARMLESS_TYPES = frozenset(
    {
        "builtins.int",
        "builtins.float",
        "builtins.bool",
        "uuid.UUID",
        "datetime.date",
        "datetime.datetime",
        "datetime.time",
        "datetime.timedelta",
        "decimal.Decimal",
        "typing.Literal",
        "typing_extensions.Literal",
        "pydantic.PositiveInt",
        "pydantic.conint",
        "pydantic.confloat",
        "pydantic.UUID4",
        "pydantic.NonNegativeInt",
        "fastapi.BackgroundTasks",
    }
)

_VALIDATOR = re2.compile(
    r"(?i)^_*(is_?(\w*_)?(valid|safe|allowed|permitted|authori[sz]ed|within|inside|known|supported|read_?only|select|public|whitelisted|allowlisted)"
    r"|valid(ate)?|check|ensure|assert|require|verify|guard|allow(ed)?|authori[sz]e|enforce)"
)
_BLOCKER = re2.compile(
    r"(?i)^_*((is|has|contains|looks)_\w*(dangerous|unsafe|forbidden|blocked|denied|malicious|invalid|private|internal|traversal|injection))"
)
_SANITISER = re2.compile(
    r"(?i)^_*(sanit|clean|escape|quote|safe_|secure_|validate|normali[sz]e_and_check|purify|strip_tags|slugify|resolve_safe|"
    r"ensure_within|ensure_safe|to_safe|make_safe|get_safe|allowlist|whitelist)"
)


def is_validator(name: str) -> bool:
    """Whether a function is named like one that says yes only to harmless values."""
    return _VALIDATOR.search(name) is not None


def is_blocker(name: str) -> bool:
    """Whether a function is named like one that says yes to harmful values."""
    return _BLOCKER.search(name) is not None


def is_sanitiser(name: str) -> bool:
    """Whether a function is named like one that gives back a harmless value."""
    return _SANITISER.search(name) is not None
