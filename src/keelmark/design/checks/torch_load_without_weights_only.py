"""`torch.load` may run code.

## What it finds

Calls of `torch.load` that load a full pickle: `weights_only=False`, a `pickle_module`, or no word about it while nothing
proves a version of torch (2.6 or later) that refuses code by default. A lock or a lowest version in the manifest is the
proof. `weights_only=True` is no protection before torch 2.6 (CVE-2025-32434), so it is reported when an older version is
locked.

## Why it matters

A checkpoint is a pickle. Without `weights_only` it runs whatever its maker put inside.

## How to fix

Require torch 2.6 or later and say `weights_only=True`; better, keep weights as safetensors.

```python
# bad
state = torch.load(path, weights_only=False)

# good
state = torch.load(path, map_location="cpu", weights_only=True)

# better
state = safetensors.torch.load_file(path)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import (
    Judged,
    answer_calls,
    fails,
    is_false,
    is_none,
    is_true,
    open_question,
    passes,
)
from keelmark.design.checks._loads import verified_by, what_is_loaded
from keelmark.design.checks._versions import Proof, is_at_least

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="torch-load-without-weights-only",
    title="`torch.load` may run code",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.i", "SD-3.n"),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0011.000", "atlas:AML.T0010.003", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("PyTorch documentation, torch.load", "CVE-2025-32434"),
)

SAFE_VERSION = "2.6"
FIX = "Say `weights_only=True` and require torch>=2.6, or keep the weights as safetensors."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every call."""
    proof = is_at_least(project, "torch", SAFE_VERSION)
    yield from answer_calls(
        CARD,
        project,
        project.calls("torch.load"),
        lambda seen: _judge(project, seen, proof),
        what="calls of `torch.load`",
    )


def _judge(project: Project, seen: Seen[Call], proof: Proof | None) -> Judged:
    call = seen.fact
    checked = verified_by(seen)
    if checked:
        return passes(f"`torch.load` follows `{checked}`")
    if call.argument("pickle_module") is not None:
        return fails("`torch.load` is given a pickle module of its own", fix=FIX)
    given = call.argument("weights_only")
    if is_false(given):
        severity = what_is_loaded(project, seen)[1]
        return fails("`torch.load` runs code: `weights_only=False`", fix=FIX, severity=severity)
    if given is not None and not (is_true(given) or is_none(given)):
        return open_question(
            "`weights_only` is decided at run time", fix="State `weights_only=True` in the call."
        )
    if proof is not None and not proof.holds:
        return fails(
            f"{proof.words}, and `torch.load` runs code before 2.6 even with `weights_only=True`"
            if is_true(given)
            else f"{proof.words}, where `torch.load` runs code by default",
            fix="Raise torch to 2.6 or later and say `weights_only=True`.",
        )
    if is_true(given):
        return passes("`weights_only=True`")
    if call.has_unpacked:
        return open_question(
            "arguments of `torch.load` are unpacked", fix="State `weights_only=True` in the call."
        )
    if proof is not None:
        return passes(f"{proof.words} ({proof.at}), where `weights_only` is the default")
    return fails(
        "`torch.load` says nothing of `weights_only`, and nothing fixes torch to 2.6 or later",
        fix=FIX,
        severity=Severity.MEDIUM,
    )
