"""`keelmark incident made-here`: did this system make this text?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.operation.credentials.made_here import Verdict
from keelmark.report.reasons import EXIT_NOT_ENOUGH_EVIDENCE
from keelmark.report.sanitise import terminal
from keelmark.workflows.made_here import MadeHereRequest, made_here, read_text

if TYPE_CHECKING:
    from keelmark.core.fingerprint import Coverage
    from keelmark.operation.credentials.made_here import MadeHere

__all__ = ["said_of", "show_made_here"]

_CODES = {
    Verdict.YES: 0,
    Verdict.PARTLY: 0,
    Verdict.NO_EVIDENCE: 1,
    Verdict.UNKNOWN: EXIT_NOT_ENOUGH_EVIDENCE,
}
_MISSED = {
    "queue-full": "found no room",
    "not-written": "could not be written",
    "too-long": "were registered without their end",
}


def show_made_here(
    text: Path,
    *,
    folder: Path = Path(),
    key: Path | None = None,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """Say whether this system made a text, by the fingerprints of what it made. There is no plain no.

    Exit codes: 0 yes or partly, 1 no evidence, 2 could not run, 3 cannot tell: too short, or the register is empty or damaged.

    Args:
        text: File with the text, or - for standard input.
        folder: The folder that the gateway was started in.
        key: File with the key of the register, when it is not .keelmark/credentials/key.
        format: console or json.
    """
    found = made_here(MadeHereRequest(text=read_text(text), root=folder, key=key))
    if format == "json":
        document = asdict(found)
        print_text(msgspec.json.format(msgspec.json.encode(document), indent=2).decode())
    else:
        print_text("\n".join(terminal(line, limit=2_000) for line in said_of(found)))
    return _CODES[found.verdict]


def said_of(found: MadeHere) -> list[str]:
    """The answer in lines for people."""
    share = f"{100 * found.share:.0f} %"
    lines = {
        Verdict.YES: [f"yes: {share} of the text agrees with what this system made"],
        Verdict.PARTLY: [f"partly: {share} of the text agrees with what this system made"],
        Verdict.NO_EVIDENCE: [
            "no evidence that this system made the text; that does not say that it did not"
        ],
        Verdict.UNKNOWN: [f"cannot tell: {found.reason}"],
    }[found.verdict]
    for source in found.sources:
        moment = source.time.isoformat().replace("+00:00", "Z")
        release = f", release {source.release}" if source.release else ""
        lines.append(
            f"{100 * source.share:3.0f} %  {source.request}  {moment}  model {source.model}{release}"
        )
    return [*lines, *_coverage(found.coverage)]


def _coverage(coverage: Coverage) -> list[str]:
    lines = []
    if coverage.first is not None and coverage.last is not None:
        span = f"{coverage.first:%Y-%m-%d} to {coverage.last:%Y-%m-%d}"
        lines.append(f"the register holds {coverage.texts} texts, of {span}")
    for each in coverage.missed:
        words = _MISSED.get(each.reason, each.reason)
        lines.append(f"not registered: {each.texts} texts {words}, last on {each.last:%Y-%m-%d}")
    lines.extend(f"not read: {each}" for each in coverage.unread)
    return lines
