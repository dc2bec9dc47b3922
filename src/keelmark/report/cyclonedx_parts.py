"""The inventory as components and services of CycloneDX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import re2

from keelmark.core.asset import AssetKind
from keelmark.report.sanitise import name, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.asset import Asset

__all__ = ["NAMESPACE", "components", "properties", "services"]

NAMESPACE = "keelmark"
_MODELS = frozenset(
    {AssetKind.MODEL, AssetKind.ADAPTER, AssetKind.ABSENT_MODEL, AssetKind.HUB_MODEL, AssetKind.HOSTED_MODEL}
)
_TYPES = {
    **dict.fromkeys(_MODELS, "machine-learning-model"),
    AssetKind.DATASET: "data",
    AssetKind.ABSENT_DATA: "data",
    AssetKind.PROMPT: "data",
    AssetKind.TOKENIZER: "file",
    AssetKind.NOTEBOOK: "file",
    AssetKind.TOOL: "library",
    AssetKind.DEPENDENCY: "library",
}
_DATA = {AssetKind.DATASET: "dataset", AssetKind.ABSENT_DATA: "dataset", AssetKind.PROMPT: "configuration"}
_SERVICES = frozenset({AssetKind.MCP_SERVER, AssetKind.ENDPOINT, AssetKind.SERVICE, AssetKind.ROUTE})
_PURL_TYPES = {"pypi": "pypi", "npm": "npm", "conda": "conda"}
_SHA256 = re2.compile(r"^sha256:([0-9a-f]{64})$")
_SEPARATORS = re2.compile(r"[-_.]+")
_EXACT = re2.compile(r"^===?\s*([0-9A-Za-z.!+_-]+)$")


def components(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """Models, data, prompts, tools and packages, each once, in the order of the inventory."""
    found: dict[str, dict[str, Any]] = {}
    for asset in assets:
        if asset.kind in _TYPES:
            part = _component(asset)
            found.setdefault(part["bom-ref"], part)
    return list(found.values())


def services(assets: Iterable[Asset]) -> list[dict[str, Any]]:
    """MCP servers, outside endpoints, containers and routes, each once."""
    found: dict[str, dict[str, Any]] = {}
    for asset in assets:
        if asset.kind in _SERVICES:
            part = _service(asset)
            found.setdefault(part["bom-ref"], part)
    return list(found.values())


def properties(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Facts that CycloneDX has no word for."""
    return [
        {"name": f"{NAMESPACE}:{name(key).replace(' ', '-')}", "value": sentence(value)}
        for key, value in pairs
        if value
    ]


def _component(asset: Asset) -> dict[str, Any]:
    part: dict[str, Any] = {"type": _TYPES[asset.kind], "bom-ref": _reference(asset), "name": _name(asset)}
    version = _version(asset)
    if version:
        part["version"] = version
    if asset.kind is AssetKind.DEPENDENCY:
        address = _purl(asset, version)
        if address:
            part["purl"] = address
    digest = _SHA256.match(name(asset.digest))
    if digest:
        part["hashes"] = [{"alg": "SHA-256", "content": digest[1]}]
    if asset.kind in _MODELS:
        part["modelCard"] = {"modelParameters": _parameters(asset)}
    if asset.kind in _DATA:
        part["data"] = [{"type": _DATA[asset.kind], "name": _name(asset)}]
    part["properties"] = properties(_facts(asset))
    return part


def _service(asset: Asset) -> dict[str, Any]:
    part: dict[str, Any] = {"bom-ref": _reference(asset), "name": _name(asset)}
    address = asset.get("address") or (asset.name if asset.kind is AssetKind.ENDPOINT else "")
    if address:
        part["endpoints"] = [_address(address)]
    if asset.kind is AssetKind.ROUTE:
        part["authenticated"] = asset.get("guards") not in {"", "none seen"}
    part["properties"] = properties(_facts(asset))
    return part


def _parameters(asset: Asset) -> dict[str, Any]:
    architecture = asset.get("architecture")
    return {"modelArchitecture": sentence(architecture)} if architecture else {}


def _facts(asset: Asset) -> list[tuple[str, str]]:
    facts = [("kind", str(asset.kind)), ("path", asset.path), ("format", asset.format)]
    if not asset.is_present:
        facts.append(("absent", "yes"))
    if asset.size is not None:
        facts.append(("bytes", str(asset.size)))
    return [*facts, *asset.detail]


def _version(asset: Asset) -> str:
    """The one version that is meant; a range is none."""
    exact = _EXACT.match(name(asset.get("asks for")))
    stated = asset.get("version") or (exact[1] if exact else "")
    if not stated and asset.kind in _MODELS:
        revision = asset.get("revision")
        stated = "" if revision in {"floating", "none"} else revision
    return name(stated)


def _purl(asset: Asset, version: str) -> str:
    """Package URL; pypi names are normalised as its specification asks."""
    kind = _PURL_TYPES.get(asset.get("ecosystem") or asset.format)
    if kind is None:
        return ""
    package = _SEPARATORS.sub("-", name(asset.name)).lower() if kind == "pypi" else asset.name
    text = quote(package.encode("utf-8", "backslashreplace"), safe="/" if kind == "npm" else "")
    address = f"pkg:{kind}/{text}"
    return f"{address}@{quote(version, safe='')}" if version else address


def _name(asset: Asset) -> str:
    return name(asset.name).strip() or "unnamed"


def _address(text: str) -> str:
    return quote(text.encode("utf-8", "backslashreplace"), safe=":/?#[]@!$&'()*+,;=%-._~")[:2_000]


def _reference(asset: Asset) -> str:
    # One package asked for in two files is one component; everything else stands where it stands.
    place = "" if asset.kind is AssetKind.DEPENDENCY else f"@{asset.path}"
    version = _version(asset) if asset.kind is AssetKind.DEPENDENCY else ""
    kind = asset.format if asset.kind is AssetKind.DEPENDENCY else str(asset.kind)
    return name(f"{kind}:{asset.name}{place}{'@' if version else ''}{version}")
