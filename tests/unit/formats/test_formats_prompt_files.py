from __future__ import annotations

import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import PromptRole
from keelmark.errors import KeelmarkError
from keelmark.formats import documents
from keelmark.formats.prompt_files import READER, placeholders_of
from keelmark.formats.source import Source


def source(text: str | bytes, path: str) -> Source:
    return Source.of_bytes(text if isinstance(text, bytes) else text.encode(), path=path)


def prompts(text: str, path: str):
    item = source(text, path)
    assert READER.recognises(item)
    return READER.read(item)[0].prompts


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("prompts/answer.txt", "You are kind. {question}", True),
        ("app/prompts/system.md", "Be kind.", True),
        ("x.prompt", "Be kind.", True),
        ("agents/system_prompt.txt", "Be kind.", True),
        ("chat_template.jinja", "{% for m in messages %}{{ m.role }}{% endfor %}", True),
        ("t/agent.j2", "You are a helpful model. {{ x }}", True),
        ("AGENTS.md", "Do this", True),
        (".cursorrules", "Do this", True),
        ("templates/page.j2", "<html>{{ x }}</html>", False),
        ("templates/report.j2", "SELECT * FROM {{ table }}", False),
        ("prompts/page.j2", "<!DOCTYPE html>", False),
        ("nginx.conf.j2", "server { listen {{ port }}; }", False),
        ("prompts/README.md", "These are prompts", False),
        ("prompts/load.py", "x", False),
        ("docs/prompts/guide.md", "Prompts explained", False),
        ("docs/prompt-engineering.md", "x", False),
        ("notes.md", "You are a helpful model", False),
    ],
)
def test_prompts_are_told_from_other_templates(path, text, wanted):
    assert READER.recognises(source(text, path)) is wanted


def test_prompt_has_digest_role_and_placeholders():
    (prompt,) = prompts("Answer {question} from {{ context }}.", "prompts/qa.txt")
    assert prompt.digest == hashlib.sha256(b"Answer {question} from {{ context }}.").hexdigest()
    assert (prompt.name, prompt.role, prompt.placeholders) == (
        "qa",
        PromptRole.TEMPLATE,
        ("question", "context"),
    )


def test_name_tells_the_system_role():
    assert prompts("Be kind.", "prompts/system.txt")[0].role is PromptRole.SYSTEM


def test_prompty_turns_are_told_apart():
    text = "---\nname: x\nmodel: {api: chat}\n---\nsystem:\nBe kind.\n\nuser:\n{{question}}\n"
    first, second = prompts(text, "a.prompty")
    assert (first.role, first.text.strip(), first.line) == (PromptRole.SYSTEM, "Be kind.", 6)
    assert (second.role, second.placeholders) == (PromptRole.USER, ("question",))


def test_yaml_prompts_are_found_by_key():
    text = "_type: prompt\ninput_variables: [q]\ntemplate: |\n  Answer {q} kindly.\n"
    (prompt,) = prompts(text, "prompts/a.yaml")
    assert (prompt.name, prompt.line) == ("a.template", 3)
    messages = "messages:\n- role: system\n  content: Be kind.\n- role: user\n  content: '{{q}}'\n"
    assert [p.role for p in prompts(messages, "x.prompt.yml")] == [PromptRole.SYSTEM, PromptRole.USER]


def test_yaml_settings_in_a_prompt_folder_are_no_prompts():
    item = source("version: 1\nmodel: gpt-4o\n", "prompts/settings.yaml")
    assert READER.read(item) == ()


def test_chat_template_is_one_prompt():
    (prompt,) = prompts("{% for message in messages %}{{ message.role }}{% endfor %}", "chat_template.jinja")
    assert prompt.role is PromptRole.TEMPLATE
    assert "messages" in prompt.placeholders


def test_braces_of_json_are_no_placeholders():
    assert placeholders_of('Answer as {"a": 1, "b": [2]} and {name} or ${HOME}') == ("name", "HOME")


@given(
    st.binary(max_size=200), st.sampled_from(["prompts/a.txt", "prompts/a.yaml", "a.prompty", "AGENTS.md"])
)
def test_any_bytes_end_in_a_reading_or_a_named_fault(data, path):
    item = source(data, path)
    with contextlib.suppress(KeelmarkError):
        if READER.recognises(item):
            READER.read(item)


@pytest.mark.parametrize(
    ("path", "text", "is_prompt"),
    [
        ("instructions.md", "You are an expert support agent.\n\n## Mission\nAnswer.", True),
        ("agents/x/instructions.md", "# Agent\n\nYou are the reviewer.", True),
        ("instructions.md", "# How to install\n\nRun make.", False),
        ("notes.md", "You are a careful reader of these notes.", False),
    ],
)
def test_instructions_that_say_who_the_model_is_are_a_prompt_and_no_document(path, text, is_prompt):
    source = Source.of_bytes(text.encode(), path=path)
    assert READER.recognises(source) is is_prompt
    assert documents.READER.recognises(source) is not is_prompt
    if is_prompt:
        (reading,) = READER.read(source)
        assert reading.prompts[0].role is PromptRole.SYSTEM
