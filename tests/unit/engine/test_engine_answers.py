from __future__ import annotations

from datetime import date

import pytest

from keelmark.core.facts import DocumentKind, FileFacts
from keelmark.core.finding import Card, Finding
from keelmark.core.outcome import Outcome, Severity
from keelmark.core.project import Project
from keelmark.engine.answers import Topic, about, answer_document, topics_missing
from keelmark.engine.collect import read_source
from keelmark.engine.readers import all_readers
from keelmark.formats.source import Source

CARD = Card(id="missing-plan", title="No plan", severity=Severity.MEDIUM, recommendations=("DEP-3.a",))
WHO = Topic(name="who is called", pattern=r"call|phone")
BACKUP = Topic(name="backups", pattern=r"backup")
LONG = "We look at the alert, decide who is called, contain the system and write down what was learned. " * 5


def project(**documents: str) -> Project:
    files: list[FileFacts] = [
        read_source(Source.of_bytes(text.encode(), path=f"{name}.md"), all_readers())
        for name, text in documents.items()
    ]
    return Project(name="p", today=date(2026, 1, 31), files=tuple(files))


def answered(found: Project, *topics: Topic) -> Finding:
    (finding,) = answer_document(
        CARD,
        found,
        DocumentKind.INCIDENT_PLAN,
        what="an incident plan",
        write="Write INCIDENT.md.",
        topics=topics,
    )
    return finding


def test_no_document_is_a_failure_that_says_what_to_write() -> None:
    finding = answered(project(README="# Readme\n\nHello.\n"))
    assert finding.outcome is Outcome.FAIL
    assert finding.message == "no incident plan was found in the folder"
    assert finding.fix == "Write INCIDENT.md."
    assert finding.locations == ()


def test_a_heading_is_a_promise_not_a_document() -> None:
    finding = answered(project(INCIDENT_RESPONSE="# Incident response plan\n\nTo be written.\n"))
    assert finding.outcome is Outcome.FAIL
    assert "has only" in finding.message
    assert finding.locations[0].path == "INCIDENT_RESPONSE.md"


def test_document_that_is_silent_on_a_topic_fails_with_its_name() -> None:
    finding = answered(project(INCIDENT_RESPONSE=f"# Incident response plan\n\n{LONG}\n"), WHO, BACKUP)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.endswith("says nothing of backups")


def test_whole_document_passes_with_its_place() -> None:
    text = f"# Incident response plan\n\n{LONG}\n\n## Backup\n\nRestore the model.\n"
    finding = answered(project(INCIDENT_RESPONSE=text), WHO, BACKUP)
    assert finding.outcome is Outcome.PASS
    assert "who is called, backups" in finding.message
    assert finding.locations[0].path == "INCIDENT_RESPONSE.md"


@pytest.mark.parametrize("text", ["# Backup\n\nx\n", "# A\n\nour BACKUP plan\n", "# A\n\n## Backups\n\nx\n"])
def test_topic_is_met_in_title_heading_and_text(text: str) -> None:
    found = project(README=text)
    assert about(found, BACKUP)
    assert topics_missing(found.documents(), [BACKUP, WHO]) == (WHO,)
