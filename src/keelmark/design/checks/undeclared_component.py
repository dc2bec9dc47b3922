"""The declared components are not those that were found.

## What it finds

Tools, MCP servers, models, datasets and interfaces that were found in the product and that no component of `keelmark.yaml`
stands for, and components whose declared path is not there. A component stands for what lies at its path, or for what has
its name or its supplier. Without declared components the threat model itself is read: it covers a part that it names by path, file or
name. What it does not name is then unknown, because it may mean it in other words; `keelmark init` writes a first list.

## Why it matters

A threat model that does not know of a part says nothing about its threats.

## How to fix

Add the part to `components` and to the threat model, or take it out of the product.

```yaml
components:
  - {id: web_search, kind: tool, path: src/tools.py}
  - {id: openai, kind: model, supplier: openai}
```
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._threats import threat_models
from keelmark.design.declared_parts import declared_by, is_declared, observed
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from keelmark.core.asset import Asset
    from keelmark.core.declaration import Declaration
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="undeclared-component",
    title="The declared components are not those that were found",
    severity=Severity.MEDIUM,
    recommendations=("SD-2.a", "DEV-2.d"),
    settles=("SD-2.a",),
    tags=("cwe:1059", "en-304-223:5.1.3-1", "en-304-223:5.2.1-1"),
    audience=Audience.SECURITY_ENGINEER,
    references=("Guidelines for secure AI system development: Model the threats to your system",),
)

MAX_PLACES = 20
# Shorter names stand in any text by chance.
MIN_NAME = 4


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each kind of part, and once for each declared path that is not there."""
    found = observed(project)
    declaration = project.declaration
    if not found and (declaration is None or not declaration.components):
        yield CARD.not_applicable("no tool, model, dataset or interface was found")
        return
    if declaration is None or not declaration.components:
        yield _against_text(project, found)
        return
    failures = [*_undeclared(found, declaration), *_absent(project, declaration)]
    yield from failures
    if failures:
        return
    place = declaration.at("components", path=project.declaration_path)
    if not threat_models(project):
        yield CARD.unknown(
            f"{counted(len(found), 'part')} found and declared, but there is no threat model that covers them",
            fix="Write docs/threat-model.md.",
            at=place,
        )
    else:
        yield CARD.passed(f"{counted(len(found), 'part')} found, each declared", at=place)


def _against_text(project: Project, found: Sequence[Asset]) -> Finding:
    """Without declared components: whether the threat model names every part by path, file or name."""
    fix = "Write `components` in keelmark.yaml; `keelmark init` writes a first list from what was found."
    models = threat_models(project)
    if not models:
        return CARD.unknown(
            f"{counted(len(found), 'part')} found, and no components are declared to compare with", fix=fix
        )
    text = "\n".join(f"{part.title}\n{part.text}" for seen in models for part in seen.fact.sections).lower()
    missing = sorted({asset.name for asset in found if not any(word in text for word in _words(asset))})
    if missing:
        shown = ", ".join(f"`{name}`" for name in missing[:8])
        return CARD.unknown(
            f"no components are declared, and the threat model does not name {shown}"
            + (f" and {len(missing) - 8} more" if len(missing) > 8 else ""),
            fix=fix,
            at=models[0].at(0),
        )
    return CARD.passed(
        f"{counted(len(found), 'part')} found, each named in the threat model", at=models[0].at(0)
    )


def _words(asset: Asset) -> Iterator[str]:
    words = (asset.path, asset.path.rpartition("/")[2], asset.name)
    return (word.lower() for word in words if len(word) >= MIN_NAME)


def _undeclared(found: Sequence[Asset], declaration: Declaration) -> Iterator[Finding]:
    declared = declared_by(declaration)
    missing: dict[str, list[Asset]] = defaultdict(list)
    for asset in found:
        if not is_declared(asset, declared):
            missing[asset.kind.value].append(asset)
    for kind, assets in missing.items():
        names = sorted({asset.name for asset in assets})
        shown = ", ".join(f"`{name}`" for name in names[:8]) + (
            f" and {len(names) - 8} more" if len(names) > 8 else ""
        )
        yield CARD.failed(
            f"{kind.replace('-', ' ')}: {shown} found, but no declared component stands for it",
            at=tuple(Location(path=asset.path, line=asset.line) for asset in assets[:MAX_PLACES]),
            fix="Add it to `components` in keelmark.yaml and to the threat model, or take it out of the product.",
            subject=f"{kind}:{','.join(names[:8])}",
        )


def _absent(project: Project, declaration: Declaration) -> Iterator[Finding]:
    known = [*project.by_path, *(asset.path for asset in project.inventory.assets)]
    unread = [gap.path for gap in project.gaps]
    for index, component in enumerate(declaration.components):
        if component.path and not any(matches(component.path, path) for path in (*known, *unread)):
            yield CARD.failed(
                f"component `{component.id}` is declared at `{component.path}`, where nothing is",
                at=declaration.at(f"components[{index}]", path=project.declaration_path),
                fix="Correct the path, or take the component out of the declaration.",
                subject=component.id,
            )
