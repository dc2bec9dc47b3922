from __future__ import annotations

from datetime import date

import pytest

from keelmark.core.asset import Inventory
from keelmark.core.facts import FileFacts
from keelmark.core.outcome import Outcome, Severity
from keelmark.core.project import Project
from keelmark.engine.readers import all_readers
from keelmark.formats.source import Source
from keelmark.operation.checks import prompt_logged_in_full


def answers(line: str, *traits: str, head: str = "import logging\nlogger = logging.getLogger(__name__)\n"):
    text = f"{head}\ndef ask(prompt, messages, completion, user, question):\n    {line}\n"
    source = Source.of_bytes(text.encode(), path="app.py")
    readings = tuple(
        reading for reader in all_readers() if reader.recognises(source) for reading in reader.read(source)
    )
    file = FileFacts(path="app.py", size=len(text), readings=readings)
    inventory = Inventory(traits=("llm-application", *traits))
    made = Project(name="p", today=date(2026, 11, 23), files=(file,), inventory=inventory)
    return tuple(prompt_logged_in_full.check(made))


@pytest.mark.parametrize(
    "line",
    [
        "logger.info(prompt)",
        'logger.info("got %s", messages)',
        'logger.info(f"got {prompt!r} of {user}")',
        'logger.info(f"{question=}")',
        'logger.warning("got %s" % prompt)',
        'logger.warning("got {}".format(prompt))',
        'logger.error("got " + prompt)',
        'logger.info("got", extra={}, prompt=prompt)',
        'logger.info("got %s", json.dumps(messages))',
        'logger.info("got %s", completion.choices[0].message.content)',
        'logging.info("got %s", self.user_input)',
    ],
)
def test_content_as_a_whole_is_named(line):
    (found,) = answers(line, "api")
    assert (found.outcome, found.severity) == (Outcome.FAIL, Severity.MEDIUM)


@pytest.mark.parametrize(
    "line",
    [
        'logger.info("prompt")',
        'logger.info("prompt of %d", len(prompt))',
        'logger.info(f"{len(messages)} messages, prompt {digest(prompt)}")',
        'logger.info("%s", prompt[:20])',
        'logger.info("%s", redact(prompt))',
        'logger.info("%s", completion.usage)',
        'logger.info("%s", prompt.id)',
        'logger.info(f"{prompt_id} {messages_count}")',
    ],
)
def test_what_is_said_of_content_is_left_alone(line):
    assert [found.outcome for found in answers(line, "api")] == [Outcome.PASS]


@pytest.mark.parametrize(
    ("line", "traits"), [("logger.debug(prompt)", ("api",)), ("logger.info(prompt)", ())]
)
def test_debugging_and_programs_without_callers_weigh_less(line, traits):
    (found,) = answers(line, *traits)
    assert found.severity is Severity.LOW
