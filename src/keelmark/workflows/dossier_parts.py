"""The readable parts of a dossier: each a function of the facts that are shown, so that anybody can make it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.deployment.release.dossier import document_of
from keelmark.deployment.release.dossier_assessment import seen_of
from keelmark.deployment.release.dossier_sections import SECTIONS
from keelmark.deployment.release.dossier_verification import FACTS
from keelmark.errors import ParseError
from keelmark.guidelines import load as load_catalogue
from keelmark.report import dossier_html, dossier_oscal, in_toto
from keelmark.report.json_text import written
from keelmark.trust import statement

if TYPE_CHECKING:
    from keelmark.core.dossier import Dossier

__all__ = ["OSCAL", "PAGE", "readable_parts", "results_payload"]

PAGE = "report.html"
OSCAL = "oscal-assessment-results.json"


def readable_parts(dossier: Dossier) -> dict[str, bytes]:
    """Facts, page and OSCAL results, by the names of their files.

    Raises:
        ParseError: The facts are not those of a dossier.
    """
    catalogue = load_catalogue()
    seen = seen_of(dossier)
    try:
        page = dossier_html.render(dossier, catalogue=catalogue, sections=SECTIONS)
        oscal = dossier_oscal.render(dossier, seen.assessment, catalogue=catalogue, cards=seen.cards)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParseError(f"the facts are not those of a dossier: {str(error)[:200]}") from error
    return {
        FACTS: written(document_of(dossier)).encode(),
        PAGE: page.encode("utf-8", "backslashreplace"),
        OSCAL: oscal.encode(),
    }


def results_payload(dossier: Dossier) -> bytes:
    """The in-toto statement of the test results.

    Raises:
        ParseError: The facts are not those of a dossier.
    """
    try:
        return statement.encode(
            statement.Statement(
                predicate_type=in_toto.PREDICATE_TYPE,
                subjects=tuple(
                    statement.Subject(name=name, digest={"sha256": digest})
                    for name, digest in in_toto.subjects(dossier)
                ),
                predicate=in_toto.predicate(dossier),
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ParseError(f"the facts are not those of a dossier: {str(error)[:200]}") from error
