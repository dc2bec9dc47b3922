"""Projects of .NET: packages that a project file or `packages.config` names. Imported files are not followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Manifest, Requirement
from keelmark.formats.dependencies.limits import reading, text_of
from keelmark.formats.dependencies.pep508 import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "NugetReader"]

_SUFFIXES = frozenset({".csproj", ".fsproj", ".vbproj"})
_NAMES = frozenset({"packages.config", "Directory.Packages.props"})
_COMMENT = re2.compile(r"(?s)<!--.*?-->")
_ENTRY = re2.compile(
    r"(?s)<(?:PackageReference|PackageVersion|package)\s([^>]{1,900}?)/?>([^<]{0,200}<Version>[^<]{1,200})?"
)
_ATTRIBUTE = re2.compile(r"""(\w+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FRAMEWORK = re2.compile(r"<TargetFrameworks?>([^<]{1,200})<")
_EXACT = re2.compile(r"^\[?\d[\w.+-]*\]?$")


class NugetReader:
    """Reads project files of .NET."""

    name = "nuget"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return (source.suffix in _SUFFIXES or source.name in _NAMES) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """List the packages with the versions that stand beside them."""
        text = text_of(source)
        # Comments are blanked, line feeds kept, so that lines stay right.
        blanked = _COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
        framework = _FRAMEWORK.search(blanked)
        manifest = Manifest(
            format="nuget",
            ecosystem="nuget",
            is_lock=False,
            requirements=tuple(_packages(blanked)),
            runtime=framework.group(1).strip() if framework else "",
        )
        gap = Gap(
            path=source.path,
            reason=GapReason.UNSUPPORTED,
            detail="only packages named in this file are listed; imported files and variables are not followed",
            matters=False,
        )
        return (reading(source, manifest, (gap,)),)


def _packages(text: str) -> Iterator[Requirement]:
    line, last = 1, 0
    for match in _ENTRY.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        fields = {key.lower(): double or single for key, double, single in _ATTRIBUTE.findall(match.group(1))}
        name = fields.get("include") or fields.get("update") or fields.get("id") or ""
        inner = (match.group(2) or "").rpartition(">")[2]
        version = (fields.get("version") or fields.get("versionoverride") or inner).strip()
        if name:
            yield Requirement(
                name=name,
                line=line,
                specifier=version,
                version=version.strip("[]") if _EXACT.match(version) else "",
                group="dev" if fields.get("privateassets", "").lower() == "all" else "",
                anchor=folded(f"{name} {version}"),
            )


READER = NugetReader()
