"""Code that comes with a model from elsewhere is run.

## What it finds

`trust_remote_code=True` in any call, `--trust-remote-code` in the command of a container or service, and
`torch.hub.load` from a repository, which runs its `hubconf.py`. A revision fixed by a full commit lowers the severity:
that code can be read once and does not change.

## Why it matters

The model's repository decides what runs in your process, today and after every push to it.

## How to fix

Use a model that the library knows without foreign code, or read the code, fix the revision to that commit and load it in
a sandbox without network.

```python
# bad
model = AutoModel.from_pretrained("someone/model", trust_remote_code=True)

# good
model = AutoModel.from_pretrained("someone/model", revision="9f2c0a4d...40 digits", use_safetensors=True)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import (
    Judged,
    all_calls,
    answer_calls,
    fails,
    is_false,
    is_none,
    is_true,
    open_question,
    passes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="remote-code-trusted",
    title="Code that comes with a model from elsewhere is run",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.i", "DEV-1.e"),
    tags=("cwe:829", "cwe:494", "owasp-llm:LLM03", "owasp-agentic:ASI04", "atlas:AML.T0010.003"),
    reads_single_files=True,
    references=("Transformers documentation, Custom models", "PyTorch documentation, torch.hub"),
)

FIX = "Use a model that needs no foreign code, or read the code, fix `revision` to that commit and load it in a sandbox."
_COMMIT = re2.compile(r"^[0-9a-f]{40}$")
_PINNED_REPOSITORY = re2.compile(r":[0-9a-f]{40}$")
_FLAG = re2.compile(r"--trust[-_]remote[-_]code(?:[\s\"',=]+(\w+))?")


def check(project: Project) -> Iterator[Finding]:
    """Answer for every call and every command of a service."""
    yield from answer_calls(
        CARD,
        project,
        all_calls(project),
        lambda seen: _judge(project, seen),
        what="calls that trust remote code",
        extra=_commands(project),
    )


def _judge(project: Project, seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if call.name == "torch.hub.load":
        return _hub(project, call)
    given = call.argument("trust_remote_code")
    if given is None:
        return None
    if is_false(given) or is_none(given):
        return passes(f"`{call.name}` refuses remote code")
    if is_true(given):
        return _trusted(call)
    return open_question(
        f"`trust_remote_code` of `{call.name}` is decided at run time",
        fix="State `trust_remote_code=False` in the call.",
    )


def _trusted(call: Call) -> Judged:
    revision = call.argument("code_revision") or call.argument("revision")
    is_pinned = revision is not None and bool(_COMMIT.match(str(revision.literal or "")))
    return fails(
        f"`{call.name}` runs code of the model's repository"
        + (", fixed to one commit" if is_pinned else ", whatever it holds that day"),
        fix=FIX,
        severity=Severity.MEDIUM if is_pinned else Severity.HIGH,
    )


def _hub(project: Project, call: Call) -> Judged:
    source = call.argument("source", 99)
    if source is not None and source.literal == "local":
        return passes("`torch.hub.load` reads a local folder")
    named = call.argument("repo_or_dir", 0)
    name = str(named.literal) if named is not None and named.is_literal else ""
    if _is_own(project, name):
        return fails(
            f"`torch.hub.load` fetches this project's own repository `{name}` instead of the code that lies here",
            fix="Load from the folder (`source='local'`), or fix the repository to a full commit.",
            severity=Severity.LOW,
        )
    is_pinned = bool(_PINNED_REPOSITORY.search(name))
    return fails(
        f"`torch.hub.load` runs code of `{name or 'a repository'}`"
        + (", fixed to one commit" if is_pinned else ", whatever its branch holds that day"),
        fix="Fix the repository to a full commit (`owner/name:commit`) that was read, or take the weights alone.",
        severity=Severity.MEDIUM if is_pinned else Severity.HIGH,
    )


def _is_own(project: Project, repository: str) -> bool:
    own = {project.name.lower(), *(seen.fact.name.lower() for seen in project.manifests if seen.fact.name)}
    name = repository.rpartition("/")[2].partition(":")[0].lower()
    is_named = any(name == known or known.endswith(f"+{name}") for known in own)
    return bool(name) and "hubconf.py" in project.by_path and is_named


def _commands(project: Project) -> Iterator[Finding]:
    for file, reading in project.readings:
        commands = [(service.command, service.line, service.name) for service in reading.services]
        if reading.container is not None:
            commands += [
                (step.value, step.line, step.name)
                for step in reading.container.instructions
                if step.name.upper() in {"CMD", "ENTRYPOINT", "RUN"}
            ]
        for text, line, name in commands:
            found = _FLAG.search(text)
            if found and (found.group(1) or "").lower() not in {"false", "0", "no"}:
                yield CARD.failed(
                    f"`{name}` starts a model server with `--trust-remote-code`",
                    at=Location(path=file.path, line=line, anchor=text[:200]),
                    fix="Leave the option out; if the model needs it, fix `--revision` and `--code-revision` to a commit.",
                    subject=f"command:{name}",
                )
