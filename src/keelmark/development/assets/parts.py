"""Assets of one reading, kind by kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.facts import FileRole
from keelmark.formats.python.table_models import pinned, provider_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.core.facts import AgentTool, FileFacts, Manifest, Reading


__all__ = ["INSTRUCTIONS", "code_assets", "data_assets", "file_assets", "infrastructure_assets"]

# Providers whose models are fetched and run here, not called over the network.
_HUBS = {
    "huggingface", "keras-hub", "openai-whisper", "sentence-transformers", "spacy", "tfhub", "timm", "torchhub", "ultralytics",
}  # fmt: skip

_MODEL_SETTING = re2.compile(r"(?i)(^|_)(MODEL|LLM|EMBEDDINGS?|DEPLOYMENT)(_(NAME|ID))?$")

Details = tuple[tuple[str, str], ...]

MAX_DEPENDENCIES = 500

# Blocks that set up nothing: inputs, results and settings of the description itself.
_NO_RESOURCE = frozenset(
    {"check", "import", "locals", "moved", "output", "removed", "terraform", "values", "variable"}
)

# Instructions for the coding assistants of the developers: they steer no model of the product.
INSTRUCTIONS = "agent-instructions"


def _asset(  # noqa: PLR0913 - a plain constructor with defaults for the file
    kind: AssetKind,
    file: FileFacts,
    name: str,
    *,
    line: int = 0,
    form: str = "",
    digest: str = "",
    detail: Iterable[tuple[str, str]] = (),
    is_file: bool = False,
) -> Asset:
    own = f"sha256:{file.digest}" if is_file and file.digest else ""
    return Asset(
        kind=kind,
        name=name,
        path=file.path,
        line=line,
        format=form,
        size=file.size if is_file else None,
        digest=digest or own,
        detail=tuple((key, value) for key, value in detail if value),
    )


def _name(file: FileFacts) -> str:
    return file.path.rpartition("/")[2]


def file_assets(file: FileFacts) -> Iterator[Asset]:
    """What the file as a whole is: source, test, environment file, signature."""
    module = next((reading.module for reading in file.readings if reading.module is not None), None)
    if module is not None and file.role is FileRole.TEST:
        yield _asset(AssetKind.TEST, file, _name(file), form=module.language, is_file=True)
    elif module is not None:
        detail: Details = (("lines", str(module.lines)), ("role", file.role.value))
        yield _asset(AssetKind.SOURCE, file, _name(file), form=module.language, detail=detail, is_file=True)
    for reading in file.readings:
        if reading.format in {"env", "dotenv", "env-file"}:
            names = ", ".join(name for name, _, _ in reading.environment)
            yield _asset(
                AssetKind.ENVIRONMENT_FILE,
                file,
                _name(file),
                form="env",
                detail=(("sets", names),),
                is_file=True,
            )
            yield from _named_in_settings(file, reading)
        if reading.format in {"model-signature", "signature"}:
            covers = (("covers", f"{len(reading.digests)} files"),) if reading.digests else ()
            yield _asset(
                AssetKind.SIGNATURE, file, _name(file), form=reading.format, detail=covers, is_file=True
            )


def _named_in_settings(file: FileFacts, reading: Reading) -> Iterator[Asset]:
    """Hosted models that an environment file chooses: `CHAT_MODEL=gpt-4o`."""
    for name, value, line in reading.environment:
        provider = provider_of(value) if _MODEL_SETTING.search(name) else ""
        if provider:
            detail = (("revision", pinned(value) or "floating"), ("named by", name))
            yield _asset(AssetKind.HOSTED_MODEL, file, value, line=line, form=provider, detail=detail)


def code_assets(file: FileFacts, reading: Reading) -> Iterator[Asset]:
    """Prompts, tools, routes, model references, endpoints."""
    module = reading.module
    for prompt in (*reading.prompts, *(module.prompts if module else ())):
        detail: Details = (("role", prompt.role.value), ("filled in", ", ".join(prompt.placeholders)))
        yield _asset(
            AssetKind.PROMPT,
            file,
            prompt.name,
            line=prompt.line,
            form=INSTRUCTIONS if reading.format == INSTRUCTIONS else "",
            digest=f"sha256:{prompt.digest}",
            detail=detail,
        )
    for server in reading.mcp_servers:
        detail = (("transport", server.transport), ("starts", server.command), ("address", server.url))
        yield _asset(AssetKind.MCP_SERVER, file, server.name, line=server.line, detail=detail)
    for endpoint in (*reading.endpoints, *(module.endpoints if module else ())):
        yield _asset(
            AssetKind.ENDPOINT, file, endpoint.url, line=endpoint.line, detail=(("host", endpoint.host),)
        )
    if module is None:
        return
    is_listed = any(tool.framework == "mcp" and not _answers_for_all(tool) for tool in module.tools)
    for tool in module.tools:
        if _answers_for_all(tool) and is_listed:
            continue  # The tools it answers for stand beside it.
        detail = (
            ("parameters", ", ".join(tool.parameters)),
            ("effects", ", ".join(tool.effects)),
            ("answers for", "every tool of the server" if _answers_for_all(tool) else ""),
        )
        yield _asset(
            AssetKind.TOOL,
            file,
            tool.name,
            line=tool.line,
            form=tool.framework,
            digest=f"sha256:{tool.digest}" if tool.digest else "",
            detail=detail,
        )
    for route in module.routes:
        detail = (("methods", ", ".join(route.methods)), ("guards", ", ".join(route.guards) or "none seen"))
        name = route.path or route.handler or route.framework
        yield _asset(AssetKind.ROUTE, file, name, line=route.line, form=route.framework, detail=detail)
    for model in module.models:
        is_hub = model.provider in _HUBS
        kind = AssetKind.HUB_MODEL if is_hub else AssetKind.HOSTED_MODEL
        detail = (("revision", model.revision or "floating"), ("named by", model.loader))
        yield _asset(kind, file, model.name, line=model.line, form=model.provider, detail=detail)


def _answers_for_all(tool: AgentTool) -> bool:
    """Whether it is the one function to which an MCP server hands every call, and no tool of its own."""
    return tool.framework == "mcp" and tool.parameters[:2] == ("name", "arguments")


def data_assets(file: FileFacts, reading: Reading) -> Iterator[Asset]:
    """Datasets, notebooks, pipelines, documents, dependencies."""
    if reading.dataset is not None:
        data = reading.dataset
        personal = ", ".join(f"{entry.kind} ({entry.count})" for entry in data.personal)
        detail: Details = (
            ("rows", "" if data.rows is None else str(data.rows)),
            ("columns", ", ".join(data.columns[:20])),
            ("personal data", personal),
        )
        yield _asset(AssetKind.DATASET, file, _name(file), form=data.format, detail=detail, is_file=True)
    if reading.notebook is not None:
        detail = (("cells", str(reading.notebook.cells)), ("code cells", str(reading.notebook.code_cells)))
        yield _asset(AssetKind.NOTEBOOK, file, _name(file), form="jupyter", detail=detail, is_file=True)
    if reading.pipeline is not None:
        stages = ", ".join(stage.name for stage in reading.pipeline.stages)
        detail = (("stages", stages), ("remotes", ", ".join(reading.pipeline.remotes)))
        yield _asset(AssetKind.PIPELINE, file, _name(file), form=reading.format, detail=detail, is_file=True)
    if reading.document is not None:
        document = reading.document
        detail = (("title", document.title), ("licence", document.licence), ("words", str(document.words)))
        yield _asset(
            AssetKind.DOCUMENT, file, _name(file), form=document.kind.value, detail=detail, is_file=True
        )
    if reading.manifest is not None:
        yield from _dependencies(file, reading.manifest)


def _dependencies(file: FileFacts, manifest: Manifest) -> Iterator[Asset]:
    kind = AssetKind.LOCK if manifest.is_lock else AssetKind.MANIFEST
    detail: Details = (
        ("packages", str(len(manifest.requirements))),
        ("project", manifest.name),
        ("version", manifest.version),
        ("licence", manifest.licence),
        ("runtime", manifest.runtime),
    )
    # What pip adds to a conda environment is a list of its own in the same file.
    is_added = manifest.format == "conda" and manifest.ecosystem == "pypi"
    form = "conda-pip" if is_added else manifest.format
    yield _asset(kind, file, _name(file), form=form, detail=detail, is_file=True)
    if manifest.is_lock:
        return
    for requirement in manifest.requirements[:MAX_DEPENDENCIES]:
        detail = (
            ("asks for", requirement.specifier or requirement.reference or "any version"),
            ("group", requirement.group),
            ("ecosystem", manifest.ecosystem),
        )
        yield _asset(AssetKind.DEPENDENCY, file, requirement.name, line=requirement.line, form=manifest.ecosystem,
                     detail=detail)  # fmt: skip


def infrastructure_assets(file: FileFacts, reading: Reading) -> Iterator[Asset]:
    """Containers, services, workflows, resources."""
    if reading.container is not None:
        bases = ", ".join(
            f"{base.image}:{base.tag}" if base.tag else base.image for base in reading.container.bases
        )
        detail: Details = (("base", bases), ("user", reading.container.user or "root (none set)"))
        yield _asset(
            AssetKind.CONTAINER_FILE, file, _name(file), form="dockerfile", detail=detail, is_file=True
        )
    for service in reading.services:
        built = next((value for key, value in service.settings if key == "build"), "")
        detail = (
            ("image", service.image),
            ("built from", built),
            ("ports", ", ".join(service.ports)),
            ("user", service.run_as_user),
            ("privileged", "yes" if service.is_privileged else ""),
        )
        yield _asset(
            AssetKind.SERVICE, file, service.name, line=service.line, form=service.system, detail=detail
        )
    if reading.workflow is not None:
        flow = reading.workflow
        detail = (("name", flow.name), ("triggers", ", ".join(flow.triggers)))
        yield _asset(AssetKind.WORKFLOW, file, _name(file), form=flow.system, detail=detail, is_file=True)
    for resource in reading.resources:
        if resource.kind in _NO_RESOURCE:
            continue
        yield _asset(AssetKind.INFRASTRUCTURE, file, f"{resource.kind}.{resource.name}", line=resource.line,
                     form=resource.system)  # fmt: skip
