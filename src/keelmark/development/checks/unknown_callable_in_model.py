"""A model file calls something that nobody knows.

## What it finds

A model file whose stream asks for a callable that is on neither list: not known to run code, not known to be part of
rebuilding a model. Often it is a class of the project itself that was pickled with the model. A callable of a module
that lies in the assessed folder is reported as low, because its code can be read there.

## Why it matters

A list of bad names is never complete. What a loader calls and nobody has looked at is a place where code can hide, and
a class that was renamed since makes the model unreadable.

## How to fix

Look at the callable. Save the weights alone (`safetensors.torch.save_file(model.state_dict(), ...)`) and build the
object in code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import model_files, model_gaps
from keelmark.development.checks._hazards import UNVETTED, files_with, told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="unknown-callable-in-model",
    title="A model file calls something that nobody knows",
    severity=Severity.MEDIUM,
    recommendations=("SD-3.h", "SD-3.i"),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0018.002", "en-304-223:5.2.3-2"),
    reads_single_files=True,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every model file whose format names callables."""
    models = model_files(project)
    asking = [seen for seen in models if seen.fact.globals or seen.fact.unknown]
    odd = [seen for seen in asking if seen.fact.unknown]
    named = {seen.file.path for seen in odd}
    inside = [(file, found) for file, found in files_with(project, UNVETTED) if file.path not in named]
    hidden = tuple(dict.fromkeys(gap.path for gap in model_gaps(project)))
    if odd or inside:
        yield from fail_each(
            CARD,
            (
                Defect(
                    message=f"{file.path} needs what is on no list: {listed([told(each) for each in found], most=3)}",
                    many="files need what is on no list",
                    at=Location(path=file.path, anchor=told(found[0])),
                    fix=found[0].fix,
                    subject=file.path,
                    severity=None if file.role is FileRole.PRODUCT else Severity.LOW,
                )
                for file, found in inside
            ),
        )
        yield from fail_each(
            CARD,
            (
                Defect(
                    message=f"{seen.file.path} calls what is on no list: {listed(seen.fact.unknown, most=3)}",
                    many="model files call what is on no list",
                    at=seen.at(0, anchor=seen.fact.unknown[0]),
                    fix="Look at these callables, or save the weights alone as safetensors and build the object in code.",
                    subject=seen.file.path,
                    severity=None
                    if seen.is_product and not _is_own(project, seen.fact.unknown)
                    else Severity.LOW,
                )
                for seen in odd
            ),
        )
    elif hidden:
        yield CARD.unknown(f"{plural(len(hidden), 'model file')} could not be looked at: {listed(hidden)}")
    elif asking:
        yield CARD.passed(
            f"{plural(len(asking), 'model file')} with callables, none of them unknown",
            at=tuple(seen.at(0) for seen in asking[:10]),
        )
    elif models:
        yield CARD.not_applicable("no model file of the folder has a format that names callables")
    else:
        yield CARD.not_applicable("no model file was found")


def _is_own(project: Project, names: tuple[str, ...]) -> bool:
    """Whether each callable belongs to a module that lies in the folder, where its code is assessed."""
    return all(_in_folder(project, name) for name in names)


def _in_folder(project: Project, name: str) -> bool:
    module = name.split(" ", 1)[0].rpartition(".")[0].replace(".", "/")
    if not module:
        return False
    return any(
        path == end or path.endswith(f"/{end}")
        for end in (f"{module}.py", f"{module}/__init__.py")
        for path in project.by_path
    )
