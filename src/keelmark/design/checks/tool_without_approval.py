"""A model can act without a person.

## What it finds

Tools that a model can call and whose effect lasts or reaches other people: commands, writes and removals of files, changes
of a database, mail, payments, calls over the network that change something. Tools that only read, search or compute are
not reported, and neither are tools that ask a person first (`interrupt`, `HumanApprovalCallbackHandler`,
`require_approval`, `input`), agents that are built with a stop before their tools (`interrupt_before`, `interrupt_on`,
`human_in_the_loop`), and tools for which `keelmark.yaml` declares when a person approves.

Tools of an MCP server are asked about by the program that calls them. The server cannot enforce it, so the answer about
them is unknown until the declaration says how it is done.

## Why it matters

An instruction in a document that the model has read is enough to start the tool. Only a person sees that this was not
what the user wanted.

## How to fix

Stop before the effect and show a person the exact parameters.

```python
# bad
@tool
def send_mail(to: str, body: str) -> str:
    smtp.send_message(message(to, body))


# good
@tool
def send_mail(to: str, body: str) -> str:
    if interrupt({"to": to, "body": body}) != "approve":
        return "refused"
    smtp.send_message(message(to, body))
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Confidence, Severity
from keelmark.design.checks._calls import all_calls
from keelmark.design.checks._gaps import answer_code_gaps
from keelmark.design.tool_effects import lasting
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import DeclaredTool
    from keelmark.core.facts import AgentTool
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="tool-without-approval",
    title="A model can act without a person",
    severity=Severity.HIGH,
    recommendations=("X1.a", "SD-3.o"),
    tags=(
        "cwe:862",
        "owasp-llm:LLM06",
        "owasp-agentic:ASI02",
        "atlas:AML.T0053",
        "en-304-223:5.1.4-1",
        "en-304-223:5.1.2-6",
    ),
    references=("OWASP Top 10 for LLM Applications 2025, LLM06 Excessive Agency",),
)

_STOPS = (
    "interrupt_before",
    "interrupt_on",
    "interrupt_after",
    "human_in_the_loop",
    "require_approval",
    "human_input",
)
_CHANGES = re2.compile(r"(?i)^\s*(alter|create|delete|drop|insert|merge|replace|truncate|update)\b")
_MCP = ("mcp", "fastmcp")


def check(project: Project) -> Iterator[Finding]:
    """Answer for every tool with an effect outside."""
    tools = [seen for seen in project.tools if seen.is_product and seen.fact.wired]
    if not tools:
        gaps = tuple(answer_code_gaps(CARD, project, "tools of a model"))
        yield from gaps or (CARD.not_applicable("no tool that a model can call was found"),)
        return
    acting = [seen for seen in tools if lasting(seen.fact.effects) or _changes_rows(seen)]
    if not acting:
        yield CARD.passed(
            f"no effect that lasts in {counted(len(tools), 'tool')}", at=tuple(t.at() for t in tools[:10])
        )
        return
    stop = _stop_before_tools(project)
    declared = {entry.name: entry for entry in project.declaration.tools} if project.declaration else {}
    for seen in acting:
        yield _answer(seen, stop, declared.get(seen.fact.name))


def _answer(seen: Seen[AgentTool], stop: str, declared: DeclaredTool | None) -> Finding:
    tool = seen.fact
    names = lasting(tool.effects) or ("a statement that changes the database",)
    effects = ", ".join(f"`{name}`" if "." in name else name for name in names[:3])
    if tool.approvals:
        return CARD.passed(
            f"tool `{tool.name}` asks a person before {effects}: {tool.approvals[0]}", at=seen.at()
        )
    if stop:
        return CARD.passed(
            f"the agent stops before its tools ({stop}); `{tool.name}` is one of them", at=seen.at()
        )
    if declared is not None and declared.approval and declared.approval != "never":
        return CARD.passed(f"declared: tool `{tool.name}` needs approval: {declared.approval}", at=seen.at())
    if tool.framework in _MCP:
        return CARD.unknown(
            f"tool `{tool.name}` of an MCP server reaches {effects}; whether a person is asked is up to its caller",
            fix=f"Declare the tool with its approval in keelmark.yaml (`tools: [{{name: {tool.name}, approval: ...}}]`).",
            at=seen.at(),
            subject=tool.name,
        )
    return CARD.failed(
        f"tool `{tool.name}` reaches {effects} and no person is asked first",
        at=seen.at(),
        fix="Ask a person with the exact parameters before the effect, or declare in keelmark.yaml when a person approves.",
        subject=tool.name,
        confidence=Confidence.MEDIUM,
    )


def _changes_rows(seen: Seen[AgentTool]) -> bool:
    """Whether the function of the tool runs a statement that changes rows."""
    module = seen.reading.module
    return module is not None and any(
        call.name.endswith((".execute", ".executemany"))
        and any(_CHANGES.match(str(argument.literal or "")) for argument in call.arguments)
        for call in module.calls
        if call.scope.rpartition(".")[2] == seen.fact.name
    )


def _stop_before_tools(project: Project) -> str:
    for seen in all_calls(project):
        if "HumanInTheLoop" in seen.fact.name:
            return seen.fact.name
        for argument in seen.fact.arguments:
            if argument.name.startswith(_STOPS) and argument.text not in {
                "None",
                "False",
                "[]",
                '"NEVER"',
                "'NEVER'",
            }:
                return f"`{argument.name}` at {seen.at()}"
    return ""
