"""`pyproject.toml`: PEP 621, dependency groups, and the tables of uv, PDM, Hatch and setuptools."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from keelmark.core.facts import Gap, GapReason, Manifest, Reading, Requirement
from keelmark.errors import ParseError
from keelmark.formats.dependencies.addresses import address, cleaned, is_default_index
from keelmark.formats.dependencies.limits import malformed, mapping, reading, text_of, texts, toml_table
from keelmark.formats.dependencies.pep508 import located, parse
from keelmark.formats.dependencies.poetry import keyed_requirements, poetry_groups
from keelmark.formats.dependencies.toml_lines import Lines, lines_of
from keelmark.formats.source import Source

__all__ = ["READERS", "PyprojectReader"]


@dataclass(slots=True)
class _Found:
    """What has been read so far, with what is needed to read on."""

    source: Source
    lines: Lines
    requirements: list[Requirement] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def take(self, items: object, *path: str, group: str) -> None:
        """Read a list of PEP 508 strings that stands at `path`."""
        for index, item in enumerate(items if isinstance(items, list) else []):
            line = self.lines.of(*path, index)
            if not isinstance(item, str):
                continue  # `{include-group = "x"}` names a group that is read by itself.
            try:
                self.requirements.append(_entry(item, line=line, group=group, table=".".join(path)))
            except ParseError as error:
                self.gaps.append(malformed(self.source, error.message, line=line))

    def take_groups(self, tables: object, *path: str) -> None:
        """Read a table of lists: extras, dependency groups."""
        for name, items in mapping(tables).items():
            self.take(items, *path, name, group=name)


class PyprojectReader:
    """Reads `pyproject.toml`."""

    name = "pyproject"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name; the name is fixed by PEP 518."""
        return source.name == "pyproject.toml" and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Read every table that asks for packages.

        Raises:
            ParseError: No TOML.
        """
        text = text_of(source)
        document = toml_table(text, path=source.path)
        found = _Found(source, lines_of(text))
        _standard(found, document)
        _tools(found, mapping(document, "tool"))
        found.requirements += poetry_groups(mapping(document, "tool", "poetry"), found.lines)
        requirements = _with_uv_sources(found.requirements, mapping(document, "tool", "uv", "sources"))
        return (reading(source, _manifest(document, requirements), found.gaps),)


def _entry(text: str, *, line: int, group: str, table: str) -> Requirement:
    # PDM writes development dependencies as `-e file:///...#egg=name`.
    if text.startswith("-e "):
        return replace(located("", text[3:].strip(), line=line), group=group, table=table)
    return parse(text, line=line, group=group, table=table)


def _standard(found: _Found, document: dict[str, Any]) -> None:
    project = mapping(document, "project")
    found.take(project.get("dependencies"), "project", "dependencies", group="")
    found.take_groups(project.get("optional-dependencies"), "project", "optional-dependencies")
    found.take_groups(document.get("dependency-groups"), "dependency-groups")
    found.take(
        mapping(document, "build-system").get("requires"), "build-system", "requires", group="build-system"
    )
    dynamic = texts(project.get("dynamic"))
    known = mapping(document, "tool", "setuptools", "dynamic") or mapping(document, "tool", "poetry")
    if "dependencies" in dynamic and not known and not mapping(document, "tool", "hatch", "metadata"):
        found.gaps.append(
            Gap(
                path=found.source.path,
                reason=GapReason.UNSUPPORTED,
                detail="dependencies are computed by the build backend",
                line=found.lines.of("project", "dynamic"),
                matters=False,
            )
        )


def _tools(found: _Found, tools: dict[str, Any]) -> None:
    uv = mapping(tools, "uv")
    found.take(uv.get("dev-dependencies"), "tool", "uv", "dev-dependencies", group="dev")
    found.take(uv.get("constraint-dependencies"), "tool", "uv", "constraint-dependencies", group="constraint")
    found.take(uv.get("override-dependencies"), "tool", "uv", "override-dependencies", group="override")
    found.take(uv.get("exclude-dependencies"), "tool", "uv", "exclude-dependencies", group="override")
    overrides = mapping(tools, "pdm", "resolution", "overrides")
    path = ("tool", "pdm", "resolution", "overrides")
    found.requirements += keyed_requirements(overrides, found.lines, *path, group="override")
    found.take_groups(mapping(tools, "pdm").get("dev-dependencies"), "tool", "pdm", "dev-dependencies")
    for name, environment in mapping(tools, "hatch", "envs").items():
        for key in ("dependencies", "extra-dependencies"):
            at = ("tool", "hatch", "envs", name, key)
            found.take(mapping(environment).get(key), *at, group="dev" if name == "default" else name)


def _manifest(document: dict[str, Any], requirements: list[Requirement]) -> Manifest:
    project = mapping(document, "project")
    poetry = mapping(document, "tool", "poetry")
    indexes, default_index, trusts = _indexes(mapping(document, "tool"))
    poetry_python = mapping(poetry, "dependencies").get("python")
    return Manifest(
        format="pyproject",
        ecosystem="pypi",
        is_lock=False,
        requirements=tuple(requirements),
        name=_text(project.get("name")) or _text(poetry.get("name")),
        version=_text(project.get("version")) or _text(poetry.get("version")),
        licence=_licence(project.get("license")) or _licence(poetry.get("license")),
        runtime=_text(project.get("requires-python")) or _text(poetry_python),
        indexes=indexes,
        trusts=trusts,
        default_index=default_index,
        includes=_includes(mapping(document, "tool")),
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _licence(value: object) -> str:
    # `license = {text = "MIT"}` and `{file = "LICENSE"}` are the older form of PEP 621.
    return _text(value) or _text(mapping(value).get("text"))


def _includes(tools: dict[str, Any]) -> tuple[str, ...]:
    dynamic = mapping(tools, "setuptools", "dynamic")
    files = list(texts(mapping(dynamic, "dependencies").get("file")))
    for extra in mapping(dynamic, "optional-dependencies").values():
        files += texts(mapping(extra).get("file"))
    files += texts(mapping(tools, "hatch", "metadata", "hooks", "requirements_txt").get("files"))
    return tuple(dict.fromkeys(files))


def _indexes(tools: dict[str, Any]) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    uv = mapping(tools, "uv")
    default = _text(uv.get("index-url"))
    found = [default, *texts(uv.get("extra-index-url")), *texts(uv.get("find-links"))]
    trusts = [f"allow-insecure-host {host}" for host in texts(uv.get("allow-insecure-host"))]
    for name, tables in (("uv", uv.get("index")), ("poetry", None), ("pdm", None)):
        listed = tables if name == "uv" else mapping(tools, name).get("source")
        for entry in listed if isinstance(listed, list) else []:
            url = _text(mapping(entry).get("url"))
            found.append(url)
            is_default = mapping(entry).get("default") is True or mapping(entry).get("priority") == "default"
            default = url if is_default else default
            if mapping(entry).get("verify_ssl") is False:
                trusts.append(f"verify_ssl = false ({cleaned(url)})")
    kept = [cleaned(url) for url in found if url and not is_default_index(url)]
    default = "" if is_default_index(default) else cleaned(default)
    return tuple(dict.fromkeys(kept)), default, tuple(trusts)


def _with_uv_sources(requirements: list[Requirement], sources: dict[str, Any]) -> list[Requirement]:
    if not sources:
        return requirements
    by_name = {name.lower().replace("_", "-").replace(".", "-"): entry for name, entry in sources.items()}
    return [_redirected(item, by_name.get(item.name)) for item in requirements]


def _redirected(item: Requirement, entry: object) -> Requirement:
    # A list holds one source for each platform: the first that is no index decides, being the least controlled.
    entries = entry if isinstance(entry, list) else [entry]
    for one in map(mapping, entries):
        git = _text(one.get("git"))
        if git:
            revision = _text(one.get("rev")) or _text(one.get("tag")) or _text(one.get("branch"))
            place = address(f"git+{git}", revision=revision)
        elif _text(one.get("url")) or _text(one.get("path")):
            place = address(_text(one.get("url")) or _text(one.get("path")))
        elif one.get("workspace") is True:
            place = address(".")
        else:
            continue
        return replace(
            item,
            source=place.source,
            reference=place.reference,
            is_hashed=place.is_hashed,
            is_immutable=place.is_immutable,
        )
    return item


READERS = (PyprojectReader(),)
