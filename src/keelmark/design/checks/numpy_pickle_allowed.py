"""NumPy may load a pickle.

## What it finds

`numpy.load(..., allow_pickle=True)`. The default refuses pickles and is not reported; a load that is preceded by a
comparison of digest or signature in the same function is not reported either.

## Why it matters

An array of objects is kept as a pickle, and a pickle runs code when it is loaded.

## How to fix

Save plain arrays and leave `allow_pickle` at its default; keep lists of texts as JSON or Parquet.

```python
# bad
features = np.load("features.npy", allow_pickle=True)

# good
features = np.load("features.npy")
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.design.checks._calls import Judged, answer_calls, fails, is_true, open_question, passes
from keelmark.design.checks._loads import verified_by, what_is_loaded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Call
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project, Seen

CARD = Card(
    id="numpy-pickle-allowed",
    title="NumPy may load a pickle",
    severity=Severity.HIGH,
    recommendations=("SD-3.g", "SD-3.n"),
    tags=("cwe:502", "owasp-llm:LLM03", "atlas:AML.T0011.000", "en-304-223:5.1.2-2"),
    reads_single_files=True,
    references=("NumPy documentation, numpy.load",),
)

_NAMES = ("numpy.load", "numpy.lib.npyio.load", "numpy.lib.format.read_array")


def check(project: Project) -> Iterator[Finding]:
    """Answer for every load of an array."""
    yield from answer_calls(
        CARD, project, project.calls(*_NAMES), lambda seen: _judge(project, seen), what="loads of NumPy files"
    )


def _judge(project: Project, seen: Seen[Call]) -> Judged:
    given = seen.fact.argument("allow_pickle", 2)
    if given is None or (given.is_literal and not given.literal):
        return passes("`numpy.load` refuses pickles")
    if not is_true(given):
        return open_question("`allow_pickle` is decided at run time", fix="Leave `allow_pickle` out.")
    checked = verified_by(seen)
    if checked:
        return passes(f"`numpy.load` follows `{checked}`")
    return fails(
        "`numpy.load` is allowed to load a pickle",
        fix="Save plain arrays and leave `allow_pickle` out.",
        severity=what_is_loaded(project, seen)[1],
    )
