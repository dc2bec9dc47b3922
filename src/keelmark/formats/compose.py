"""Compose files: services as Docker Compose or Podman would run them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading, Service
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import children, is_true, key_line, pairs, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one compose file."""

    max_services: int = 500


_NAME = re2.compile(r"(?i)(docker-|podman-)?compose([._-].*)?\.ya?ml")
_SERVICES = bytes_pattern(rb"(?m)^['\"]?services['\"]?[ \t]*:")
_SCALARS = (
    "network_mode", "pid", "ipc", "uts", "userns_mode", "cgroup", "read_only", "runtime", "restart", "pull_policy",
    "platform", "hostname", "init", "gpus",
)  # fmt: skip
_LISTS = (
    "cap_add", "cap_drop", "security_opt", "devices", "device_cgroup_rules", "group_add", "networks", "env_file",
    "extra_hosts", "expose", "secrets", "configs", "sysctls", "profiles", "volumes_from",
)  # fmt: skip
_LIMITS = ("mem_limit", "memswap_limit", "cpus", "cpu_quota", "pids_limit", "ulimits", "shm_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "compose"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if source.suffix not in {".yaml", ".yml"} or not source.is_text:
            return False
        return bool(_NAME.fullmatch(source.name)) or bool(_SERVICES.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        is_named = bool(_NAME.fullmatch(source.name))
        try:
            root = yaml_tree.parse(source.text, path=source.path)
        except ParseError:
            if is_named:
                raise
            return ()  # Some other file that merely has a line `services:`; its own reader names the fault.
        if not is_named and not _is_compose(root):
            return ()
        entries = children(root.find("services") if root else None)
        gaps: tuple[Gap, ...] = ()
        if len(entries) > self.bounds.max_services:
            detail = f"{len(entries)} services; read were {self.bounds.max_services}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        services = tuple(
            _service(name, node, line=key_line(root.find("services") if root else None, name))
            for name, node in entries[: self.bounds.max_services]
            if isinstance(node, Mapping)
        )
        return (Reading(format=self.name, services=services, gaps=gaps),)


def _is_compose(root: Node | None) -> bool:
    services = [node for _, node in children(root.find("services") if root else None)]
    return any(
        isinstance(node, Mapping) and ("image" in node.entries or "build" in node.entries)
        for node in services
    )


def _service(name: str, node: Mapping, *, line: int) -> Service:
    return Service(
        system="compose",
        name=name,
        line=line,
        image=text(node.find("image")),
        ports=tuple(_ports(node.find("ports"))),
        is_privileged=is_true(node.find("privileged")),
        run_as_user=text(node.find("user")),
        settings=tuple(_settings(node)),
        environment=pairs(node.find("environment")),
        volumes=tuple(_volumes(node.find("volumes"))),
        limits=tuple(_limits(node)),
        command=_command(node),
    )


def _ports(node: Node | None) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar):
            yield item.text
        elif isinstance(item, Mapping):
            parts = [text(item.find(key)) for key in ("host_ip", "published", "target")]
            protocol = text(item.find("protocol"))
            yield ":".join(part for part in parts if part) + (f"/{protocol}" if protocol == "udp" else "")


def _volumes(node: Node | None) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else ():
        if isinstance(item, Scalar):
            yield item.text
        elif isinstance(item, Mapping):
            ends = [text(item.find("source")), text(item.find("target"))]
            mode = ["ro"] if is_true(item.find("read_only")) else []
            yield ":".join(part for part in (*ends, *mode) if part)


def _settings(node: Mapping) -> Iterator[tuple[str, str]]:
    for key in _SCALARS:
        value = node.find(key)
        if isinstance(value, Scalar):
            yield key, value.text
    for key in _LISTS:
        yield from ((key, entry) for entry in _entries(node.find(key)))
    build = node.find("build")
    if build is not None:
        yield "build", text(build) or text(build.find("context")) or "."
    extends = node.find("extends")
    if extends is not None:
        yield "extends", text(extends) or f"{text(extends.find('file'))}#{text(extends.find('service'))}"
    health = node.find("healthcheck")
    if health is not None and not is_true(health.find("disable")):
        yield "healthcheck", " ".join(texts(health.find("test")))


def _entries(node: Node | None) -> Iterator[str]:
    """Entries of a list in short or long form, or of a mapping as `name=value`."""
    for name, item in children(node):
        yield f"{name}={text(item)}" if text(item) else name
    yield from texts(node)
    for item in node.items if isinstance(node, Sequence) else ():
        source = item.find("source") or item.find("path")
        if isinstance(source, Scalar):
            yield source.text


def _limits(node: Mapping) -> Iterator[str]:
    for key in _LIMITS:
        value = node.find(key)
        if isinstance(value, Scalar):
            yield f"{key}={value.text}"
        yield from (f"{key}.{name}={text(item)}" for name, item in children(value))
    for key, value in children(node.find("deploy", "resources", "limits")):
        yield f"{key}={text(value)}"


def _command(node: Mapping) -> str:
    return " ".join((*texts(node.find("entrypoint")), *texts(node.find("command"))))


READER: Reader = _Reader()
