"""Training and data pipelines: DVC, MLproject, Kedro."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Pipeline, Reading, Stage
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.checksums import beside
from keelmark.formats.dependencies.addresses import cleaned
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import children, key_line, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one pipeline file."""

    max_stages: int = 5_000
    max_command_chars: int = 2_000


_BOUNDS = Bounds()
_CATALOGUE = re2.compile(r"(?:.*/)?conf/[^/]+/catalog(?:[_/][^/]*)?\.ya?ml")
_REMOTE = re2.compile(r"^[a-z][a-z0-9+.-]*://")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "pipeline"
    version: int = 2

    def recognises(self, source: Source) -> bool:
        return bool(_form(source.path)) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        form = _form(source.path)
        if form == "dvc-config":
            remotes = tuple(_remotes(source))
            return (Reading(format=form, pipeline=Pipeline(system="dvc", remotes=remotes)),)
        root = yaml_tree.parse(source.text, path=source.path)
        if not isinstance(root, Mapping):
            return ()
        if form == "mlproject":
            pipeline = Pipeline(system="mlflow", stages=tuple(_entry_points(root)))
        elif form == "kedro-catalog":
            pipeline = Pipeline(system="kedro", remotes=tuple(_catalogue(root)))
        else:
            is_lock = form == "dvc-lock"
            pipeline = Pipeline(
                system="dvc",
                is_lock=is_lock,
                stages=tuple(_stages(root, source.path))[: _BOUNDS.max_stages],
                digests=tuple(dict.fromkeys(_digests(root, source.path))) if is_lock else (),
            )
        gaps = tuple(_not_here(pipeline, source.path)) if pipeline.is_lock else ()
        return (Reading(format=form, pipeline=pipeline, gaps=gaps),)


def _not_here(pipeline: Pipeline, path: str) -> Iterator[Gap]:
    """What the stages made: it lies with DVC, unless it was checked out, and that shows in the folder."""
    recorded = {target for target, _ in pipeline.digests}
    made = dict.fromkeys(target for stage in pipeline.stages for target in stage.outputs)
    for target in list(made)[: _BOUNDS.max_stages]:
        if target in recorded and not _REMOTE.match(target):
            detail = f"made by a stage; {path} records its digest"
            yield Gap(path=target, reason=GapReason.NOT_HERE, detail=detail)


def _form(path: str) -> str:
    name = path.rpartition("/")[2]
    if path.endswith((".dvc/config", ".dvc/config.local")):
        return "dvc-config"
    if _CATALOGUE.fullmatch(path):
        return "kedro-catalog"
    return {"dvc.yaml": "dvc-yaml", "dvc.lock": "dvc-lock", "MLproject": "mlproject"}.get(name, "")


def _command(node: Node | None) -> str:
    return "\n".join(texts(node))[: _BOUNDS.max_command_chars]


def _stages(root: Mapping, path: str) -> Iterator[Stage]:
    stages = root.find("stages")
    for name, node in children(stages):
        body = node.find("do") or node  # `foreach` and `matrix` keep the stage one level below.
        folder = text(body.find("wdir"))
        yield Stage(
            name=name,
            command=_command(body.find("cmd")),
            line=key_line(stages, name),
            inputs=tuple(_paths(body.find("deps"), path, folder)),
            outputs=tuple(
                path_
                for key in ("outs", "metrics", "plots")
                for path_ in _paths(body.find(key), path, folder)
            ),
        )


def _paths(node: Node | None, path: str, folder: str) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Mapping):  # `path: ...` in a lock, `name: {cache: false}` in a pipeline.
            stated = text(item.find("path")) or next(iter(item.entries), "")
        else:
            stated = text(item)
        yield _place(stated, path, folder)


def _place(stated: str, path: str, folder: str) -> str:
    if _REMOTE.match(stated):
        return cleaned(stated)
    joined = f"{folder}/{stated}" if folder else stated
    return beside(path, joined) or joined


def _digests(root: Mapping, path: str) -> Iterator[tuple[str, str]]:
    for _, stage in children(root.find("stages")):
        for key in ("deps", "outs"):
            listed = stage.find(key)
            for item in listed.items if isinstance(listed, Sequence) else ():
                stated = text(item.find("path"))
                for algorithm in ("md5", "sha256", "etag", "checksum"):
                    digest = text(item.find(algorithm))
                    if stated and digest:
                        yield _place(stated, path, ""), f"{algorithm}:{digest}"


def _remotes(source: Source) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        # Indented options are continuation lines to this parser; DVC writes them indented.
        parser.read_string("\n".join(line.strip() for line in source.lines))
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        raise ParseError("no DVC configuration", path=source.path, line=line) from error
    for section in parser.sections():
        if section.strip("'\" ").startswith("remote") and parser.has_option(section, "url"):
            yield cleaned(parser.get(section, "url") or "")


def _entry_points(root: Mapping) -> Iterator[Stage]:
    points = root.find("entry_points")
    for name, node in children(points):
        yield Stage(name=name, command=_command(node.find("command")), line=key_line(points, name))


def _catalogue(root: Mapping) -> Iterator[str]:
    for _, node in children(root):
        place = node.find("filepath") or node.find("path")
        if isinstance(place, Scalar) and _REMOTE.match(place.text):
            yield cleaned(place.text)


READER: Reader = _Reader()
