"""Nobody looks after a model, a dataset or a prompt.

## What it finds

Models, datasets and prompts of the product that no component with an owner covers in keelmark.yaml. A component covers
what its path matches, or what bears its id; the entry of a prompt in the register counts as well. Without keelmark.yaml
the answer is not known: only a person can say who looks after what.

## Why it matters

What has no owner is not protected, not updated and not missed when it is gone.

## How to fix

```yaml
components:
  - id: classifier
    kind: model
    path: models/**
    owner: ml-platform
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.facts import FileRole
from keelmark.core.finding import Card
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.core.outcome import Audience, Severity
from keelmark.development.checks._answers import MAX_PLACES, listed, plural
from keelmark.development.checks._models import datasets_of, models_of
from keelmark.engine.roles import role_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import Declaration
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="asset-without-owner",
    title="Nobody looks after a model, a dataset or a prompt",
    severity=Severity.LOW,
    recommendations=("DEV-2.a", "DEV-2.b", "DEV-2.f"),
    tags=("en-304-223:5.2.1-1",),
    audience=Audience.RISK_OWNER,
)


def check(project: Project) -> Iterator[Finding]:
    """Answer once for each kind of asset."""
    kinds = {
        "model": models_of(project),
        "dataset": datasets_of(project),
        "prompt": tuple(
            asset
            for asset in project.inventory.of(AssetKind.PROMPT)
            if role_of(asset.path) is FileRole.PRODUCT
        ),
    }
    if not any(kinds.values()):
        yield CARD.not_applicable("no model, dataset or prompt was found")
        return
    declared = project.declaration
    if declared is None:
        total = sum(len(assets) for assets in kinds.values())
        yield CARD.unknown(
            f"nobody declared who looks after {plural(total, 'asset')}",
            fix="Write keelmark.yaml (keelmark init) and name an owner for each component.",
        )
        return
    failed = False
    for kind, assets in kinds.items():
        bare = [asset for asset in assets if not _is_owned(asset, declared)]
        if not bare:
            continue
        failed = True
        names = list(dict.fromkeys(asset.name for asset in bare))
        yield CARD.failed(
            f"no component with an owner covers {plural(len(bare), kind)}: {listed(names)}",
            at=tuple(
                Location(path=asset.path, line=asset.line, anchor=asset.name) for asset in bare[:MAX_PLACES]
            ),
            fix=f"Add a component with path and owner to `components` in {project.declaration_path}.",
            subject=kind,
        )
    if not failed:
        total = sum(len(assets) for assets in kinds.values())
        line = declared.line("components")
        yield CARD.passed(
            f"{plural(total, 'asset')} with an owner", at=Location(path=project.declaration_path, line=line)
        )


def _is_owned(asset: Asset, declared: Declaration) -> bool:
    if asset.kind is AssetKind.PROMPT and any(
        entry.owner and (entry.id == asset.name or (entry.path and matches(entry.path, asset.path)))
        for entry in declared.prompts
    ):
        return True
    return any(
        component.owner
        and (component.id == asset.name or (component.path and matches(component.path, asset.path)))
        for component in declared.components
    )
