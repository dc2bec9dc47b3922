"""MCP client configuration: which servers an assistant starts or calls, how they are fixed, what they may do unasked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Gap, GapReason, McpServer, Reading
from keelmark.errors import ParseError
from keelmark.formats import json_text
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.dependencies.addresses import cleaned
from keelmark.formats.mcp_launch import is_fixed

if TYPE_CHECKING:
    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one MCP configuration."""

    max_servers: int = 500


_NAMES = frozenset(
    {
        ".mcp.json", "mcp.json", "mcp_config.json", "mcp-config.json", "mcp_settings.json", "cline_mcp_settings.json",
        "claude_desktop_config.json", "mcp_servers.json", "mcp.config.json",
    }
)  # fmt: skip
_KEY = bytes_pattern(rb"\"mcpServers\"\s*:\s*\{|\"mcp\"\s*:\s*\{\s*\"servers\"")
_SECRET_NAME = re2.compile(
    r"(?i)(token|secret|passw|passphrase|api[-_]?key|apikey|private[-_]?key|access[-_]?key|credential|authorization|^auth$|cookie|_key$|-key$|_pat$)"
)
_PLACEHOLDER = re2.compile(
    r"(?i)^(?:\$|\{\{|<|%[A-Z_]+%$|\*+$|\.+$|x{3,}|your|my[-_]|replace|change|insert|enter|add[-_ ]|todo|placeholder|example|dummy|none$|null$|true$|false$|\d{1,5}$|$)|\$\{|<[^>]+>|your[-_ ]|[-_ ]here$|x{6,}|\.\.\.$"
)
_SCHEME = re2.compile(r"(?i)^(bearer|basic|token)\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "mcp-config"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if not source.is_text or source.suffix not in {".json", ".jsonc", ".json5"}:
            return False
        return source.name.lower() in _NAMES or bool(_KEY.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        try:
            root = json_text.load_loose(source)
        except ParseError:
            if source.name.lower() in _NAMES:
                raise
            return ()
        servers = _servers(root)
        if not servers:
            return ()
        gaps: tuple[Gap, ...] = ()
        if len(servers) > self.bounds.max_servers:
            detail = f"{len(servers)} servers; read were {self.bounds.max_servers}"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        content = source.text
        start = max(content.find('"mcpServers"'), content.find('"servers"'), 0)
        found = tuple(
            _server(name, entry, line=json_text.line_of(content, name, start=start))
            for name, entry in list(servers.items())[: self.bounds.max_servers]
        )
        return (Reading(format=self.name, mcp_servers=found, gaps=gaps),)


def _servers(root: Any) -> dict[str, dict[str, Any]]:
    for keys in (("mcpServers",), ("servers",), ("mcp", "servers"), ("mcp", "mcpServers")):
        servers = {
            name: entry
            for name, entry in json_text.mapping(root, *keys).items()
            if isinstance(entry, dict)
            and any(key in entry for key in ("command", "url", "serverUrl", "httpUrl"))
        }
        if servers:
            return servers
    return {}


def _server(name: str, entry: dict[str, Any], *, line: int) -> McpServer:
    url = next((entry[key] for key in ("url", "serverUrl", "httpUrl") if isinstance(entry.get(key), str)), "")
    arguments = [item for item in entry.get("args") or [] if isinstance(item, (str, int, float))]
    words = [json_text.text(entry.get("command")), *(str(item) for item in arguments)]
    environment = json_text.mapping(entry, "env")
    headers = json_text.mapping(entry, "headers")
    shown, flags = _without_secrets(words)
    literals = [key for key, value in {**environment, **headers}.items() if _is_credential(key, value)]
    return McpServer(
        name=name,
        line=line,
        transport=_transport(entry, url),
        command=" ".join(word for word in shown if word) if words[0] else "",
        url=cleaned(url),
        # A remote server starts nothing here, so there is nothing to fix.
        is_pinned=is_fixed(words) if words[0] else True,
        environment=tuple(environment),
        literals=(*literals, *flags),
        auto_approved=_approved(entry),
    )


def _transport(entry: dict[str, Any], url: str) -> str:
    stated = json_text.text(entry.get("type") or entry.get("transport")).lower()
    if stated == "sse":
        return "sse"
    if stated.replace("-", "").replace("_", "") in {"http", "streamablehttp"}:
        return "http"
    if entry.get("command") or not url:
        return "stdio"
    return "sse" if url.rstrip("/").endswith("/sse") else "http"


def _is_credential(name: str, value: Any) -> bool:
    if not isinstance(value, str) or not _SECRET_NAME.search(name):
        return False
    bare = _SCHEME.sub("", value.strip())
    return len(bare) >= 8 and not _PLACEHOLDER.search(bare) and "/" not in bare[:2]


def _without_secrets(words: list[str]) -> tuple[list[str], list[str]]:
    """The command with literal credentials replaced, and the names of the options that carry them."""
    shown: list[str] = []
    flags: list[str] = []
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        previous = words[number - 1] if number else ""
        if word.startswith("-") and equals and _is_credential(option, value):
            flags.append(option)
            shown.append(f"{option}=***")
        elif previous.startswith("-") and not word.startswith("-") and _is_credential(previous, word):
            flags.append(previous)
            shown.append("***")
        elif previous in {"-e", "--env"} and equals and _is_credential(option, value):
            flags.append(option)
            shown.append(f"{option}=***")
        else:
            shown.append(cleaned(word) if "://" in word else word)
    return shown, flags


def _approved(entry: dict[str, Any]) -> tuple[str, ...]:
    found: list[str] = []
    for key in ("autoApprove", "alwaysAllow", "autoApproved", "trust"):
        value = entry.get(key)
        if isinstance(value, list):
            found.extend(item for item in value if isinstance(item, str))
        elif value is True:
            found.append("*")
    return tuple(dict.fromkeys(found))


READER: Reader = _Reader()
