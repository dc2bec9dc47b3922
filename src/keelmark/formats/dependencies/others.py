"""Rust, Go, Ruby and Java: enough of their manifests and locks to list packages and versions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, GapReason, Manifest, Reading, Requirement, RequirementSource
from keelmark.formats.dependencies.addresses import address, cleaned, is_default_index
from keelmark.formats.dependencies.limits import BOUNDS, mapping, reading, text_of, toml_table
from keelmark.formats.dependencies.pep508 import folded
from keelmark.formats.dependencies.toml_lines import Lines, lines_of, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READERS", "CargoReader", "GemfileLockReader", "GoReader", "JavaReader"]

_CARGO_TABLES = {"dependencies": "", "dev-dependencies": "dev", "build-dependencies": "build"}
_CARGO_EXACT = re2.compile(r"^=\s*([0-9]+\.[0-9]+\.[0-9]+\S*)$")
_GO_MODULE = re2.compile(r"^([a-zA-Z0-9][^\s]*)\s+(v[0-9]\S*)(\s*//.*)?$")
_GO_SUM = re2.compile(r"^(\S+) (v[^\s/]+)(/go\.mod)? (h1:\S+)$")
_GEM = re2.compile(r"^    ([A-Za-z0-9_.-]+) \(([^)]+)\)$")
_GEM_FIELD = re2.compile(r"^  ([a-z]+): (.+)$")
_POM_DEPENDENCY = re2.compile(r"(?s)<dependency>(.*?)</dependency>")
_POM_FIELD = re2.compile(r"<(groupId|artifactId|version|scope)>\s*([^<]*?)\s*</")
_XML_COMMENT = re2.compile(r"(?s)<!--.*?-->")
_GRADLE = re2.compile(
    r"^\s*([A-Za-z]*(?:[iI]mplementation|[aA]pi|[cC]ompileOnly|[rR]untimeOnly|compile|testCompile|classpath))"
    r"\s*\(?\s*[\"']([^:\"'\s]+):([^:\"'\s]+):([^\"'\s]+)[\"']"
)
_FIXED = re2.compile(r"^[0-9][A-Za-z0-9._-]*$")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class CargoReader:
    """Reads `Cargo.toml` and `Cargo.lock`."""

    name = "cargo"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"Cargo.toml", "Cargo.lock"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the manifest or the lock.

        Raises:
            ParseError: No TOML.
        """
        text = text_of(source)
        document = toml_table(text, path=source.path)
        if source.name == "Cargo.lock":
            return (reading(source, _cargo_lock(document, text)),)
        lines = lines_of(text)
        package = mapping(document, "package")
        found = list(_cargo_tables(document, lines, ()))
        for target, tables in mapping(document, "target").items():
            found += _cargo_tables(mapping(tables), lines, ("target", target))
        found += _cargo_tables(mapping(document, "workspace"), lines, ("workspace",))
        manifest = Manifest(
            format="cargo-toml",
            ecosystem="crates.io",
            is_lock=False,
            requirements=tuple(found),
            name=_text(package.get("name")),
            version=_text(package.get("version")),
            licence=_text(package.get("license")),
            runtime=_text(package.get("rust-version")),
        )
        return (reading(source, manifest),)


def _cargo_tables(document: dict[str, Any], lines: Lines, at: tuple[str, ...]) -> Iterator[Requirement]:
    for table, group in _CARGO_TABLES.items():
        for name, value in mapping(document, table).items():
            settings = mapping(value) or {"version": value}
            if settings.get("workspace") is True:
                continue  # The workspace states it once, for all members.
            specifier = _text(settings.get("version"))
            exact = _CARGO_EXACT.match(specifier)
            item = Requirement(
                name=_text(settings.get("package")) or name,
                line=lines.of(*at, table, name),
                specifier="" if specifier == "*" else specifier,
                version=exact.group(1) if exact else "",
                group="optional" if settings.get("optional") is True and not group else group,
                marker=at[1] if at[:1] == ("target",) else "",
                anchor=folded(f"{name} {specifier}"),
                table=".".join((*at, table)),
            )
            git, path = _text(settings.get("git")), _text(settings.get("path"))
            if git:
                marks = (_text(settings.get(key)) for key in ("rev", "tag", "branch"))
                place = address(f"git+{git}", revision=next((mark for mark in marks if mark), ""))
                item = replace(
                    item, source=place.source, reference=place.reference, is_immutable=place.is_immutable
                )
            elif path:
                item = replace(item, source=RequirementSource.PATH, reference=path)
            yield item


