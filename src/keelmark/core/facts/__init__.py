"""Facts: what was seen in the folder, frozen and free of judgement.

Each kind is imported when it is asked for: who scans model files has no use for the facts of web servers, and making so
many types takes longer than looking at hundreds of files.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keelmark.core.facts.code import (
        AgentTool,
        Argument,
        Call,
        Endpoint,
        Flow,
        Import,
        ModelReference,
        Module,
        Prompt,
        PromptRole,
        Route,
        Sink,
        Trust,
    )
    from keelmark.core.facts.content import (
        Dataset,
        Document,
        DocumentKind,
        McpServer,
        Notebook,
        PersonalData,
        Pipeline,
        Secret,
        Section,
        Stage,
    )
    from keelmark.core.facts.dependency import Manifest, Requirement, RequirementSource
    from keelmark.core.facts.file import FileFacts, FileRole, Gap, GapReason, Reading
    from keelmark.core.facts.hazard import Hazard, Technique
    from keelmark.core.facts.infrastructure import (
        Action,
        BaseImage,
        ContainerFile,
        Instruction,
        Resource,
        Script,
        Service,
        Workflow,
    )
    from keelmark.core.facts.model import ModelFile, ModelRole, Pointer, PointerKind

__all__ = [
    "Action",
    "AgentTool",
    "Argument",
    "BaseImage",
    "Call",
    "ContainerFile",
    "Dataset",
    "Document",
    "DocumentKind",
    "Endpoint",
    "FileFacts",
    "FileRole",
    "Flow",
    "Gap",
    "GapReason",
    "Hazard",
    "Import",
    "Instruction",
    "Manifest",
    "McpServer",
    "ModelFile",
    "ModelReference",
    "ModelRole",
    "Module",
    "Notebook",
    "PersonalData",
    "Pipeline",
    "Pointer",
    "PointerKind",
    "Prompt",
    "PromptRole",
    "Reading",
    "Requirement",
    "RequirementSource",
    "Resource",
    "Route",
    "Script",
    "Secret",
    "Section",
    "Service",
    "Sink",
    "Stage",
    "Technique",
    "Trust",
    "Workflow",
]

_HOMES = {
    name: home
    for home, names in {
        "code": "AgentTool Argument Call Endpoint Flow Import ModelReference Module Prompt PromptRole Route Sink Trust",
        "content": "Dataset Document DocumentKind McpServer Notebook PersonalData Pipeline Secret Section Stage",
        "dependency": "Manifest Requirement RequirementSource",
        "file": "FileFacts FileRole Gap GapReason Reading",
        "hazard": "Hazard Technique",
        "infrastructure": "Action BaseImage ContainerFile Instruction Resource Script Service Workflow",
        "model": "ModelFile ModelRole Pointer PointerKind",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    """One of the types above, imported from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
