"""A dossier as one self-contained page for one reader: no script, nothing from outside, every value cleaned and escaped.

It is made of the facts that the reader may see and of nothing else, so that whoever has the facts can make it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.report import html
from keelmark.report.dossier_chapters import chapters
from keelmark.report.dossier_view import hidden_by_section, redactions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.catalogue import Catalogue
    from keelmark.core.dossier import Dossier, Section

__all__ = ["render"]

_TEMPLATE = "dossier.html.j2"


def render(dossier: Dossier, *, catalogue: Catalogue, sections: Mapping[str, Section]) -> str:
    """The page.

    Raises:
        KeyError: The facts are not those of a dossier.
    """
    style = html.asset("report.css") + html.asset("dossier.css")
    page = (
        html.environment()
        .get_template(_TEMPLATE)
        .render(
            style=style,
            policy=html.policy_of(style),
            keelmark=dossier.keelmark,
            d=dossier,
            release=dossier.facts["release/summary"],
            assessed=dossier.facts["coverage/assessed"],
            keys=list(dossier.of("signing-keys").values()),
            chapters=chapters(dossier, catalogue),
            hidden=hidden_by_section(dossier),
            sections=sections,
            redactions=redactions(dossier, sections),
        )
    )
    return html.finished(page)
