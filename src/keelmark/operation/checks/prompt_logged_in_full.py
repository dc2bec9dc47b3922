"""What people write to a model, or get from it, is written to the log as a whole.

## What it finds

Calls of a logger in product code whose argument is a prompt, a list of messages, the input of a user or the answer of a
model as a whole. Lengths, ids, digests, slices and the results of other functions are left alone, and so is what a
program prints to the terminal of its own user.

```python
logger.info("prompt: %s", prompt)  # bad
logger.info("prompt of %d characters, %s", len(prompt), digest)  # good
```

In a program that answers no requests, at the level of debugging, or where a notice states how long such records are kept,
it weighs less.

## Why it matters

People write names, illnesses and passwords into prompts. Logs are copied, searched and kept by people who may not read
those.

## How to fix

Log a digest, a length and the decision. Where the content is needed, redact it and keep it apart, with a purpose, an end
and few readers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import DocumentKind, FileRole, GapReason
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.core.project import Seen
from keelmark.engine.answers import Topic, about

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Argument, Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="prompt-logged-in-full",
    title="What people write to a model is written to the log as a whole",
    severity=Severity.MEDIUM,
    confidence=Confidence.MEDIUM,
    recommendations=("OM-2.b",),
    tags=("cwe:532", "owasp-llm:LLM02", "en-304-223:5.4.2-1"),
    audience=Audience.ML_ENGINEER,
    reads_single_files=True,
)

_MAX_PLACES = 20
_LOGS = re2.compile(
    r"(?:^|\.)(?:logging|_?logger|_?log|getLogger|get_logger)\.(debug|info|warning|warn|error|exception|critical|log|success|trace)$"
)
_CONTENT = re2.compile(
    r"(?i)(?:(?:user|full|final|formatted|raw|complete|rendered)_?prompt|prompt(?:_text|_str|_content)?|(?:chat_|llm_|prompt_)?messages"
    r"|chat_history|conversation(?:_history)?|user_(?:input|message|query|question|text)|question|answer"
    r"|(?:llm|model|bot|assistant|agent|gpt|openai|ai)_?(?:response|output|answer|reply)(?:_text)?"
    r"|generated_(?:text|answer|response)|completion(?:_text)?)"
)
# The text of an answer as the clients of hosted models give it.
_ANSWER = re2.compile(r"choices\[0\]\.(?:message\.content|text)$")
_NAME = re2.compile(r"[A-Za-z_][\w.]*(?:\[0\][\w.]*)?")
_WRAPPED = re2.compile(r"^(?:json\.dumps|str|repr)\(([A-Za-z_][\w.]*)[,)]")
_FILLED = re2.compile(r"\{([^{}]{1,100})\}")
_APPENDED = re2.compile(r"""["'](?:\s*[%+]\s*\(?|\.format\()\s*([A-Za-z_][\w.]*)\s*\)?$""")
_KEPT = Topic(
    name="how long records are kept",
    pattern=r"(?s)(log|record|kept|keep|stor|retain)\w*.{0,200}\b[0-9]+ (hours?|days?|weeks?|months?)",
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each logger call that holds content."""
    if "llm-application" not in project.inventory.traits:
        yield CARD.not_applicable("no use of a language model was found")
        return
    logged = [
        Seen(seen.file, seen.reading, call)
        for seen in project.modules
        if seen.is_product
        for call in seen.fact.calls
        if _LOGS.search(call.name)
    ]
    wrong = [(seen, name) for seen in logged if (name := _content(seen.fact))]
    yield from _failures(project, wrong)
    if wrong:
        return
    unread = [
        gap
        for gap in project.gaps
        if gap.matters and gap.reason is not GapReason.EXCLUDED and gap.path.endswith((".py", ".ipynb")) and _is_product(project, gap.path)
    ]  # fmt: skip
    if unread:
        yield CARD.unknown(
            f"{unread[0].path} could not be read ({unread[0].reason.value}), so what it logs is not known",
            fix="Mend the file so that it can be read, or exclude it with a reason.",
            at=tuple(Location(path=gap.path, line=gap.line) for gap in unread[:10]),
        )
    elif logged:
        yield CARD.passed(
            f"none of {len(logged)} logger calls is handed a prompt or an answer as a whole",
            at=tuple(seen.at() for seen in logged[:5]),
        )
    else:
        yield CARD.not_applicable("no product code calls a logger")


def _failures(project: Project, wrong: list[tuple[Seen[Call], str]]) -> Iterator[Finding]:
    fix = "Log a length, an id or a digest instead, or redact the content first."
    lesser = "api" not in project.inventory.traits or bool(_says_how_long(project))
    if len(wrong) > _MAX_PLACES:
        places = tuple(seen.at() for seen, _ in wrong[:_MAX_PLACES])
        message = f"{len(wrong)} logger calls are handed prompts or answers as a whole"
        yield CARD.failed(
            message, at=places, fix=fix, subject="many", severity=Severity.LOW if lesser else CARD.severity
        )
        return
    for seen, name in wrong:
        is_low = lesser or seen.fact.name.endswith((".debug", ".trace"))
        yield CARD.failed(
            f"the logger is handed `{name}` as a whole",
            at=seen.at(),
            fix=fix,
            subject=f"{seen.fact.scope}:{name}",
            severity=Severity.LOW if is_low else CARD.severity,
        )


def _is_product(project: Project, path: str) -> bool:
    file = project.by_path.get(path)
    return file is None or file.role is FileRole.PRODUCT


def _says_how_long(project: Project) -> bool:
    notice = project.declaration.user_notice if project.declaration else None
    stated = about(project, _KEPT, DocumentKind.PRIVACY_NOTICE, DocumentKind.USER_NOTICE)
    return bool(stated) or bool(notice and re2.search(_KEPT.pattern, notice.data_use.lower()))


def _content(call: Call) -> str:
    """Name of the first argument that is content as a whole, "" when there is none."""
    return next((name for argument in call.arguments for name in _names(argument) if _is_content(name)), "")


def _names(argument: Argument) -> Iterator[str]:
    """Variables whose whole value an argument holds."""
    text = argument.text.strip()
    if text[:1] in {"f", "F", "r", "R"} and text.lstrip("fFrR")[:1] in {'"', "'"}:
        for part in _FILLED.findall(text):
            plain = str(part).partition("!")[0].partition(":")[0].strip().rstrip("=")
            yield from _whole(plain)
        return
    yield from _whole(text)
    appended = _APPENDED.search(text)
    if appended:
        yield appended.group(1)


def _whole(text: str) -> Iterator[str]:
    wrapped = _WRAPPED.match(text)
    if wrapped:
        yield wrapped.group(1)
    elif _NAME.fullmatch(text):
        yield text


def _is_content(name: str) -> bool:
    return bool(_CONTENT.fullmatch(name.rpartition(".")[2]) or _ANSWER.search(name))
