"""The data-flow diagram of a system with its trust boundaries, and how many threats go through each element.

One SVG without script, font or image from elsewhere. Flows are coloured by how far what flows can be trusted, and their
pattern says the same without colour; whoever points at a box or a flow reads the rest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from keelmark.core.declaration import ComponentKind, FlowTrust
from keelmark.core.threats import ThreatState
from keelmark.report.sanitise import name, sentence
from keelmark.report.threats_layout import BOX, lay_out
from keelmark.report.threats_routes import routes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.system_model import Element, Link, SystemModel
    from keelmark.core.threats import Analysis
    from keelmark.report.threats_layout import Box, Layout
    from keelmark.report.threats_routes import Route

__all__ = ["render"]

_TRUSTS = {
    FlowTrust.TRUSTED: ("trusted", "#5b6b7b", ""),
    FlowTrust.USER: ("of users", "#b45309", "7 3"),
    FlowTrust.THIRD_PARTY: ("of third parties", "#b91c1c", "2 3"),
    FlowTrust.MODEL_OUTPUT: ("output of a model", "#6d28d9", "10 3 2 3"),
}
_STORES = frozenset(
    {
        ComponentKind.DATASET,
        ComponentKind.RETRIEVAL_STORE,
        ComponentKind.MEMORY,
        ComponentKind.DATABASE,
        ComponentKind.REGISTRY,
    }
)
_OUTSIDE = frozenset({ComponentKind.PERSON, ComponentKind.SERVICE, ComponentKind.MCP_SERVER})
_COUNTED = frozenset({ThreatState.OPEN, ThreatState.UNKNOWN})
_MAX_LABELS = 24
_LEGEND = 30
_STYLE = """
text{font:12px system-ui,sans-serif;fill:#17212b}
.kind{font-size:10px;fill:#5b6b7b}
.lane{fill:none;stroke:#94a3b8;stroke-dasharray:6 4}
.lane-name{font-size:11px;font-weight:600;fill:#5b6b7b}
.box{fill:#fff;stroke:#334155}
.seen{stroke-dasharray:4 2}
.flow{fill:none;stroke-width:1.6}
.carries{font-size:10px;fill:#5b6b7b}
.count{fill:#b91c1c}.count-unknown{fill:#b45309}
.count-text{font-size:11px;font-weight:700;fill:#fff;text-anchor:middle}
"""


def render(analysis: Analysis, /) -> str:
    """The diagram as an SVG document."""
    return "\n".join(_lines(analysis)) + "\n"


def _lines(analysis: Analysis) -> Iterator[str]:
    model = analysis.model
    layout = lay_out(model)
    height = layout.height + _LEGEND
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {layout.width} {height}" width="{layout.width}" height="{height}" '
        f'role="img" aria-label="{_text(f"data flows of {model.name}")}">'
    )
    yield f"<title>{_text(f'Data flows of {model.name}')}</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<rect width="100%" height="100%" fill="#f8fafc"/>'
    yield from _markers()
    yield from _lanes(model, layout)
    shows_labels = len(model.links) <= _MAX_LABELS
    for link, route in zip(model.links, routes(model.links, layout), strict=True):
        yield from _flow(link, route, shows_label=shows_labels)
    counts, unknowns = _counts(analysis)
    for element in model.elements:
        yield from _box(element, layout.boxes[element.id], counts[element.id], unknowns[element.id])
    yield from _legend(layout.height)
    yield "</svg>"


def _counts(analysis: Analysis) -> tuple[Counter[str], Counter[str]]:
    """Threats that are open, and those not known, through each element; each threat once."""
    found: dict[ThreatState, Counter[str]] = {state: Counter() for state in _COUNTED}
    for threat in analysis.threats:
        if threat.state in _COUNTED:
            met = {element.id for path in threat.paths for element in path.elements}
            found[threat.state].update(met)
    return found[ThreatState.OPEN], found[ThreatState.UNKNOWN]


def _markers() -> Iterator[str]:
    yield "<defs>"
    for trust, (_, color, _) in _TRUSTS.items():
        yield (
            f'<marker id="to-{trust}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 8 4 0 8z" fill="{color}"/></marker>'
        )
    yield "</defs>"


def _lanes(model: SystemModel, layout: Layout) -> Iterator[str]:
    titles = {boundary.id: boundary.title or boundary.id for boundary in model.boundaries}
    for lane in layout.lanes:
        if not lane.id and len(layout.lanes) == 1:
            continue
        title = titles.get(lane.id, lane.id) if lane.id else "outside of every declared boundary"
        yield f'<rect class="lane" x="8" y="{lane.y}" width="{layout.width - 16}" height="{lane.height}" rx="8"/>'
        yield f'<text class="lane-name" x="18" y="{lane.y + 16}">{_name(title, 80)}</text>'


def _flow(link: Link, route: Route, *, shows_label: bool) -> Iterator[str]:
    words, color, dash = _TRUSTS[link.trust]
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    told = f"{link.source} to {link.target}: {link.carries or 'not said what'} ({words})"
    yield (
        f'<path class="flow" d="{route.path}" stroke="{color}"{dashes} marker-end="url(#to-{link.trust})">'
        f"<title>{_text(told)}</title></path>"
    )
    if shows_label and link.carries:
        x, y = route.label
        yield f'<text class="carries" text-anchor="middle" x="{x}" y="{y}">{_name(link.carries, 26)}</text>'


def _box(element: Element, box: Box, opened: int, unknown: int) -> Iterator[str]:
    width, height = BOX
    seen = "" if str(element.origin).startswith("declared") else " seen"
    told = f"{element.name} ({element.kind}; {element.origin}){f': {element.description}' if element.description else ''}"
    yield f"<g><title>{_text(told)}</title>"
    if element.kind in _STORES:
        yield f'<rect class="box{seen}" x="{box.x}" y="{box.y}" width="{width}" height="{height}"/>'
        yield f'<path d="M{box.x + 6} {box.y}v{height}" stroke="#334155"/>'
    else:
        radius = 2 if element.kind in _OUTSIDE else 14
        yield f'<rect class="box{seen}" x="{box.x}" y="{box.y}" width="{width}" height="{height}" rx="{radius}"/>'
    middle = box.x + width // 2
    yield f'<text text-anchor="middle" x="{middle}" y="{box.y + 21}">{_name(element.name, 23)}</text>'
    yield f'<text class="kind" text-anchor="middle" x="{middle}" y="{box.y + 36}">{_name(str(element.kind), 30)}</text>'
    for shift, (number, kind) in enumerate(((opened, "count"), (unknown, "count-unknown"))):
        if number:
            x = box.x + width - 4 - 22 * shift
            yield f'<circle class="{kind}" cx="{x}" cy="{box.y}" r="10"/>'
            yield f'<text class="count-text" x="{x}" y="{box.y + 4}">{number}</text>'
    yield "</g>"


def _legend(top: int) -> Iterator[str]:
    x, y = 24, top + 12
    for words, color, dash in _TRUSTS.values():
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        yield f'<path class="flow" d="M{x} {y}h34" stroke="{color}"{dashes}/>'
        yield f'<text class="carries" x="{x + 40}" y="{y + 4}">{escape(words)}</text>'
        x += 62 + 6 * len(words)
    for kind, words in (("count", "open threats"), ("count-unknown", "not known")):
        yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="6"/>'
        yield f'<text class="carries" x="{x + 10}" y="{y + 4}">{words}</text>'
        x += 32 + 6 * len(words)


def _text(text: str) -> str:
    return escape(sentence(text, limit=400), {'"': "&quot;"})


def _name(text: str, limit: int) -> str:
    return escape(name(text, limit=limit))
