"""`keelmark clear`: vouch for one finding in one artefact, signed and for a time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.config.settings import key_password
from keelmark.core.clock import SystemClock
from keelmark.errors import UsageError
from keelmark.report.sanitise import terminal
from keelmark.trust.keys import load_private
from keelmark.workflows.clearances import Statement
from keelmark.workflows.clearances import clear as clear_finding
from keelmark.workflows.records import log_place

__all__ = ["clear"]


def clear(  # noqa: PLR0913 - each option of the command is one argument
    artefact: Path,
    subject: str,
    *,
    reason: str,
    owner: str,
    expires: str,
    key: Path,
    to: Path,
    log: Annotated[bool | None, Parameter(name="--log", negative="--no-log")] = None,
) -> int:
    """Vouch for one finding in one artefact. The entry is signed, counts for these very bytes, and expires.

    Args:
        artefact: The file that `keelmark scan` calls unsafe.
        subject: The exact name that the finding is about, such as acme.models.Net.
        reason: Why it is harmless.
        owner: Who says so: a role or person.
        expires: Last day it counts (2027-01-31).
        key: Private key in PEM form; KEELMARK_KEY_PASSWORD holds its password.
        to: File of clearances; made when it is not there.
        log: Begin a transparency log in .keelmark/log of the current folder, and record it there; --no-log does not record. When not given,
            it is recorded where there is a log.
    """
    try:
        day = date.fromisoformat(expires)
    except ValueError:
        raise UsageError(f"`{expires}` is no day", hint="write it like 2027-01-31") from None
    try:
        pem = key.read_bytes()
    except OSError as error:
        raise UsageError(f"`{key}` cannot be read: {error.strerror}") from error
    signer = load_private(pem, password=key_password())
    statement = Statement(artefact=artefact, subject=subject, reason=reason, owner=owner, expires=day)
    finding = clear_finding(
        statement, key=signer, to=to, clock=SystemClock(), log=log_place(Path.cwd(), wanted=log)
    )
    print_text(
        terminal(
            f"cleared {finding.hazard.technique} `{subject}` in {artefact} until {day.isoformat()}, in {to}"
        )
    )
    return 0
