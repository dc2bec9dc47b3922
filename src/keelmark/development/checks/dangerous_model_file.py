"""A model file or notebook runs code of its maker when it is loaded, run or shown.

## What it finds

A model file that asks its loader for something known to run code: `os.system`, `builtins.eval`, `subprocess.Popen` and
their like in a pickle stream, a Python operator or a path that leaves the folder in an ONNX file, a Lambda layer in a
Keras file; also inside of archives. The file is read opcode by opcode; nothing is loaded. `keelmark scan` shows every
finding with what the file would run.

A notebook counts when its cells attack whoever runs them (they run what they fetch or decode, hand a shell away, send
secrets off) or when what it keeps of its outputs takes over the session of whoever opens it; plots and widgets do
neither. So does an artefact that has a program packed into it.

Calls that every harmless model makes (to rebuild a tensor or an estimator) are not reported. What is on no list is the
business of `unknown-callable-in-model`; files that are only pointers, and weights that a hub sends at run time, were
not looked at and are named as such.

## Why it matters

Whoever made the file runs commands on every machine that loads it, with the rights of the process.

## How to fix

Do not load the file. Delete it, find out where it came from and where it was loaded, and take the model from its maker
again, as safetensors, with a pinned revision and a checked digest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import Technique
from keelmark.core.finding import Card
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import listed, plural
from keelmark.development.checks._files import absent_model_paths, model_files, model_gaps
from keelmark.development.checks._hazards import RUNS_CODE, files_with, told
from keelmark.development.checks._references import hub_references, is_own

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.finding import Finding
    from keelmark.core.project import Project
    from keelmark.core.scan import ScanFinding

CARD = Card(
    id="dangerous-model-file",
    title="A model file or notebook runs code of its maker when it is loaded, run or shown",
    severity=Severity.CRITICAL,
    weighs_everywhere=True,
    recommendations=("SD-3.h", "SD-3.i", "DEV-1.e"),
    settles=("SD-3.h",),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0018.002", "atlas:AML.T0011.000", "en-304-223:5.2.3-2"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
    references=("MITRE ATLAS: Embed Malware", "CWE-502: Deserialization of Untrusted Data"),
)


def check(project: Project) -> Iterator[Finding]:
    """Answer for every model file, of any role: a malicious file does its work in a test as well."""
    models = model_files(project)
    bad = [seen for seen in models if seen.fact.dangerous]
    for seen in bad:
        yield CARD.failed(
            f"{seen.file.path} runs code when it is loaded: {listed(seen.fact.dangerous, most=3)}",
            at=seen.at(0, anchor=seen.fact.dangerous[0]),
            fix="Do not load it; delete it, trace where it came from, and take the model anew as safetensors.",
            subject=seen.file.path,
            evidence=[("sha256", seen.file.digest), ("format", seen.fact.format)],
        )
    named = {seen.file.path for seen in bad}
    for file, found in files_with(project, RUNS_CODE):
        if file.path in named:
            continue
        named.add(file.path)
        yield CARD.failed(
            f"{file.path} {_deed(found)}: {listed([told(finding) for finding in found], most=3)}",
            at=Location(path=file.path, anchor=told(found[0])),
            fix=found[0].fix,
            subject=file.path,
            severity=found[0].severity,
            evidence=[("sha256", file.digest), ("technique", str(found[0].hazard.technique))],
        )
    if named:
        return
    hidden = tuple(dict.fromkeys((*(gap.path for gap in model_gaps(project)), *absent_model_paths(project))))
    fetched = tuple(
        dict.fromkeys(
            seen.fact.name
            for seen in hub_references(project)
            if seen.is_product and not is_own(project, seen.fact.name)
        )
    )
    if hidden:
        yield CARD.unknown(
            f"{plural(len(hidden), 'model file')} could not be looked at: {listed(hidden)}",
            fix="Fetch or mend the files (git lfs pull, dvc pull) and assess again.",
        )
    elif fetched:
        yield CARD.unknown(
            f"weights that are fetched at run time were not looked at: {listed(fetched)}",
            fix="Fetch the pinned revision into a folder and scan it before it is used.",
        )
    elif models:
        yield CARD.passed(
            f"{plural(len({seen.file.path for seen in models}), 'model file')} read; none asks for code known to be harmful",
            at=tuple(seen.at(0) for seen in models[:10]),
        )
    else:
        yield CARD.not_applicable("no model file was found")


def _deed(found: Sequence[ScanFinding]) -> str:
    """What the file does, by its gravest finding."""
    hazard = found[0].hazard
    if hazard.technique is Technique.EMBEDDED_EXECUTABLE:
        return "has a program packed into it"
    if hazard.technique is Technique.ACTIVE_CONTENT:
        return "runs script when it is shown"
    is_run = hazard.technique is Technique.DANGEROUS_SOURCE and hazard.detail.startswith("cell ")
    return "attacks whoever runs it" if is_run else "runs code when it is loaded"
