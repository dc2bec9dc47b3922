"""A model is handed a tool that can do anything.

## What it finds

Tools without a boundary in the hands of a model: a shell, a Python interpreter on the own machine, arbitrary SQL, the whole
file system, any address. They are known by their class (`ShellTool`, `PythonREPLTool`, `LocalCommandLineCodeExecutor`,
`FileManagementToolkit` without `root_dir`, ...), by a parameter that is the command, code or statement itself, and by an
MCP server that serves the root or home folder. Interpreters in a container or sandbox are not reported.

## Why it matters

Such a tool has every right of the process. Whatever a model can be talked into, it can then do.

## How to fix

Offer narrow tools, one for each task, with parameters that can be checked. Where a model must run code, run it in a
sandbox without network and secrets.

```python
# bad
agent = create_react_agent(model, [ShellTool()])

# good
agent = create_react_agent(model, [restart_service, disk_usage])
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_false, is_true, passes
from keelmark.design.tool_effects import commands

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import AgentTool, Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="general-purpose-tool",
    title="A model is handed a tool that can do anything",
    severity=Severity.HIGH,
    recommendations=("SD-3.o", "SD-3.u"),
    tags=(
        "cwe:250",
        "owasp-llm:LLM06",
        "owasp-agentic:ASI02",
        "owasp-agentic:ASI05",
        "atlas:AML.T0053",
        "en-304-223:5.1.2-6",
    ),
    references=("OWASP Top 10 for LLM Applications 2025, LLM06 Excessive Agency",),
)

FIX = "Offer narrow tools with parameters that can be checked, or run the code in a sandbox without network and secrets."
_SHELLS = {"BashProcess", "LocalShellTool", "ShellTool", "TerminalTool"}
_INTERPRETERS = {
    "CodeInterpreterToolSpec", "LocalCommandLineCodeExecutor", "LocalPythonExecutor", "PythonAstREPLTool",
    "PythonInterpreterTool", "PythonREPL", "PythonREPLTool", "create_pandas_dataframe_agent", "create_python_agent",
}  # fmt: skip
_PACKAGES = (
    "autogen",
    "crewai",
    "langchain",
    "llama_index",
    "agents.",
    "smolagents",
    "phi.",
    "agno.",
    "pydantic_ai",
)
_FREE = {"bash", "cmd", "code", "command", "commands", "python_code", "script", "shell_command"}
_STATEMENTS = {"query", "sql", "sql_query", "statement"}
_WHOLE_DISK = re2.compile(
    r"server-filesystem(?:@\S+)?\s+(?:\S+\s+)*?(/|~/?|\$HOME/?|[A-Za-z]:\\?|/home|/Users|/root)(?:\s|$)"
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every tool without a boundary."""
    if not project.tools and "agent" not in project.inventory.traits and not _has_agent_library(project):
        yield CARD.not_applicable("no tool that a model can call was found")
        return
    extra = [*_own_tools(project), *_servers(project)]
    yield from answer_calls(
        CARD, project, all_calls(project), _judge, what="tools without a boundary", extra=extra
    )


def _has_agent_library(project: Project) -> bool:
    return any(seen.fact.name.startswith(_PACKAGES) for seen in all_calls(project))


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    name = call.name.rpartition(".")[2]
    if not call.name.startswith(_PACKAGES):
        return None
    if name in _SHELLS:
        return fails(f"`{name}` gives the model a shell", fix=FIX)
    if name == "create_pandas_dataframe_agent" and not is_true(call.argument("allow_dangerous_code")):
        return passes(f"`{name}` may not run code")
    if name in _INTERPRETERS:
        return fails(f"`{name}` gives the model an interpreter on this machine", fix=FIX)
    if name == "FileManagementToolkit":
        if call.argument("root_dir", 0) is None:
            return fails(
                "`FileManagementToolkit` without `root_dir` gives the model the whole file system",
                fix="Set `root_dir`.",
            )
        return passes("`FileManagementToolkit` is kept to a folder")
    if is_true(call.argument("allow_dangerous_requests")):
        return fails(
            f"`{name}` lets the model call any address", fix="Offer tools for the addresses that are needed."
        )
    if is_true(call.argument("unsafe_mode")):
        return fails(
            f"`{name}` runs code outside its container (`unsafe_mode=True`)", fix="Leave `unsafe_mode` out."
        )
    return _configured(call, name)


def _configured(call: Call, name: str) -> Judged | None:
    if name == "CodeAgent":
        executor = call.argument("executor_type")
        if executor is not None and executor.is_literal and executor.literal not in {"local", None}:
            return passes(f"`CodeAgent` runs its code in `{executor.literal}`")
        imports = call.argument("additional_authorized_imports")
        if imports is not None and "*" in imports.items:
            return fails(
                "`CodeAgent` may import anything on this machine",
                fix="Name the imports, and set `executor_type`.",
            )
        return None
    config = call.argument("code_execution_config")
    if config is None or is_false(config) or "use_docker" not in config.text:
        return None
    if "False" in config.text.partition("use_docker")[2][:12]:
        return fails(
            f"`{name}` runs code of the model on this machine (`use_docker: False`)",
            fix="Set `use_docker` to True.",
        )
    return passes(f"`{name}` runs code of the model in a container")


def _own_tools(project: Project) -> Iterator[Finding]:
    for seen in project.tools:
        what = _whole(seen.fact)
        if what and seen.fact.wired:
            yield CARD.failed(
                f"tool `{seen.fact.name}` lets the model run {what}",
                at=seen.at(),
                fix=FIX,
                subject=seen.fact.name,
                severity=CARD.severity if seen.is_product else Severity.LOW,
            )


def _whole(tool: AgentTool) -> str:
    parameters = {name.lower() for name in tool.parameters}
    if parameters & _FREE and commands(tool.effects):
        return "any command or code"
    is_statement = any(
        effect.endswith((".execute", ".executescript", ".read_sql", ".read_sql_query", ".run_sql"))
        for effect in tool.effects
    )
    if (
        parameters & _STATEMENTS
        and is_statement
        and ("sql" in tool.name.lower() or "sql" in tool.description.lower())
    ):
        return "any SQL statement"
    return ""


def _servers(project: Project) -> Iterator[Finding]:
    for file, reading in project.readings:
        for server in reading.mcp_servers:
            found = _WHOLE_DISK.search(server.command)
            if found:
                yield CARD.failed(
                    f"MCP server `{server.name}` serves `{found.group(1)}` to the model",
                    at=Location(path=file.path, line=server.line),
                    fix="Serve only the folder that the task needs.",
                    subject=server.name,
                )
