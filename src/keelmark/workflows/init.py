"""Writes `keelmark.yaml` from what was found in the folder. Never overwrites."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from keelmark.config import declaration as declaration_file
from keelmark.core.asset import Asset, AssetKind, Inventory
from keelmark.core.clock import SystemClock
from keelmark.core.facts import FileRole
from keelmark.core.project import Project
from keelmark.design.threats.observe import observe
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine.collect import collect
from keelmark.engine.readers import all_readers
from keelmark.engine.roles import role_of
from keelmark.engine.walk import walk
from keelmark.errors import UsageError
from keelmark.guidelines import load as load_catalogue
from keelmark.workflows.init_system import draft_components, draft_flows
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from keelmark.core.system_model import SystemModel
    from keelmark.workflows.assess import Progress

__all__ = ["draft", "write_declaration"]

SCHEMA_FILE = ".keelmark/declaration.schema.json"
MAX_ENTRIES = 60
MAX_FLOWS = 120


def draft(root: Path, *, progress: Progress | None = None) -> str:
    """The text of a declaration for a folder; valid as it stands.

    Raises:
        UsageError: The folder cannot be listed.
    """
    try:
        met = walk(root)
    except OSError as error:
        raise UsageError(f"`{root.name}` cannot be listed: {error.strerror}") from error
    if progress is not None:
        progress.start(len(met.entries))
    files = []
    for collected in collect(met.entries, all_readers()):
        files.append(collected.facts)
        if progress is not None:
            progress.advance(collected.facts.path)
    name = root.resolve().name
    project = Project(
        name=name, today=SystemClock().now().date(), files=tuple(files), inventory=take_inventory(files)
    )
    text = "".join(f"{line}\n" for line in _lines(name, project.inventory, observe(project)))
    declaration_file.parse(text, catalogue=load_catalogue())  # What is written must be readable.
    return text


def write_declaration(root: Path, *, progress: Progress | None = None) -> Path:
    """Write the declaration and, beside the evidence, its JSON Schema for editors; the file written.

    Raises:
        UsageError: There is one already, or the folder cannot be written.
    """
    present = declaration_file.find(root)
    if present is not None:
        raise UsageError(
            f"`{present.name}` is there already; init never overwrites",
            hint="keelmark init --print shows what it would write",
        )
    text = draft(root, progress=progress)
    target = root / declaration_file.FILE_NAMES[0]
    schema = root / SCHEMA_FILE
    try:
        if schema.parent.is_symlink():
            raise UsageError(
                f"`{schema.parent.name}` is a link", hint="remove it; Keelmark keeps its own records there"
            )
        schema.parent.mkdir(exist_ok=True)
        write_whole(schema, f"{json.dumps(declaration_file.json_schema(), indent=2)}\n".encode())
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError(f"`{target.name}` cannot be written: {error.strerror}") from error
    return target


def _lines(name: str, inventory: Inventory, system: SystemModel) -> Iterator[str]:
    yield f"# yaml-language-server: $schema={SCHEMA_FILE}"
    yield "# What only people can say about this system. Every key is explained; keelmark explain ID says more."
    yield "# An unknown key is an error. What is left empty stays unknown and never counts as a pass."
    yield "version: 1"
    yield ""
    yield "# What it is, and who is accountable for its security (P-1)."
    yield "system:"
    yield f"  name: {_text(name)}"
    yield '  purpose: ""    # what it does and for whom, in a sentence or two'
    yield '  owner: ""      # the role or person accountable for its security'
    yield '  contact: ""    # where security reports go'
    yield ""
    yield from _criticality()
    yield from _components(inventory, system)
    yield from _suppliers(inventory)
    yield from _models(inventory)
    yield from _datasets(inventory)
    yield from _prompts(inventory)
    yield from _tools(inventory)
    yield from _rest(inventory)


def _criticality() -> Iterator[str]:
    yield "# Could a compromise cause severe harm of this kind (P-8)? One yes makes the system critical: every warning"
    yield "# then blocks. Answer all five and remove the comment signs."
    yield "# criticality:"
    for key, words in (
        ("physical", "injury or damage to property"),
        ("reputational", "lasting loss of trust"),
        ("business", "loss that threatens operations"),
        ("confidentiality", "disclosure of personal or secret information"),
        ("legal", "breach of law or contract"),
    ):
        yield f"#   {key}: false    # {words}"
    yield ""


def _components(inventory: Inventory, system: SystemModel) -> Iterator[str]:
    yield "# The elements of the system (SD-2.a). What the code shows and this list lacks is a finding, and so is the reverse."
    entries = draft_components(inventory, system)
    yield "components:" if entries else "components: []"
    for entry in entries[:MAX_ENTRIES]:
        place = f", path: {_text(entry.path)}" if entry.path else ""
        yield f"  - {{ id: {_text(entry.id)}, kind: {entry.kind}{place} }}"
    yield from _more(entries)
    yield ""
    yield "# What flows between them, and how far it can be trusted: trusted, user, third-party, model-output. As found:"
    yield "# correct what is wrong, add what no code shows; keelmark threats follows them."
    flows = draft_flows(entries[:MAX_ENTRIES], system)
    yield "flows:" if flows else "flows: []"
    for flow in flows[:MAX_FLOWS]:
        ends = f"from: {_text(flow.source)}, to: {_text(flow.target)}"
        yield f"  - {{ {ends}, carries: {_text(flow.carries)}, trust: {flow.trust} }}"
    if len(flows) > MAX_FLOWS:
        yield f"# {len(flows) - MAX_FLOWS} more were found; keelmark threats names them"
    yield ""
    yield "# Classes of data it handles (SD-2.e): name, where, why it may be processed, how long it is kept."
    yield "# data_classes:"
    yield "#   - { name: personal, where: [tickets], basis: contract, retention_days: 90 }"
    yield ""


def _suppliers(inventory: Inventory) -> Iterator[str]:
    yield "# Who provides components from outside, and when their security was last looked at (SD-3.f)."
    providers: dict[str, list[str]] = {}
    for asset in _product(inventory.of(AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL)):
        providers.setdefault(asset.format or "unknown", []).append(asset.name)
    yield "suppliers:" if providers else "suppliers: []"
    for provider, models in sorted(providers.items()):
        provides = ", ".join(_text(model) for model in dict.fromkeys(models))
        yield f"  - id: {_text(provider)}"
        yield f"    provides: [{provides}]"
        yield "    # assessed_on: 2026-01-31"
        yield '    assessment: ""    # where that assessment lies'
    yield ""


def _models(inventory: Inventory) -> Iterator[str]:
    yield "# Each model: origin, revision, licence, digest, card (SD-4, DEV-3.a)."
    assets = [
        asset
        for asset in _product(
            inventory.of(AssetKind.MODEL, AssetKind.ADAPTER, AssetKind.HOSTED_MODEL, AssetKind.HUB_MODEL)
        )
        if asset.get("role") in {"", "weights", "adapter"}
    ]
    yield "models:" if assets else "models: []"
    seen: set[tuple[str, str]] = set()
    for asset in assets[:MAX_ENTRIES]:
        is_file = asset.kind in {AssetKind.MODEL, AssetKind.ADAPTER}
        key = ("path", asset.path) if is_file else ("id", asset.name)
        if key in seen:
            continue
        seen.add(key)
        yield f"  - {key[0]}: {_text(key[1])}"
        yield '    origin: ""        # URL, hub id, or the pipeline that trained it'
        if not is_file:
            revision = asset.get("revision")
            yield f"    revision: {_text('' if revision == 'floating' else revision)}"
        yield '    licence: ""       # SPDX expression'
        if is_file and asset.digest:
            yield f"    sha256: {asset.digest.removeprefix('sha256:')}"
        if is_file and asset.get("parameters"):
            yield f"    parameters: {asset.get('parameters')}"
        yield '    card: ""'
    yield from _more(assets)
    yield ""


def _datasets(inventory: Inventory) -> Iterator[str]:
    yield "# Each dataset: origin, licence, use, consent, retention, basis for personal data (DEV-3.b, DEV-3.d, G2)."
    assets = _product(inventory.of(AssetKind.DATASET, AssetKind.ABSENT_DATA))
    yield "datasets:" if assets else "datasets: []"
    for asset in assets[:MAX_ENTRIES]:
        yield f"  - path: {_text(asset.path)}"
        yield '    origin: ""'
        yield '    licence: ""'
        yield "    use: []           # train, tune, evaluate, retrieve"
        yield '    consent: ""       # how consent or reservation signals were honoured, or why none are needed'
        if asset.digest.startswith("sha256:"):
            yield f"    sha256: {asset.digest.removeprefix('sha256:')}"
        yield '    personal_data_basis: ""'
    yield from _more(assets)
    yield ""


def _prompts(inventory: Inventory) -> Iterator[str]:
    yield "# The prompt register (DEV-3.c)."
    assets = [asset for asset in _product(inventory.of(AssetKind.PROMPT)) if asset.get("role") != "user"]
    yield "prompts:" if assets else "prompts: []"
    for asset in assets[:MAX_ENTRIES]:
        yield f"  - id: {_text(asset.name)}"
        yield f"    path: {_text(asset.path)}"
        yield '    version: ""'
        yield '    owner: ""'
        yield '    purpose: ""'
        yield f"    sha256: {asset.digest.removeprefix('sha256:')}"
    yield from _more(assets)
    yield ""


def _tools(inventory: Inventory) -> Iterator[str]:
    yield "# What each tool may do (SD-3.o): scope in words; effect none, read, write or external; when a person approves."
    assets = _product(inventory.of(AssetKind.TOOL))
    yield "tools:" if assets else "tools: []"
    for asset in assets[:MAX_ENTRIES]:
        yield f"  - name: {_text(asset.name)}"
        yield '    scope: ""'
        yield '    effect: ""'
        yield '    approval: ""'
    yield from _more(assets)
    yield ""


def _rest(inventory: Inventory) -> Iterator[str]:
    tools = len({asset.name for asset in _product(inventory.of(AssetKind.TOOL))})
    yield "# How far it may grow before its release no longer holds (SD-2.f), and what becomes possible beyond each limit."
    yield "# growth_envelope:"
    yield '#   users: { limit: 500, now: 120, beyond: "worth a targeted campaign" }'
    yield "#   requests_per_day: { limit: 20000 }"
    yield f"#   tools: {{ limit: {max(tools, 1)}, now: {tools} }}"
    yield "#   autonomy: { limit: 5, unit: steps without a person }"
    yield "#   exposure: internal    # internal, partners, public"
    yield ""
    notice = next((a for a in inventory.of(AssetKind.DOCUMENT) if a.format == "user-notice"), None)
    yield "# What users are told: limitations, accepted risks, forbidden uses, use of their data (DEP-4.e, DEP-5)."
    yield "user_notice:"
    yield f"  path: {_text(notice.path if notice else '')}"
    yield "  limitations: []"
    yield "  prohibited_uses: []"
    yield '  data_use: ""'
    yield ""
    yield from _stated()


def _stated() -> Iterator[str]:
    yield "# Statements of what software cannot see. Dated; each holds for at most 366 days."
    yield "attestations: []"
    yield "#   - recommendation: OM-2.a"
    yield "#     statement: Every request is recorded by the gateway."
    yield "#     by: Head of Platform"
    yield "#     on: 2026-01-31"
    yield "#     expires: 2026-07-31"
    yield "#     evidence: docs/logging.md"
    yield ""
    yield "# Failures accepted for a time, each with reason, owner and expiry (at most 366 days ahead)."
    yield "waivers: []"
    yield "#   - rule: container-base-by-tag"
    yield "#     reason: The base image is rebuilt and scanned nightly."
    yield "#     owner: Head of Platform"
    yield "#     expires: 2026-06-30"
    yield ""
    yield "# Recommendations that do not apply, with reason, owner and day of review (P-11)."
    yield "not_applicable: []"
    yield ""
    yield "# Files left out of the assessment, each with reason, owner and expiry (at most 366 days ahead); each shows in"
    yield "# every report. Without an expiry, what the files could hold is never called absent."
    yield "exclude: []"
    yield "#   - path: reports/archive"
    yield "#     reason: Reports of former years; nothing runs from there."
    yield "#     owner: Head of Platform"
    yield "#     expires: 2026-12-31"


def _more(found: Sequence[object]) -> Iterator[str]:
    if len(found) > MAX_ENTRIES:
        yield f"# {len(found) - MAX_ENTRIES} more were found; keelmark assess --verbose names them"


def _product(assets: Iterable[Asset]) -> Sequence[Asset]:
    return [asset for asset in assets if role_of(asset.path) is FileRole.PRODUCT]


def _text(value: str) -> str:
    # Whatever a file is called, it stays one harmless scalar. Unlike JSON, YAML knows no pairs of surrogates.
    shown = value.encode("utf-8", "backslashreplace").decode("utf-8")
    return '"' + "".join(map(_escaped, shown)) + '"'


def _escaped(char: str) -> str:
    if char in {'"', "\\"}:
        return f"\\{char}"
    if " " <= char <= "~":
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
