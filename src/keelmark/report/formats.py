"""The formats a report can be written in."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from keelmark.report import console, cyclonedx, html, json_report, junit, markdown, oscal, sarif

if TYPE_CHECKING:
    from collections.abc import Mapping

    from keelmark.core.assessment import Assessment
    from keelmark.core.catalogue import Catalogue
    from keelmark.core.finding import Card

__all__ = ["FORMATS", "Format", "Renderer"]


class Renderer(Protocol):
    """Turns an assessment into text. Pure: no I/O, no clock, the same input gives the same output."""

    def __call__(self, assessment: Assessment, /, *, catalogue: Catalogue, cards: Mapping[str, Card]) -> str:
        """The whole report, ending in a line break."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format.

    Attributes:
        name: What `--format` takes.
        extension: Of a file that holds such a report, with its dot.
        media_type: For a web server or an upload.
        summary: What it is for, in a few words.
    """

    name: str
    extension: str
    media_type: str
    summary: str
    render: Renderer


_ALL = (
    Format(
        name="console",
        extension=".txt",
        media_type="text/plain; charset=utf-8",
        summary="for people, in a terminal",
        render=console.render,
    ),
    Format(
        name="json",
        extension=".json",
        media_type="application/json",
        summary="for programs; follows a published schema",
        render=json_report.render,
    ),
    Format(
        name="sarif",
        extension=".sarif",
        media_type="application/sarif+json",
        summary="for code scanning and editors (SARIF 2.1.0)",
        render=sarif.render,
    ),
    Format(
        name="markdown",
        extension=".md",
        media_type="text/markdown; charset=utf-8",
        summary="for pull requests",
        render=markdown.render,
    ),
    Format(
        name="html",
        extension=".html",
        media_type="text/html; charset=utf-8",
        summary="for the risk owner: one page to read, print and sign",
        render=html.render,
    ),
    Format(
        name="junit",
        extension=".xml",
        media_type="application/xml",
        summary="for CI systems that show test results",
        render=junit.render,
    ),
    Format(
        name="oscal",
        extension=".oscal.json",
        media_type="application/json",
        summary="for auditors and authorities (OSCAL assessment results)",
        render=oscal.render,
    ),
    Format(
        name="cyclonedx",
        extension=".cdx.json",
        media_type="application/vnd.cyclonedx+json; version=1.7",
        summary="bill of materials with declarations (CycloneDX 1.7)",
        render=cyclonedx.render,
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({each.name: each for each in _ALL})
