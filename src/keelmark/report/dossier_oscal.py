"""OSCAL assessment results of a dossier: the assessment as its reader may see it, with the level and the root beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.report import oscal
from keelmark.report.json_text import written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.dossier import Dossier
    from keelmark.core.finding import Card

__all__ = ["render"]

_NAMESPACE = "urn:keelmark:oscal"


def render(dossier: Dossier, seen: Assessment, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
    """The document as text.

    Args:
        dossier: Of one reader.
        seen: The assessment, as far as that reader may see it.
        catalogue: The guidelines.
        cards: Of the rules, as the dossier tells them.
    """
    document = oscal.document(seen, catalogue=catalogue, cards=cards)
    metadata = document["assessment-results"]["metadata"]
    values = {
        "dossier-level": str(dossier.level),
        "release-digest": dossier.release_digest,
        "dossier-root": dossier.root,
        "facts-hidden": str(len(dossier.hidden)),
    }
    metadata["props"] = [{"name": key, "ns": _NAMESPACE, "value": value} for key, value in values.items()]
    metadata["remarks"] = (
        f"Redacted for the level {dossier.level}: {len(dossier.hidden)} of {len(dossier.leaves)} facts are hidden;"
        " each is listed in leaves.json of the same archive."
    )
    return written(document)
