"""A model from elsewhere has no supplier.

## What it finds

Components of kind `model` in keelmark.yaml that do not lie in the folder (no path, or a path at which the code calls
a hosted model or fetches one from a hub) and for which no supplier is named: neither in `supplier` of the component
nor in `provides` of a supplier. Suppliers that are named and not declared under `suppliers` count as missing too.

## Why it matters

When the model is withdrawn, changed or found to be poisoned, somebody has to be asked. A component without a party
that answers for it falls between provider and user.

## How to fix

```yaml
components:
  - {id: chat-model, kind: model, supplier: openai}
suppliers:
  - {id: openai, provides: [gpt-4o-2024-08-06], assessed_on: 2026-06-01, assessment: docs/suppliers/openai.md}
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.declaration import ComponentKind
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.outcome import Audience, Severity
from keelmark.design.checks._declared import is_blank, place, undeclared
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import Component, Declaration
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="component-without-supplier",
    title="A model from elsewhere has no supplier",
    severity=Severity.LOW,
    recommendations=("P-12", "DEV-1.a"),
    tags=("owasp-llm:LLM03", "en-304-223:5.1.2-4"),
    audience=Audience.RISK_OWNER,
)

_OWN = (AssetKind.MODEL, AssetKind.ADAPTER, AssetKind.ABSENT_MODEL)
_FOREIGN = (AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL)


def check(project: Project) -> Iterator[Finding]:
    """Answer for each declared model that comes from elsewhere."""
    declared = project.declaration
    if declared is None:
        yield undeclared(CARD, "who supplies its components", "components")
        return
    foreign = [(i, entry) for i, entry in enumerate(declared.components) if _is_foreign(project, entry)]
    if not foreign:
        yield CARD.not_applicable("no declared component stands for a model from elsewhere")
        return
    defects = [(i, entry, why) for i, entry in foreign if (why := _defect(declared, entry))]
    for index, entry, why in defects:
        yield CARD.failed(
            f"component `{entry.id}` {why}",
            at=place(project, f"components[{index}]"),
            fix="Name its `supplier` and declare that supplier under `suppliers`.",
            subject=entry.id,
        )
    if not defects:
        yield CARD.passed(
            f"a supplier for {counted(len(foreign), 'model')} from elsewhere", at=place(project, "components")
        )


def _is_foreign(project: Project, entry: Component) -> bool:
    if entry.kind is not ComponentKind.MODEL:
        return False
    if not entry.path:
        return True
    if any(matches(entry.path, asset.path) for asset in project.inventory.of(*_OWN)):
        return False
    return any(matches(entry.path, asset.path) for asset in project.inventory.of(*_FOREIGN))


def _defect(declared: Declaration, entry: Component) -> str:
    known = {supplier.id.lower() for supplier in declared.suppliers}
    provided = {name.lower() for supplier in declared.suppliers for name in supplier.provides}
    if entry.id.lower() in provided:
        return ""
    if is_blank(entry.supplier):
        return "is a model from elsewhere without a supplier"
    if entry.supplier.lower() not in known:
        return f"names the supplier `{entry.supplier}`, who is not declared"
    return ""
