"""Prompts of LangChain in files: a template of Jinja in one is run when the prompt is filled in.

Templates of the default form (`f-string`) and of Mustache only put values in; those of Jinja are held to what templates of
chats may reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.facts import ModelFile, Reading
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.models.facts import gap_of
from keelmark.formats.models.templates import hazards_of_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READER", "PromptReader"]

_MARK = b'"template_format"'
_MAX_BYTES = 8 * 1024**2
_MAX_HAZARDS = 100


class PromptReader:
    """Reads such files."""

    name = "langchain-prompt"
    version = 1

    def recognises(self, source: Source) -> bool:
        """JSON that says in which form its template is written."""
        return source.is_text and source.head.lstrip()[:1] == b"{" and _MARK in source.head

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge each template of Jinja."""
        model = ModelFile(format=self.name, can_execute=False)
        try:
            document = strict_json.parse(source.data, max_bytes=_MAX_BYTES, path=source.path)
            found = [
                hazard
                for name, template in _templates(document.value)
                for hazard in hazards_of_template(template, subject=name, is_chat=False)
            ]
        except KeelmarkError as error:
            return (Reading(format=self.name, models=(model,), gaps=(gap_of(source, error),)),)
        return (Reading(format=self.name, models=(model,), hazards=tuple(found[:_MAX_HAZARDS])),)


def _templates(root: Any) -> Iterator[tuple[str, str]]:
    """Templates of Jinja in a file, with the key under which each stands."""
    todo = [root]
    while todo:
        value = todo.pop()
        if isinstance(value, dict):
            if value.get("template_format") == "jinja2":
                yield from (
                    (key, text) for key, text in value.items() if isinstance(text, str) and "{" in text
                )
            todo.extend(value.values())
        elif isinstance(value, list):
            todo.extend(value)


READER = PromptReader()
