"""A section for a model card: what was assessed, what came of it, and which risks are left, in the words that anybody may read."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from keelmark.report.sanitise import markdown, markdown_code
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.dossier import Dossier

__all__ = ["render"]

_ROWS = 50
_RESULTS = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("waived", "waived"),
    ("unknown", "not known"),
    ("not-applicable", "do not apply"),
)


def render(dossier: Dossier) -> str:
    """The section, from the public facts of a release."""
    return "\n".join(_lines(dossier))


def _lines(dossier: Dossier) -> Iterator[str]:
    facts = dossier.facts
    release, assessed = facts["release/summary"], facts["coverage/assessed"]
    yield "## Security evaluation"
    yield ""
    named = " ".join(filter(None, (release["system"], release["system_version"])))
    yield (
        f"{markdown(named)} was assessed on {release['assessed'][:10]} with Keelmark {markdown(release['keelmark'])}"
        f" against the Guidelines for secure AI system development, and **released**. The release holds until"
        f" {release['expires'][:10]}, unless it is revoked, superseded, or a file changes."
    )
    yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| release | {markdown_code(dossier.release)} |"
    yield f"| digest of the release (SHA-256) | {markdown_code(dossier.release_digest)} |"
    yield f"| looked at | {count(assessed['files'], 'file')}, {count(assessed['rules'], 'rule')} |"
    yield f"| rules | {_results(dossier)} |"
    yield f"| recommendations | {_standings(dossier)} |"
    yield f"| critical system | {_critical(release['critical'])} |"
    yield f"| not looked at | {_gaps(facts['coverage/not-looked-at']['places'])} |"
    yield ""
    yield "### Residual risks"
    yield ""
    yield from _risks(dossier.of("residual-risks"))
    yield ""
    yield "Unknown never counts as passed. This section is evidence for a decision; it certifies nothing. The signed dossier proves it:"
    yield "`keelmark verify FILE.dossier.zip --key PUBLIC-KEY`."


def _results(dossier: Dossier) -> str:
    counted = Counter(fact["result"] for fact in dossier.of("tests").values())
    return ", ".join(f"{counted[key]} {word}" for key, word in _RESULTS if counted[key]) or "none"


def _standings(dossier: Dossier) -> str:
    counted = Counter(fact["status"] for fact in dossier.of("recommendations").values())
    return ", ".join(f"{number} {word}" for word, number in sorted(counted.items())) or "none"


def _critical(value: bool | None) -> str:  # noqa: FBT001 - a fact, not a switch
    return {True: "yes", False: "no", None: "not declared"}[value]


def _gaps(places: Mapping[str, int]) -> str:
    return (
        ", ".join(f"{count(number, 'place')} {markdown(reason)}" for reason, number in places.items())
        or "nothing"
    )


def _risks(risks: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not risks:
        yield "None was found."
        return
    yield "| severity | risk | state | mitigation |"
    yield "| --- | --- | --- | --- |"
    for fact in list(risks.values())[:_ROWS]:
        cells = (fact["severity"], fact["title"], fact["state"], fact["mitigation"])
        yield f"| {' | '.join(markdown(each) for each in cells)} |"
    if len(risks) > _ROWS:
        yield ""
        yield f"{len(risks) - _ROWS} more are in the dossier."
