"""An agent may run for ever.

## What it finds

Agents whose limit of steps is switched off (`max_iterations=None`, `max_turns=None`, a recursion limit in the hundred
thousands), own loops (`while True`) that ask a model with tools and count nothing, and teams of agents built without turns
and without a condition to end. Frameworks with a limit by default
(LangChain 15 iterations, LangGraph by `recursion_limit`, CrewAI, smolagents, OpenAI Agents SDK 10 turns, Pydantic AI) pass
with that default.

## Why it matters

A loop costs money until somebody notices. An attacker needs one sentence to start it.

## How to fix

State the limit of steps, and a limit of time and of spend outside the agent.

```python
# bad
AgentExecutor(agent=agent, tools=tools, max_iterations=None)

# good
AgentExecutor(agent=agent, tools=tools, max_iterations=8, max_execution_time=60)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, all_calls, answer_calls, fails, is_none, passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Argument, Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="agent-without-limits",
    title="An agent may run for ever",
    severity=Severity.MEDIUM,
    recommendations=("X3.b", "SD-3.p"),
    tags=(
        "cwe:834",
        "cwe:770",
        "owasp-llm:LLM10",
        "owasp-agentic:ASI08",
        "atlas:AML.T0034.002",
        "en-304-223:5.1.2-2",
    ),
    reads_single_files=True,
    references=("OWASP Top 10 for LLM Applications 2025, LLM10 Unbounded Consumption",),
)

# Name of the call, the argument that limits it, and the limit that holds when nothing is said ("" when none does).
_AGENTS: tuple[tuple[str, str, str, str], ...] = (
    ("langchain", "AgentExecutor", "max_iterations", "15 iterations"),
    ("langchain", "initialize_agent", "max_iterations", "15 iterations"),
    ("langchain", "create_agent", "recursion_limit", "the recursion limit of LangGraph"),
    ("langgraph", "create_react_agent", "recursion_limit", "the recursion limit of LangGraph"),
    ("langgraph", "compile", "recursion_limit", "the recursion limit of LangGraph"),
    ("crewai", "Agent", "max_iter", "20 iterations"),
    ("smolagents", "CodeAgent", "max_steps", "20 steps"),
    ("smolagents", "ToolCallingAgent", "max_steps", "20 steps"),
    ("agents.Runner", "run", "max_turns", "10 turns"),
    ("agents.Runner", "run_sync", "max_turns", "10 turns"),
    ("agents.Runner", "run_streamed", "max_turns", "10 turns"),
    ("pydantic_ai", "Agent", "usage_limits", "50 requests in one run"),
    ("llama_index", "from_tools", "max_iterations", "a limit of iterations"),
    ("autogen_agentchat", "RoundRobinGroupChat", "max_turns", ""),
    ("autogen_agentchat", "SelectorGroupChat", "max_turns", ""),
    ("autogen_agentchat", "Swarm", "max_turns", ""),
)
_ASKS_MODEL = {"acompletion", "chat", "completion", "create", "generate_content", "parse", "stream"}
_HUGE = 1_000
_RECURSION = re2.compile(r"recursion_limit[\"']?\s*[:=]\s*([\d_]+)")
FIX = "State a limit of steps in the code, and limits of time and spend outside the agent."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every agent that is built or started."""
    yield from answer_calls(CARD, project, all_calls(project), _judge, what="agents without a limit")


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    for argument in call.arguments:
        found = _RECURSION.search(f"{argument.name}={argument.text}")
        if found and int(found.group(1).replace("_", "") or 0) > _HUGE:
            return fails(f"the recursion limit is {found.group(1)}", fix=FIX)
    name = call.name.rpartition(".")[2]
    if call.argument("tools") is not None and name in _ASKS_MODEL:
        if call.is_endless:
            return fails(
                f"a loop without a count asks the model with tools again and again (`{call.name}`)", fix=FIX
            )
        return passes(f"`{call.name}` asks the model with tools a limited number of times")
    for package, last, limit, default in _AGENTS:
        if name == last and call.name.startswith(package):
            return _limited(call, name, limit, default)
    return None


def _limited(call: Call, name: str, limit: str, default: str) -> Judged | None:
    given = call.argument(limit)
    if given is not None and is_none(given):
        return fails(f"`{name}` is built without a limit of steps (`{limit}=None`)", fix=FIX)
    if _is_huge(given):
        return fails(f"`{name}` may take {given.text if given else ''} steps", fix=FIX)
    if given is not None:
        return passes(f"`{name}` takes at most {given.text} steps (`{limit}`)")
    if default:
        return passes(f"`{name}` keeps its default, {default}")
    if call.argument("termination_condition") is None and not call.has_unpacked:
        return fails(f"`{name}` has neither `{limit}` nor a condition to end", fix=FIX)
    return passes(f"`{name}` has a condition to end")


def _is_huge(given: Argument | None) -> bool:
    if given is None or not isinstance(given.literal, (int, float)) or isinstance(given.literal, bool):
        return False
    return given.literal > _HUGE