def _cargo_lock(document: dict[str, Any], text: str) -> Manifest:
    listed = document.get("package")
    packages = [mapping(entry) for entry in listed] if isinstance(listed, list) else []
    found, indexes, root = [], [], dict[str, Any]()
    for entry, line in zip(packages, table_lines(text, "package", expected=len(packages)), strict=True):
        name, version, origin = (_text(entry.get(key)) for key in ("name", "version", "source"))
        if not origin:
            # A package without a source is the project or a member of its workspace.
            root = root or entry
            continue
        item = Requirement(
            name=name,
            line=line,
            specifier=version,
            version=version,
            is_hashed=len(_text(entry.get("checksum"))) == 64,
            anchor=folded(f"{name} {version}"),
        )
        if origin.startswith("git+"):
            place = address(origin)
            item = replace(
                item, source=place.source, reference=place.reference, is_immutable=place.is_immutable
            )
        elif not is_default_index(origin):
            indexes.append(cleaned(origin))
        found.append(item)
    return Manifest(
        format="cargo-lock",
        ecosystem="crates.io",
        is_lock=True,
        requirements=tuple(found),
        name=_text(root.get("name")),
        version=_text(root.get("version")),
        indexes=tuple(dict.fromkeys(indexes)),
    )


class GoReader:
    """Reads `go.mod` and `go.sum`."""

    name = "go"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"go.mod", "go.sum"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read modules and their versions."""
        text = text_of(source)
        return (reading(source, _go_sum(text) if source.name == "go.sum" else _go_mod(text)),)


def _go_requirement(
    name: str, version: str, *, line: int, is_hashed: bool = False, group: str = ""
) -> Requirement:
    return Requirement(
        name=name,
        line=line,
        specifier=version,
        version=version,
        is_hashed=is_hashed,
        group=group,
        anchor=folded(f"{name} {version}"),
    )


def _go_mod(text: str) -> Manifest:
    found, block, values = [], "", dict[str, str]()
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        word, _, rest = line.partition(" ")
        if block and line.startswith(")"):
            block = ""
        elif not block and rest.strip() == "(":
            block = word
        elif not block and word in {"module", "go"}:
            values[word] = rest.partition("//")[0].strip().strip('"')
        directive, body = (block, line) if block else (word, rest.strip())
        match = _GO_MODULE.match(body) if directive == "require" else None
        if match:
            # `// indirect` marks what is needed by others only; it is run time all the same.
            found.append(_go_requirement(match.group(1), match.group(2), line=number))
    return Manifest(
        format="go-mod",
        ecosystem="go",
        is_lock=False,
        requirements=tuple(found),
        name=values.get("module", ""),
        runtime=values.get("go", ""),
    )


def _go_sum(text: str) -> Manifest:
    found: list[Requirement] = []
    for number, line in enumerate(text.split("\n"), 1):
        if len(found) > BOUNDS.max_requirements:
            break
        match = _GO_SUM.match(line.strip())
        # A line for `go.mod` alone says that the module was looked at, not that its code is used.
        if match and not match.group(3):
            found.append(_go_requirement(match.group(1), match.group(2), line=number, is_hashed=True))
    return Manifest(format="go-sum", ecosystem="go", is_lock=True, requirements=tuple(found))


class GemfileLockReader:
    """Reads `Gemfile.lock`."""

    name = "gemfile-lock"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"Gemfile.lock", "gems.locked"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read the specs of all sections."""
        found, indexes = [], []
        section, fields = "", dict[str, str]()
        for number, line in enumerate(text_of(source).split("\n"), 1):
            if line[:1] not in {"", " "}:
                section, fields = line.strip(), {}
            field_match, gem = _GEM_FIELD.match(line), _GEM.match(line)
            if field_match:
                fields[field_match.group(1)] = field_match.group(2)
                if section == "GEM" and field_match.group(1) == "remote":
                    indexes.append(field_match.group(2))
            elif gem and section in {"GEM", "GIT", "PATH"}:
                found.append(_gem(gem.group(1), gem.group(2), section, fields, line=number))
        manifest = Manifest(
            format="gemfile-lock",
            ecosystem="rubygems",
            is_lock=True,
            requirements=tuple(found),
            indexes=tuple(cleaned(url) for url in dict.fromkeys(indexes) if not is_default_index(url)),
        )
        return (reading(source, manifest),)


