"""`keelmark access`: the API keys that the gateway believes."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.output import print_table, print_text
from keelmark.config.environment import secret_of
from keelmark.core.clock import SystemClock
from keelmark.deployment.access.key_changes import KeyRequest
from keelmark.errors import UsageError
from keelmark.report.sanitise import terminal
from keelmark.workflows import access_keys as job

if TYPE_CHECKING:
    from keelmark.core.secret import Secret
    from keelmark.deployment.access.key_changes import Made
    from keelmark.deployment.access.keys import KeyRecord

__all__ = ["access"]

_COMMAND = next(command for command in COMMANDS if command.name == "access")
_EXIT_CODES = "Exit codes: 0 done, 2 could not run."
_PEPPER = "KEELMARK_PEPPER"
_FILE = Path(".keelmark/access/keys.json")

access = App(name="access", help=_COMMAND.summary, help_epilogue=f"{_COMMAND.epilogue}\n\n{_EXIT_CODES}")
key = App(name="key", help="Make, list, replace and revoke API keys.")
access.command(key)

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]
Several = Annotated[tuple[str, ...], Parameter(negative=())]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the keys lie."""

    file: Path = _FILE
    """The key file."""

    shared: str = ""
    """env:NAME: the variable with the address of a PostgreSQL database that holds the keys, instead of the file."""

    pepper: Path | None = None
    """File of the pepper; KEELMARK_PEPPER may hold it instead. When not given, `pepper` beside the key file."""

    @property
    def pepper_file(self) -> Path:
        """Where the pepper lies."""
        return self.pepper or self.file.with_name("pepper")

    @property
    def keys(self) -> job.KeyPlace:
        """Where the keys lie."""
        if self.shared and not self.shared.startswith("env:"):
            raise UsageError("--shared takes the name of a variable", hint="--shared env:DATABASE_URL")
        return job.key_place(self.shared or str(self.file), root=Path())


@key.command
def add(  # noqa: PLR0913 - each option of the command is one argument
    *,
    name: str,
    owner: str,
    scope: Several = (),
    team: str = "",
    tenant: str = "",
    valid_for: int = 90,
    not_before: datetime | None = None,
    place: Place | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Make a key. It is printed once, alone on standard output, and kept nowhere.

    Args:
        name: What it is for.
        owner: Who answers for it.
        scope: What it allows at most: infer:MODEL, callTool:SERVER/TOOL, infer:*. May be given several times.
        team: Whom limits and policies count it with.
        tenant: Whose data it may meet.
        valid_for: Days until it ends, at most 366.
        not_before: When it begins to count (2027-01-31T08:00:00, in UTC); at once when not given.
        place: Where the keys lie.
        format: console or json.
    """
    chosen = place or Place()
    begin = (
        None
        if not_before is None
        else not_before.astimezone(UTC)
        if not_before.tzinfo
        else not_before.replace(tzinfo=UTC)
    )
    request = KeyRequest(
        name=name,
        owner=owner,
        team=team,
        tenant=tenant,
        scopes=scope,
        days=valid_for,
        not_before=begin,
    )
    return _told(
        job.add(chosen.keys, request, pepper=_pepper(chosen, may_make=True), clock=SystemClock()), format
    )


@key.command
def rotate(
    id: str,  # noqa: A002 - as the option is called
    *,
    overlap_hours: float = 24.0,
    valid_for: int = 90,
    place: Place | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Replace a key by a new one with the same rights; the old one goes on for the overlap.

    Args:
        id: Id of the old key.
        overlap_hours: How long the old one goes on, at most 720.
        valid_for: Days until the new one ends, at most 366.
        place: Where the keys lie.
        format: console or json.
    """
    chosen = place or Place()
    if not 0 <= overlap_hours <= 24 * 366:
        raise UsageError(f"`{overlap_hours}` is no number of hours to wait", hint="--overlap-hours 24")
    made = job.rotate(
        chosen.keys,
        id,
        overlap=timedelta(hours=overlap_hours),
        days=valid_for,
        pepper=_pepper(chosen, may_make=False),
        clock=SystemClock(),
    )
    return _told(made, format)


@key.command
def revoke(id: str, *, reason: str, place: Place | None = None, format: Format = "console") -> int:  # noqa: A002
    """Revoke a key. Gateways that read the file refuse it within a second.

    Args:
        id: Id of the key.
        reason: Why.
        place: Where the keys lie.
        format: console or json.
    """
    clock = SystemClock()
    document = job.revoke((place or Place()).keys, id, reason=reason, clock=clock)
    record = next(each for each in document.records if each.id == id)
    if format == "json":
        print_text(_json(_row(record, clock.now())))
    else:
        print_text(terminal(f"revoked {record.id} ({record.name})"))
    return 0


@key.command(name="list")
def list_keys(*, place: Place | None = None, format: Format = "console") -> int:  # noqa: A002
    """List the keys, without what makes them work.

    Args:
        place: Where the keys lie.
        format: console or json.
    """
    now = SystemClock().now()
    rows = [_row(record, now) for record in job.listed((place or Place()).keys).records]
    if format == "json":
        print_text(_json(rows))
        return 0
    columns = ("id", "state", "expires", "owner", "team", "tenant", "name", "scopes")
    cells = [
        tuple(
            " ".join(cell) if isinstance(cell, list) else str(cell)
            for cell in (row[each] for each in columns)
        )
        for row in rows
    ]
    print_table(columns, cells)
    return 0


def _told(made: Made, form: str) -> int:
    text = made.key.reveal().decode()
    if form == "json":
        print_text(_json({"key": text, **_row(made.record, made.record.created)}))
        return 0
    # The key alone goes to standard output, so that it can be handed on without ever being seen.
    sys.stderr.write(
        terminal(
            f"made {made.record.id} ({made.record.name}), ends {made.record.expires:%Y-%m-%d}; it is shown once",
            limit=500,
        )
        + "\n"
    )
    if made.ended is not None:
        sys.stderr.write(f"{made.ended.id} ends {made.ended.expires:%Y-%m-%d %H:%M} UTC\n")
    print_text(text)
    return 0


def _row(record: KeyRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": record.id,
        "state": _state(record, now),
        "name": record.name,
        "owner": record.owner,
        "team": record.team,
        "tenant": record.tenant,
        "scopes": sorted(record.scopes),
        "created": f"{record.created:%Y-%m-%dT%H:%M:%SZ}",
        "not_before": f"{record.not_before:%Y-%m-%dT%H:%M:%SZ}",
        "expires": f"{record.expires:%Y-%m-%dT%H:%M:%SZ}",
        "revoked": "" if record.revoked is None else f"{record.revoked:%Y-%m-%dT%H:%M:%SZ}",
        "reason": record.reason,
        "replaces": record.replaces,
    }


def _state(record: KeyRecord, now: datetime) -> str:
    if record.revoked is not None:
        return "revoked"
    if now >= record.expires:
        return "expired"
    return "in force" if now >= record.not_before else "not yet"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _pepper(place: Place, *, may_make: bool) -> Secret:
    found = job.find_pepper(place.pepper_file, secret_of(_PEPPER))
    if found is not None:
        return found
    if place.keys.exists or not may_make:
        raise UsageError(
            f"there is no pepper `{place.pepper_file}`",
            hint=f"--pepper FILE, or {_PEPPER}: the one with which the keys in the file were made",
        )
    made = job.make_pepper(place.pepper_file)
    sys.stderr.write(
        terminal(f"made {place.pepper_file}: without it no key in {place.file} works", limit=500) + "\n"
    )
    return made
