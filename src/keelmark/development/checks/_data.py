"""What the rules about the data of training share: where it comes from, and which texts speak of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import AssetKind
from keelmark.core.facts import DocumentKind, FileRole
from keelmark.core.glob import matches
from keelmark.core.location import Location
from keelmark.development.checks._models import datasets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.declaration import DeclaredDataset
    from keelmark.core.facts import Call, Document
    from keelmark.core.project import Project, Seen

__all__ = ["data_texts", "declared_for", "imported_by_product", "outside_sources", "trains"]

# Texts in which a team says what it did with its data; a threat model or a changelog says something else.
_TEXTS = (
    DocumentKind.DATA_CARD, DocumentKind.MODEL_CARD, DocumentKind.EVALUATION_REPORT, DocumentKind.DECISION_RECORD,
    DocumentKind.RUNBOOK, DocumentKind.README,
)  # fmt: skip

# Calls that fetch records that somebody else made.
# Benchmarks that come with a library are left out: everybody has the same, and their digests are checked.
_FETCHES = ("datasets.load_dataset", "img2dataset.download", "kagglehub.dataset_download")
_LOCAL_FORMATS = {"arrow", "audiofolder", "csv", "imagefolder", "json", "pandas", "parquet", "text"}
_OUTSIDE = re2.compile(
    r"(?i)https?://|\b(kaggle|hugging ?face|uci|common ?crawl|wikipedia|scraped?|crawl(ed)?|public|open data|purchased|licensed from)\b"
)


def trains(project: Project) -> bool:
    """Whether the product trains a model."""
    return "training" in project.inventory.traits


def declared_for(project: Project, path: str) -> DeclaredDataset | None:
    """The entry of keelmark.yaml that stands for a dataset."""
    declared = project.declaration.datasets if project.declaration else ()
    return next((entry for entry in declared if matches(entry.path, path)), None)


def data_texts(project: Project) -> tuple[Seen[Document], ...]:
    """Texts in which a team says what it did with its data; of the READMEs only that of the top folder."""
    return tuple(
        seen
        for seen in project.documents(*_TEXTS)
        if seen.fact.kind is not DocumentKind.README or "/" not in seen.file.path
    )


def imported_by_product(project: Project, *packages: str) -> Iterator[tuple[Location, str]]:
    """Where product code imports one of these packages."""
    for file, line, name in project.imports(*packages):
        if file.role is FileRole.PRODUCT:
            yield Location(path=file.path, line=line), name


def outside_sources(project: Project) -> tuple[tuple[str, Location], ...]:
    """Data that others made and the product trains with: calls that fetch it, pointers, and what is declared so."""
    found = [
        (seen.fact.name, seen.at())
        for seen in project.calls(*_FETCHES)
        if seen.is_product and not _is_local(seen.fact)
    ]
    for asset in datasets_of(project):
        entry = declared_for(project, asset.path)
        if (entry is not None and _OUTSIDE.search(entry.origin)) or (
            asset.kind is AssetKind.ABSENT_DATA and asset.get("source").startswith(("http://", "https://"))
        ):
            found.append((asset.path, Location(path=asset.path)))
    return tuple(found)


def _is_local(call: Call) -> bool:
    """Whether a call names a format instead of a dataset, and so reads files of its own."""
    name = call.argument("path", 0)
    return name is not None and name.literal in _LOCAL_FORMATS