def _gem(name: str, version: str, section: str, fields: dict[str, str], *, line: int) -> Requirement:
    item = Requirement(
        name=name, line=line, specifier=version, version=version, anchor=folded(f"{name} {version}")
    )
    if section == "GIT":
        place = address(f"git+{fields.get('remote', '')}", revision=fields.get("revision", ""))
        return replace(item, source=place.source, reference=place.reference, is_immutable=place.is_immutable)
    if section == "PATH":
        return replace(item, source=RequirementSource.PATH, reference=fields.get("remote", ""))
    return item


class JavaReader:
    """Recognises Maven and Gradle builds and lists what they state as constants; the rest is a gap."""

    name = "java"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name."""
        return source.name in {"pom.xml", "build.gradle", "build.gradle.kts"} and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """List dependencies that stand there with group, name and version."""
        text = text_of(source)
        is_maven = source.name == "pom.xml"
        found = tuple(_pom(text) if is_maven else _gradle(text))
        manifest = Manifest(
            format="pom" if is_maven else "gradle", ecosystem="maven", is_lock=False, requirements=found
        )
        gap = Gap(
            path=source.path,
            reason=GapReason.UNSUPPORTED,
            detail="only dependencies written as constants are listed; parents, plugins and variables are not followed",
            matters=False,
        )
        return (reading(source, manifest, (gap,)),)


def _java(group_id: str, artifact: str, version: str, *, line: int, group: str) -> Requirement:
    return Requirement(
        name=f"{group_id}:{artifact}",
        line=line,
        specifier=version,
        version=version if _FIXED.match(version) else "",
        group=group,
        anchor=folded(f"{group_id}:{artifact}:{version}"),
    )


def _pom(text: str) -> Iterator[Requirement]:
    # Comments are blanked, line feeds kept, so that lines stay right.
    blanked = _XML_COMMENT.sub(lambda match: "\n" * match.group().count("\n"), text)
    line, last = 1, 0
    for match in _POM_DEPENDENCY.finditer(blanked):
        line += blanked.count("\n", last, match.start())
        last = match.start()
        fields = dict(_POM_FIELD.findall(match.group(1)))
        if fields.get("groupId") and fields.get("artifactId"):
            scope = fields.get("scope", "")
            yield _java(
                fields["groupId"],
                fields["artifactId"],
                fields.get("version", ""),
                line=line,
                group="" if scope in {"", "compile", "runtime"} else scope,
            )


def _gradle(text: str) -> Iterator[Requirement]:
    for number, line in enumerate(text.split("\n"), 1):
        match = _GRADLE.match(line) if len(line) <= 4096 else None
        if match:
            group = "test" if match.group(1).lower().startswith("test") else ""
            yield _java(match.group(2), match.group(3), match.group(4), line=number, group=group)


READERS = (CargoReader(), GoReader(), GemfileLockReader(), JavaReader())
