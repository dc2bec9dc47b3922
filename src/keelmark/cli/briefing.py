"""`keelmark threats brief`: what people of a role must know of the threats to this very system, and a short check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from cyclopts import Parameter

from keelmark.cli.output import print_table, print_text
from keelmark.cli.progress import watching
from keelmark.config.settings import key_password, resolve
from keelmark.core.clock import SystemClock
from keelmark.core.outcome import Audience  # noqa: TC001 - read at run time by the command line
from keelmark.errors import UsageError
from keelmark.report.sanitise import terminal
from keelmark.workflows.acknowledgements import acknowledgements
from keelmark.workflows.assess import target_of
from keelmark.workflows.awareness import acknowledge, briefing_of
from keelmark.workflows.log_keys import private_key
from keelmark.workflows.threat_growth import Growth, with_growth
from keelmark.workflows.threats import ThreatRun, model_threats

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.awareness import Acknowledgement, Briefing

__all__ = ["brief"]

_MAX_LINE = 1_000


def brief(  # noqa: PLR0913 - each option of the command is one argument
    role: Audience,
    path: Path = Path(),
    *,
    answers: str = "",
    by: str = "",
    key: Path | None = None,
    status: Annotated[bool, Parameter(negative=())] = False,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
) -> int:
    """Tell people of a role what they must know of the threats to this system, ask them about it, and record who has answered.

    An acknowledgement counts for a year, and until the threat model changes. It is an entry of the transparency log of the project.

    Exit codes: 0 told, or recorded; 1 an answer is wrong, or (with --status) nobody of the role has a current acknowledgement; 2 could not run.

    Args:
        role: ml-engineer, security-engineer or risk-owner.
        path: The project.
        answers: Numbers of your answers: 2,1,3,1.
        by: Who answers.
        key: Private key that signs the log; KEELMARK_KEY_PASSWORD holds its password.
        status: Say who has acknowledged the briefing as it is now.
        format: console or json.
        quiet: No progress.
    """
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    run = _run(path, quiet=quiet)
    if status:
        return _status(path, briefing_of(run, role))
    # With the limits of growth, which owners are told and asked about.
    briefing = briefing_of(replace(run, analysis=with_growth(run, Growth())), role)
    if not answers:
        print_text(_document(briefing) if format == "json" else _page(briefing))
        return 0
    signer = private_key(key, password=key_password()) if key else None
    given = acknowledge(path, briefing, _numbers(answers), by=by, clock=SystemClock(), key=signer)
    print_text("\n".join(terminal(line, limit=_MAX_LINE) for line in _verdict(briefing, given, answers)))
    return 0 if given.right == given.asked else 1


def _run(path: Path, *, quiet: bool) -> ThreatRun:
    settings = resolve({"write": False})
    with watching(quiet=quiet) as progress:
        return model_threats(target_of([path]), settings, progress=progress)


def _page(briefing: Briefing) -> str:
    return "\n".join(terminal(line, limit=_MAX_LINE) for line in _lines(briefing))


def _lines(briefing: Briefing) -> Iterator[str]:
    yield f"Briefing for the {briefing.role} of {briefing.system}"
    for topic in briefing.topics:
        yield ""
        yield topic.title
        yield from (f"  - {sentence}" for sentence in topic.sentences)
    if briefing.questions:
        yield ""
        yield f"To acknowledge: keelmark threats brief {briefing.role} --by NAME --answers {','.join('1' * len(briefing.questions))}"
    for number, question in enumerate(briefing.questions, start=1):
        yield ""
        yield f"{number}. {question.text}"
        yield from (f"   {index}) {choice}" for index, choice in enumerate(question.choices, start=1))


def _document(briefing: Briefing) -> str:
    # The right answers are no secret, but not part of what is asked.
    questions = [{"text": each.text, "choices": each.choices} for each in briefing.questions]
    document = {
        "role": briefing.role,
        "system": briefing.system,
        "digest": briefing.digest,
        "topics": briefing.topics,
        "questions": questions,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode()


def _verdict(briefing: Briefing, given: Acknowledgement, answers: str) -> Iterator[str]:
    for number, (question, answer) in enumerate(
        zip(briefing.questions, _numbers(answers), strict=True), start=1
    ):
        if answer - 1 != question.right:
            yield f"{number}. not right: {question.because}"
    if given.right == given.asked:
        yield f"recorded: {given.by}, {given.on.isoformat()}; it counts for a year, and until the threat model changes"
    else:
        yield f"{given.right} of {given.asked} right; nothing was recorded"


def _status(path: Path, briefing: Briefing) -> int:
    today = SystemClock().now().date()
    of_role = [each for each in acknowledgements(path) if each.role is briefing.role]
    current = [each for each in of_role if each.is_current(briefing, today=today)]
    rows = [(each.by, each.on.isoformat(), "yes" if each in current else "no") for each in of_role]
    if rows:
        print_table(("who", "when", "current"), rows)
    print_text(f"{len(current)} current of {len(of_role)} for the {briefing.role}")
    return 0 if current else 1


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"`{text[:80]}` are no answers", hint="numbers with commas between: 2,1,3") from None
