"""Asks pytm for the threats of the same system: what it finds at each element, beside the paths of Keelmark.

    keelmark threats PROJECT --no-write -f json=threats.json
    pip install pytm==1.4.0        # in an environment of its own
    python tools/compare_threats.py threats.json

The graph is that of Keelmark, with each kind of element as the class of pytm that is nearest; pytm gets no controls, so that it finds as
much as it can. Printed is a table in Markdown: element, findings of pytm, and the threats of Keelmark whose paths go through it.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

_CLASSES = {
    "person": "Actor", "user-interface": "Server", "api": "Server", "gateway": "Server", "agent": "Agent", "model": "LLM", "adapter": "LLM",
    "evaluator": "Process", "pipeline": "Process", "tool": "Process", "service": "ExternalEntity", "mcp-server": "ExternalEntity",
    "registry": "ExternalEntity", "dataset": "Datastore", "retrieval-store": "Datastore", "memory": "Datastore", "database": "Datastore",
    "prompt": "Datastore",
}  # fmt: skip
_SHOWN = 4


def main(file: Path) -> None:
    """Print the table."""
    document = json.loads(file.read_text("utf-8"))
    elements = document["system"]["elements"]
    found = _findings(elements, document["system"]["flows"])
    ours: dict[str, list[str]] = defaultdict(list)
    for threat in document["threats"]:
        for element in dict.fromkeys(each for path in threat["paths"] for each in path["elements"]):
            ours[element].append(threat["id"])
    print("| element | kind | findings of pytm | threats of Keelmark through it |")
    print("| --- | --- | --- | --- |")
    for element in elements:
        names = ours[element["id"]]
        shown = ", ".join(f"`{name}`" for name in names[:_SHOWN]) + (
            f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        )
        print(f"| {element['name']} | {element['kind']} | {found[element['id']]} | {shown or 'none'} |")
    print(f"\npytm: {sum(found.values())} findings. Keelmark: {len(document['threats'])} threats.")


def _findings(elements: list[dict[str, str]], flows: list[dict[str, str]]) -> Counter[str]:
    """How much pytm finds at each element; findings at flows are counted where they end."""
    import pytm  # noqa: PLC0415 - a peer in an environment of its own

    model = pytm.TM("system")
    made = {each["id"]: getattr(pytm, _CLASSES[each["kind"]])(each["id"]) for each in elements}
    for index, flow in enumerate(flows):
        pytm.Dataflow(made[flow["from"]], made[flow["to"]], f"{flow['carries'][:60]} #{index}")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model.resolve()
    counts: Counter[str] = Counter()
    ends = {f"{flow['carries'][:60]} #{index}": flow["to"] for index, flow in enumerate(flows)}
    for finding in model.findings:
        name = finding.element.name if hasattr(finding.element, "name") else str(finding.target)
        counts[ends.get(name, name)] += 1
    return counts


if __name__ == "__main__":
    main(Path(sys.argv[1]))
