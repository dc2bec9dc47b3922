"""YAML is read in a way that can build any object.

## What it finds

`yaml.load` with `Loader`, `UnsafeLoader` or no loader, `yaml.unsafe_load`, and ruamel's `YAML(typ="unsafe")`. The loaders
that build plain data only (`SafeLoader`, `CSafeLoader`, `BaseLoader`, and `FullLoader` of PyYAML 5.4 and later, which
calls nothing) are not reported.

## Why it matters

A tag such as `!!python/object/apply` calls any function when the file is read. Configuration of models and pipelines
travels as YAML, often from elsewhere.

## How to fix

Read with `yaml.safe_load`.

```python
# bad
config = yaml.load(text, Loader=yaml.Loader)

# good
config = yaml.safe_load(text)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, answer_calls, fails, open_question, passes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="yaml-unsafe-load",
    title="YAML is read in a way that can build any object",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.n"),
    tags=("cwe:502", "cwe:20", "atlas:AML.T0011.000", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("PyYAML documentation, Loading YAML", "CWE-502: Deserialization of Untrusted Data"),
)

_PLAIN = {"yaml.safe_load", "yaml.safe_load_all", "yaml.full_load", "yaml.full_load_all"}
_UNSAFE = {"yaml.unsafe_load", "yaml.unsafe_load_all"}
_CHOOSING = {"yaml.load", "yaml.load_all"}
_SAFE_LOADERS = {"SafeLoader", "CSafeLoader", "BaseLoader", "CBaseLoader", "FullLoader", "CFullLoader"}
_UNSAFE_LOADERS = {"Loader", "CLoader", "UnsafeLoader", "CUnsafeLoader"}
FIX = "Read with `yaml.safe_load`."


def check(project: Project) -> Iterator[Finding]:
    """Answer for every call that reads YAML."""
    names = (*_PLAIN, *_UNSAFE, *_CHOOSING, "ruamel.yaml.YAML")
    yield from answer_calls(CARD, project, project.calls(*names), _judge, what="calls that read YAML")


def _judge(seen: Seen[Call]) -> Judged | None:
    call = seen.fact
    if call.name in _PLAIN:
        return passes(f"`{call.name}` builds plain data")
    if call.name in _UNSAFE:
        return fails(f"`{call.name}` builds any object that the text names", fix=FIX)
    if call.name == "ruamel.yaml.YAML":
        kind = call.argument("typ", 0)
        if kind is not None and kind.is_literal and kind.literal == "unsafe":
            return fails(
                "`ruamel.yaml.YAML(typ='unsafe')` builds any object that the text names",
                fix="Use `typ='safe'`.",
            )
        return passes("`ruamel.yaml.YAML` builds plain data")
    return _chosen(call)


def _chosen(call: Call) -> Judged:
    loader = call.argument("Loader", 1)
    if loader is None:
        if call.has_unpacked:
            return open_question(f"the loader of `{call.name}` is not stated", fix=FIX)
        return fails(f"`{call.name}` is called without a loader", fix=FIX, severity=Severity.MEDIUM)
    name = (loader.reference or loader.text).rpartition(".")[2]
    if name in _SAFE_LOADERS:
        return passes(f"`{call.name}` uses `{name}`, which builds plain data")
    if name in _UNSAFE_LOADERS:
        return fails(f"`{call.name}` uses `{name}`, which builds any object that the text names", fix=FIX)
    return open_question(
        f"`{call.name}` uses the loader `{name}` of this project",
        fix="Derive the loader from `yaml.SafeLoader`, or read with `yaml.safe_load`.",
    )
