"""A credential stands in the files of the project.

## What it finds

Keys, tokens and passwords in code, configuration, notebooks, prompts and documents. Private keys and cloud keys that
were recognised with certainty are critical. Placeholders, references to a vault, public identifiers and values that
fail the checksum of their kind are no secrets and are not reported. In tests, examples and documentation a credential
is reported as low.

Only first characters and the length are shown.

## Why it matters

Whoever can read the folder, a copy of it, or its history has the access that the credential gives. Model services bill
by use; a stolen key is sold within hours.

## How to fix

Revoke it first, then remove it and read it from the environment or a vault. Removing alone does not help: the history
keeps it.

```python
# bad
client = OpenAI(api_key="sk-proj-...")

# good
client = OpenAI(api_key=os.environ["OPENAI_API_KEY"])
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import GapReason
from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Confidence, Severity
from keelmark.core.project import Seen
from keelmark.development.checks._answers import Defect, fail_each, listed, plural
from keelmark.development.checks._files import is_model_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Gap, Secret
    from keelmark.core.finding import Finding
    from keelmark.core.project import Project

CARD = Card(
    id="committed-secret",
    title="A credential stands in the files of the project",
    severity=Severity.HIGH,
    recommendations=("DEV-2.i", "DEP-2.g"),
    tags=("cwe:798", "cwe:312", "owasp-llm:LLM02", "atlas:AML.T0055", "en-304-223:5.2.1-4"),
    audience=Audience.SECURITY_ENGINEER,
    reads_single_files=True,
)

_GRAVE = (
    "alibaba-access-key",
    "aws-",
    "azure-",
    "digitalocean-",
    "gcp-",
    "google-service-account",
    "private-key",
)
_UNREAD = frozenset(
    {GapReason.TOO_LARGE, GapReason.OUT_OF_TIME, GapReason.TOO_MANY, GapReason.UNREADABLE, GapReason.CRASHED}
)

_WORDS = {
    "generic-assignment": "literal credential",
    "database-url": "address of a database with its password",
}


def check(project: Project) -> Iterator[Finding]:
    """Answer for each credential."""
    secrets = [
        Seen(file, reading, secret) for file, reading in project.readings for secret in reading.secrets
    ]
    real = _once(seen for seen in secrets if not seen.fact.dismissed)
    yield from fail_each(CARD, (_defect(seen) for seen in real))
    if real:
        return
    read = sum(any(reading.format == "text" for reading in file.readings) for file in project.files)
    hidden = sorted({gap.path for gap in project.gaps if _hides(project, gap)})
    if hidden:
        yield CARD.unknown(
            f"no credential in what was read, but {plural(len(hidden), 'file')} could not be read: {listed(hidden)}",
            fix="Mend the files so that they can be read, or exclude them with a reason.",
        )
    elif read:
        told = f"; {plural(len(secrets), 'value')} that could be one were held to be none" if secrets else ""
        yield CARD.passed(f"no credential in {plural(read, 'text file')}{told}")
    else:
        yield CARD.not_applicable("no text file was found")


def _hides(project: Project, gap: Gap) -> bool:
    """Whether a gap hides text from the search; what another reader could not follow was searched all the same."""
    if gap.reason not in _UNREAD or is_model_path(project, gap.path):
        return False
    file = project.by_path.get(gap.path)
    searched = file is not None and any(reading.format == "text" for reading in file.readings)
    return (gap.matters and not searched) or "secrets were looked for" in gap.detail


def _once(found: Iterator[Seen[Secret]]) -> list[Seen[Secret]]:
    """Each credential once for each place: several readers may see the same one."""
    kept: dict[tuple[str, int, str], Seen[Secret]] = {}
    for seen in found:
        kept.setdefault((seen.file.path, seen.fact.line, seen.fact.digest or seen.fact.preview), seen)
    return list(kept.values())


def _defect(seen: Seen[Secret]) -> Defect:
    secret = seen.fact
    grave = secret.kind.startswith(_GRAVE) and secret.confidence is Confidence.HIGH
    severity = Severity.CRITICAL if grave else Severity.HIGH
    if secret.confidence is Confidence.LOW:
        severity = Severity.LOW  # Reported to be looked at, not to alarm.
    where = "" if seen.is_product else f" ({seen.file.role.value} file)"
    return Defect(
        message=f"{_words(secret.kind)} in {seen.file.path}{where}: {secret.preview}",
        many=f"places hold a {_words(secret.kind)}",
        at=seen.at(anchor=secret.kind),
        fix="Revoke it, remove it, and read it from the environment or a vault; the history keeps what was committed.",
        subject=f"{secret.kind} {secret.digest}",
        severity=severity if seen.is_product else Severity.LOW,
        confidence=secret.confidence,
    )


def _words(kind: str) -> str:
    """A kind as people call it."""
    return _WORDS.get(kind, kind.replace("-", " "))
