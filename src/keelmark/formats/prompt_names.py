"""Names of files that instruct a model: prompt files by folder and suffix, and standing instructions for assistants."""

from __future__ import annotations

import re2

from keelmark.formats.bytes_pattern import bytes_pattern

__all__ = ["is_instruction_file", "is_instruction_text", "is_prompt_file"]

_INSTRUCTIONS = re2.compile(
    r"(?:.*/)?(?:AGENTS?\.md|CLAUDE(\.local)?\.md|GEMINI\.md|\.cursorrules|\.windsurfrules|\.clinerules|\.goosehints|"
    r"copilot-instructions\.md|\.roorules|\.junie/guidelines\.md|SKILL\.md)|"
    r"(?:.*/)?\.cursor/rules/.+\.mdc?|(?:.*/)?\.clinerules/.+\.md|(?:.*/)?\.windsurf/rules/.+\.md|"
    r"(?:.*/)?\.github/(?:instructions|prompts|agents|chatmodes)/.+\.md|(?:.*/)?\.claude/(?:agents|commands)/.+\.md"
)
_SUFFIX = re2.compile(r"(?i).*\.(?:prompt|prompty|prompt\.(?:md|txt|yml|yaml|j2|jinja|jinja2))")
_FOLDER = re2.compile(
    r"(?i)(?:.*/)?(?:prompts?|prompt[_-]templates|system[_-]prompts?)/(?:.+/)?[^/]+\.(?:txt|md|j2|jinja|jinja2|ya?ml|mustache|hbs|tmpl|tpl)"
)
_NAMED = re2.compile(
    r"(?i)(?:.*/)?(?:[^/]*[-_.])?(?:system[-_]?(?:prompt|message|instructions?)|prompts?)(?:[-_.][^/]*)?\.(?:txt|md|j2|jinja|jinja2)"
)
_NOT_A_PROMPT = re2.compile(
    r"(?i)(?:.*/)?(?:readme|changelog|contributing|license|index|prompt[-_]?(?:cards?|register|guide|guidelines|engineering)[^/]*)\.[a-z]+"
)
# A text of that name instructs people as often as models; its first sentence tells whom.
_MAYBE = re2.compile(r"(?i)(?:.*/)?(?:agent[-_])?(?:instructions?|persona)\.(?:md|txt)")
_TO_A_MODEL = bytes_pattern(rb"^(?:\xef\xbb\xbf)?\s*(?:#[^\n]*\n\s*)?(?i:you are) (?:an?|the|[A-Z])")
_DOCUMENTATION = re2.compile(r"(?i)(?:.*/)?docs?/.+\.(?:md|rst|txt)")


def is_instruction_file(path: str) -> bool:
    """Whether a file holds standing instructions for a coding assistant."""
    return bool(_INSTRUCTIONS.fullmatch(path))


def is_instruction_text(path: str, head: bytes) -> bool:
    """Whether a text called instructions speaks to a model: its first sentence says who the model is."""
    return bool(_MAYBE.fullmatch(path)) and bool(_TO_A_MODEL.search(head[:2_000]))


def is_prompt_file(path: str) -> bool:
    """Whether a file is called and placed like a prompt."""
    if _NOT_A_PROMPT.fullmatch(path):
        return False
    if _SUFFIX.fullmatch(path):
        return True
    if _DOCUMENTATION.fullmatch(path):
        return False
    return bool(_FOLDER.fullmatch(path)) or bool(_NAMED.fullmatch(path))
