"""`keelmark log`: prove that no recorded evidence was changed, removed or reordered."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.output import print_table, print_text, write_file
from keelmark.cli.requests import requests
from keelmark.config.settings import key_password
from keelmark.core.clock import SystemClock
from keelmark.core.outcome import Outcome
from keelmark.errors import TrustError, UsageError
from keelmark.report.sanitise import terminal
from keelmark.workflows import log as job
from keelmark.workflows.log_keys import private_key, verifier_key
from keelmark.workflows.log_verify import LogReport, check_proof
from keelmark.workflows.log_verify import verify as verify_log
from keelmark.workflows.log_witness import witness as sign_as_witness

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["log"]

_COMMAND = next(command for command in COMMANDS if command.name == "log")
_EXIT_CODES = "Exit codes: 0 verifies, 1 does not, 2 could not run, 3 cannot tell: no key was given, there is no checkpoint, or the end is torn."

log = App(name="log", help=_COMMAND.summary, help_epilogue=f"{_COMMAND.epilogue}\n\n{_EXIT_CODES}")
log.command(requests)

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]
Keys = Annotated[tuple[str, ...], Parameter(negative=())]
Output = Annotated[Path | None, Parameter(name=("--output", "-o"))]

_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3}
_WORDS = {Outcome.PASS: "verifies", Outcome.FAIL: "does not verify", Outcome.UNKNOWN: "cannot tell"}


@log.command
def verify(
    path: Path = Path(),
    *,
    against: Path | None = None,
    key: Keys = (),
    records: bool = True,
    format: Format = "console",  # noqa: A002
) -> int:
    """Verify the whole log: every entry, tile and record, and who signed its checkpoint.

    Args:
        path: The project, or the folder of the log.
        against: Checkpoint of the same log from earlier; the log must go on from it.
        key: Verifier key, or file with a public key, that must have signed the checkpoint. May be given several times.
        records: Whether records must be there, and are read.
        format: console or json.
    """
    place = job.find_log(path)
    report = verify_log(place, against=against, keys=key, with_records=records)
    return _told(report, format, f"log {report.origin}".rstrip())


@log.command
def prove(
    path: Path = Path(),
    *,
    leaf: int | None = None,
    record: str | None = None,
    consistent_with: Path | None = None,
    output: Output = None,
) -> int:
    """Write a proof of one entry that an outsider can check without the log.

    Args:
        path: The project, or the folder of the log.
        leaf: Index of the entry, counted from 0.
        record: Digest of the entry's record, instead.
        consistent_with: An earlier checkpoint, which the log is proved to go on from.
        output: File for the proof; else it is printed.
    """
    if (leaf is None) == (record is None):
        raise UsageError("one entry has to be named", hint="keelmark log prove --leaf N, or --record DIGEST")

    def made() -> bytes:
        return job.prove(job.find_log(path), index=leaf, record=record, consistent_with=consistent_with)

    return _written(made, output)


@log.command
def check(
    proof: Path,
    *,
    key: Keys = (),
    record: Path | None = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Check a proof, without the log.

    Args:
        proof: The proof.
        key: Verifier key, or file with a public key, that must have signed the checkpoint. May be given several times.
        record: The record that the entry is about.
        format: console or json.
    """
    report = check_proof(proof, keys=key, record=record)
    return _told(report, format, f"entry {report.index} of log {report.origin}")


@log.command
def witness(  # noqa: PLR0913 - each option of the command is one argument
    source: Path,
    *,
    key: Path,
    log_key: Keys = (),
    name: str = "",
    state: Path | None = None,
    output: Output = None,
    format: Format = "console",  # noqa: A002
) -> int:
    """Sign a checkpoint as a witness, if it goes on from the one signed last.

    Args:
        source: A project, the folder of a log, a checkpoint, or a proof made with --consistent-with.
        key: Private key of the witness (Ed25519, PEM); KEELMARK_KEY_PASSWORD holds its password.
        log_key: Key of the log, which must have signed the checkpoint. May be given several times.
        name: Name of the witness, such as witness.example.org/1.
        state: File that remembers what was seen; beside the key when not given.
        output: File for the checkpoint with the signature added; else it is printed.
        format: console prints the checkpoint itself, json an object that holds it.
    """
    signer = private_key(key, password=key_password())

    def made() -> bytes:
        signed = sign_as_witness(
            source,
            key=signer,
            name=name or f"keelmark-witness/{signer.public.keyid[:16]}",
            log_keys=log_key,
            state=state or key.with_name(f"{key.name}.seen.json"),
            clock=SystemClock(),
        )
        if format == "json":
            return _document(signed)
        since = (
            "seen for the first time" if signed.before is None else f"goes on from {signed.before} entries"
        )
        _say(f"{signed.head.size} entries of {signed.head.origin}: {since}")
        _say(f"verifier key of this witness: {signed.vkey}")
        return signed.note.encode()

    return _written(made, output)


