"""`keelmark policy`: try the policies of the gateway on cases, and say why one decides as it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.output import print_text
from keelmark.errors import UsageError
from keelmark.formats import yaml_tree
from keelmark.report.sanitise import terminal

try:
    from keelmark.deployment.access.policies import schema_text
    from keelmark.deployment.access.policy_cases import question_of
    from keelmark.workflows.policies import read_policies, try_cases
except ModuleNotFoundError as missing:
    raise UsageError("policies need the extra `serve`", hint="pip install 'keelmark[serve]'") from missing

if TYPE_CHECKING:
    from keelmark.deployment.access.policy_cases import Result

__all__ = ["policy"]

_COMMAND = next(command for command in COMMANDS if command.name == "policy")
_EXIT_CODES = "Exit codes: 0 as expected, or allowed; 1 not as expected, or denied; 2 could not run."
_MAX_LINE = 2_000

policy = App(name="policy", help=_COMMAND.summary, help_epilogue=f"{_COMMAND.epilogue}\n\n{_EXIT_CODES}")

Format = Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))]
Several = Annotated[tuple[str, ...], Parameter(negative=())]


@policy.command(name="test")
def run_tests(file: Path, *, policies: Path = Path("policies"), format: Format = "console") -> int:  # noqa: A002
    """Run cases: who may do what, and who may not.

    Args:
        file: Cases, in YAML.
        policies: Folder of policies (its .cedar files), or one file.
        format: console or json.
    """
    book = read_policies(policies)
    results = try_cases(book, file)
    wrong = [result for result in results if not result.is_right]
    if format == "json":
        document = {
            "version": book.version,
            "policies": len(book),
            "cases": len(results),
            "failed": len(wrong),
            "results": list(map(_row, results)),
        }
        print_text(_json(document))
    else:
        lines = [line for result in wrong for line in _lines(result, str(file))]
        lines.extend(f"note  {note}" for note in book.notes)
        lines.append(f"{len(results) - len(wrong)} of {len(results)} cases as expected, {len(book)} policies")
        _print(lines)
    return 1 if wrong else 0


@policy.command
def explain(  # noqa: PLR0913 - each option of the command is one argument
    *,
    principal: str,
    action: str,
    resource: str,
    context: Several = (),
    team: str = "",
    tenant: str = "",
    attribute: Several = (),
    policies: Path = Path("policies"),
    format: Format = "console",  # noqa: A002
) -> int:
    """Say whether one request is allowed, and which policies decide it. Scopes are not looked at.

    Args:
        principal: Who calls: user:NAME, key:ID or service:NAME.
        action: infer, embed, predict, listModels, listTools, callTool or readResource.
        resource: With what: model:NAME, collection:NAME, server:NAME or tool:SERVER/TOOL.
        context: A circumstance, as in tainted=true, hour=23 or arguments={path: /etc}. May be given several times.
        team: Team of the caller.
        tenant: Tenant of the caller.
        attribute: A further fact about the caller, as in owner=ana. May be given several times.
        policies: Folder of policies (its .cedar files), or one file.
        format: console or json.
    """
    book = read_policies(policies)
    question = question_of(
        principal={
            "id": principal,
            "team": team,
            "tenant": tenant,
            "attributes": dict(_pair(text) for text in attribute),
        },
        action=action,
        resource={"id": resource},
        context={name: _plain(value) for name, value in map(_pair, context)},
    )
    answer = book.ask(question)
    almost = () if answer.is_allowed else book.almost(question)
    if format == "json":
        document = {
            "decision": _word(is_allowed=answer.is_allowed),
            "because": answer.because,
            "errors": answer.errors,
            "almost": almost,
            "version": book.version,
        }
        print_text(_json(document))
    else:
        lines = [f"{_word(is_allowed=answer.is_allowed)}  {principal} {action} {resource}"]
        lines.extend(f"because  {each}" for each in answer.because)
        lines.extend(f"error    {each}" for each in answer.errors)
        if not answer.because and not answer.errors:
            lines.append("because  no policy permits it")
        lines.extend(f"almost   {each}: its conditions do not hold" for each in almost)
        lines.extend(f"note     {note}" for note in book.notes)
        _print(lines)
    return 0 if answer.is_allowed else 1


@policy.command
def schema() -> int:
    """Print what policies can speak of, as a Cedar schema for editors."""
    print_text(schema_text())
    return 0


def _lines(result: Result, file: str) -> list[str]:
    case = result.case
    wanted, got = (_word(is_allowed=each) for each in (case.is_allowed, result.answer.is_allowed))
    lines = [f"FAIL  {case.name} ({file}:{case.line}): {got}, expected {wanted}"]
    lines.extend(f"      because {each}" for each in result.answer.because)
    lines.extend(f"      error: {each}" for each in result.answer.errors)
    if not result.answer.because and not result.answer.errors:
        lines.append("      because no policy permits it")
    return lines


def _row(result: Result) -> dict[str, Any]:
    return {
        "name": result.case.name,
        "line": result.case.line,
        "expected": _word(is_allowed=result.case.is_allowed),
        "decision": _word(is_allowed=result.answer.is_allowed),
        "right": result.is_right,
        "because": result.answer.because,
        "errors": result.answer.errors,
    }


def _word(*, is_allowed: bool) -> str:
    return "allow" if is_allowed else "deny"


def _print(lines: list[str]) -> None:
    # Names of cases and files may be somebody else's words.
    print_text("\n".join(terminal(line, limit=_MAX_LINE) for line in lines))


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"`{text}` is no name with a value", hint="write it like tainted=true")
    return name, value


def _plain(text: str) -> object:
    node = yaml_tree.parse(text)
    return "" if node is None else node.plain()