@log.command
def sign(path: Path = Path(), *, key: Path, format: Format = "console") -> int:  # noqa: A002
    """Put all entries under a signed checkpoint.

    Args:
        path: The project, or the folder of the log.
        key: Private key of the log (Ed25519 or ECDSA over P-256, PEM); KEELMARK_KEY_PASSWORD holds its password.
        format: console or json.
    """
    signer = private_key(key, password=key_password())
    head = job.publish(job.find_log(path), key=signer, clock=SystemClock())
    known = verifier_key(key, name=head.origin, is_witness=False, password=key_password())
    if format == "json":
        print_text(_document({"head": head, "vkey": known}).decode())
        return 0
    print_text(terminal(f"signed {head.size} entries of {head.origin}"))
    print_text(known)
    return 0


@log.command
def vkey(key: Path, *, name: str, witness: bool = False) -> int:
    """Print the verifier key of a key, for others to verify with.

    Args:
        key: A private or public key in PEM form.
        name: Name of the log (the first line of its checkpoint) or of the witness.
        witness: The key is that of a witness.
    """
    print_text(verifier_key(key, name=name, is_witness=witness, password=key_password()))
    return 0


@log.command
def show(path: Path = Path(), *, limit: int = 50, format: Format = "console") -> int:  # noqa: A002
    """Show the newest entries.

    Args:
        path: The project, or the folder of the log.
        limit: How many.
        format: console or json.
    """
    rows = job.rows(job.find_log(path), limit=max(limit, 1))
    if format == "json":
        print_text(_document(rows).decode())
        return 0
    cells = [
        (
            str(row.index),
            f"{row.leaf.time:%Y-%m-%d %H:%M:%S}",
            row.leaf.kind.value,
            str(row.leaf.size),
            row.leaf.record[:19],
            "yes" if row.is_published else "not yet",
        )
        for row in rows
    ]
    print_table(("entry", "time", "kind", "bytes", "record", "under the checkpoint"), cells)
    return 0


@log.default
def overview() -> int:
    """Show what can be done with the log."""
    log.help_print([])
    return 2


def _told(report: LogReport, form: str, what: str) -> int:
    if form == "json":
        print_text(_document(report).decode())
        return _CODES[report.outcome]
    # The log may lie in a folder that somebody else wrote: everything is foreign text.
    print_text("\n".join(terminal(line, limit=2_000) for line in _lines(report, what)))
    return _CODES[report.outcome]


def _document(found: object) -> bytes:
    return json.dumps(msgspec.to_builtins(found), indent=2).encode()  # ASCII: a log may be foreign text


def _lines(report: LogReport, what: str) -> Sequence[str]:
    lines = [
        f"{what} {_WORDS[report.outcome]}",
        f"entries  {report.size} under the checkpoint, root {report.root}",
    ]
    if report.leaf is not None:
        lines.append(f"entry    {report.leaf.kind.value} of {report.leaf.time:%Y-%m-%d %H:%M:%S} UTC")
        lines.append(f"record   {report.leaf.record}, {report.leaf.size} bytes")
        lines.extend(f"subject  {subject}" for subject in report.leaf.subjects)
    if report.records:
        lines.append(f"records  {report.records} read, digests right")
    for signer in report.signers:
        seen = (
            f", {datetime.fromtimestamp(signer.time_s, UTC):%Y-%m-%d %H:%M:%S} UTC" if signer.time_s else ""
        )
        lines.append(f"signed   {'witness ' if signer.is_witness else ''}{signer.name}{seen}")
    lines.extend(f"PROBLEM  {each.where}: {each.message}" for each in report.problems)
    lines.extend(f"UNKNOWN  {words}" for words in report.unknown)
    lines.extend(f"note     {words}" for words in report.notes)
    return lines


def _written(make: Callable[[], bytes], output: Path | None) -> int:
    """Write what is made; 1 when the log does not allow it to be made."""
    try:
        made = make().decode()
    except TrustError as error:
        _say(f"error: {error.message}")
        if error.hint:
            _say(f"help:  {error.hint}")
        return 1
    if output is None:
        print_text(made)
    else:
        write_file(output, made)
    return 0


def _say(words: str) -> None:
    sys.stderr.write(f"{terminal(words, limit=2_000)}\n")
