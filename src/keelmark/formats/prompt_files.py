"""Prompt files: texts, templates and chat templates that instruct a model.

Templates of web pages, queries and configuration share suffixes with prompts; they are told apart by place, name and
what the template says, and are left alone.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Prompt, PromptRole, Reading
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.json_text import sound
from keelmark.formats.prompt_names import is_instruction_file, is_instruction_text, is_prompt_file
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import key_line, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds", "placeholders_of", "prompt_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one prompt file."""

    max_prompts: int = 500
    max_text_chars: int = 8_000
    max_placeholders: int = 100
    max_scanned_chars: int = 400_000
    min_words: int = 4


_BOUNDS = Bounds()
_TEMPLATES = (".j2", ".jinja", ".jinja2", ".mustache", ".hbs", ".tmpl", ".tpl")
_CHAT = bytes_pattern(
    rb"add_generation_prompt|\bmessages\b[\s\S]{0,400}\brole\b|<\|im_start\|>|\bbos_token\b|\[/?INST\]"
)
_MARKUP = bytes_pattern(rb"(?i)^\s*(<!doctype|<html|<\?xml|\{%-?\s*extends\b|<head|<div|<template)")
_QUERY = bytes_pattern(
    rb"(?i)^\s*(--[^\n]*\n\s*)*(select\s|with\s+\w+\s+as\s*\(|create\s+(table|view)|insert\s+into)"
)
_ADDRESSES_MODEL = bytes_pattern(
    rb"(?i)\byou are (an?|the)\s|\byour (task|role|job) is\b|\bas an ai\b|\bact as an?\s|\blanguage model\b|\brespond (only|in|with)\b"
)
_PLACEHOLDER = re2.compile(
    r"\{\{[{#/^&-]?\s*-?\s*([A-Za-z_][\w.]*)[^{}]*\}\}|\$\{([A-Za-z_]\w*)\}|\{([A-Za-z_]\w*)(?:![rsa])?(?::[^{}\s\"]{0,20})?\}"
)
_LOOP = re2.compile(r"\{%-?\s*(?:for\s+[\w, ]+\s+in|if|elif)\s+(?:not\s+)?([A-Za-z_]\w*)")
_TURN = re2.compile(
    r"(?mi)^[ \t]*(system|user|assistant|developer|human)[ \t]*:[ \t]*$|^\{\{role \"(system|user|model)\"\}\}"
)
_KEYWORDS = frozenset(
    {"if", "else", "end", "for", "role", "media", "history", "each", "this", "unless", "with", "true"}
)
_PROMPT_KEYS = re2.compile(
    r"(?i)(^|[_-])(prompt|template|instructions?|system|preamble|content|message)s?($|[_-])"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "prompt"
    version: int = 1
    bounds: Bounds = _BOUNDS

    def recognises(self, source: Source) -> bool:
        if not source.is_text or source.size == 0:
            return False
        if is_instruction_file(source.path) or is_instruction_text(source.path, source.head):
            return True
        is_markup = bool(_MARKUP.search(source.head)) or bool(_QUERY.search(source.head))
        if is_prompt_file(source.path):
            return not is_markup
        if source.name.lower().endswith((".j2", ".jinja", ".jinja2")):
            return not is_markup and bool(_CHAT.search(source.head) or _ADDRESSES_MODEL.search(source.head))
        return False

    def read(self, source: Source) -> tuple[Reading, ...]:
        if is_instruction_file(source.path):
            prompt = prompt_of(source.name, source.text, line=1, role=PromptRole.SYSTEM)
            return (Reading(format="agent-instructions", prompts=(prompt,)),)
        if source.suffix in {".yaml", ".yml"}:
            found = list(itertools.islice(_from_yaml(source), self.bounds.max_prompts + 1))
            if not found:
                return ()
        else:
            found = list(_from_text(source))
        gaps: tuple[Gap, ...] = ()
        if len(found) > self.bounds.max_prompts:
            detail = f"more than {self.bounds.max_prompts} prompts; the others were not read"
            gaps = (Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail),)
        return (Reading(format=self.name, prompts=tuple(found[: self.bounds.max_prompts]), gaps=gaps),)


def prompt_of(name: str, content: str, *, line: int, role: PromptRole = PromptRole.UNKNOWN) -> Prompt:
    """A prompt with its digest and the names that are filled in."""
    whole = sound(content)
    names = placeholders_of(whole)
    if role is PromptRole.UNKNOWN:
        role = _role(name, names)
    return Prompt(
        name=name,
        line=line,
        text=whole[: _BOUNDS.max_text_chars],
        digest=hashlib.sha256(whole.encode()).hexdigest(),
        role=role,
        placeholders=names,
    )


def placeholders_of(content: str) -> tuple[str, ...]:
    """Names that a template fills in: `{name}`, `{{ name }}`, `${name}` and what its loops run over."""
    found: dict[str, None] = {}
    content = content[: _BOUNDS.max_scanned_chars]
    for groups in _PLACEHOLDER.findall(content):
        name = next(part for part in groups if part)
        root = name.split(".")[0]
        if root not in _KEYWORDS:
            found[root if name.startswith(("loop.", "this.")) else name] = None
    for name in _LOOP.findall(content):
        found.setdefault(name)
    return tuple(found)[: _BOUNDS.max_placeholders]


def _role(name: str, names: tuple[str, ...]) -> PromptRole:
    lower = name.lower()
    if "system" in lower or lower in {"instructions", "instruction", "persona"}:
        return PromptRole.SYSTEM
    if names:
        return PromptRole.TEMPLATE
    return (
        PromptRole.USER
        if lower in {"user", "human"} or lower.startswith(("user_", "user-"))
        else PromptRole.UNKNOWN
    )


def _stem(source: Source) -> str:
    stem = source.name
    for _ in range(2):
        head, dot, tail = stem.rpartition(".")
        known = {"prompt", "prompty", "md", "txt", "yaml", "yml", *(suffix[1:] for suffix in _TEMPLATES)}
        if dot and head and tail.lower() in known:
            stem = head
    return stem


def _from_text(source: Source) -> Iterator[Prompt]:
    content = source.text.replace("\r\n", "\n")
    start = _below_front_matter(content)
    lines = content.split("\n")
    body = "\n".join(lines[start:])
    stem = _stem(source)
    if _CHAT.search(source.head) and source.name.lower().endswith(_TEMPLATES):
        yield prompt_of(stem, body, line=start + 1, role=PromptRole.TEMPLATE)
        return
    is_talk = source.name.lower().endswith((".prompty", ".prompt"))
    # Two more than are kept: one shows that there were more, and the next one ends it.
    turns = list(itertools.islice(_TURN.finditer(body), _BOUNDS.max_prompts + 2)) if is_talk else []
    if not turns:
        if body.strip():
            yield prompt_of(stem, body, line=start + 1)
        return
    for number, turn in enumerate(turns):
        end = turns[number + 1].start() if number + 1 < len(turns) else len(body)
        speaker = (turn.group(1) or turn.group(2)).lower()
        begin = next((at for at in range(turn.end(), end) if body[at] != "\n"), end)
        line = start + body.count("\n", 0, begin) + 1
        yield prompt_of(f"{stem}.{speaker}", body[begin:end].rstrip("\n"), line=line, role=_speaker(speaker))


def _speaker(word: str) -> PromptRole:
    if word in {"system", "developer"}:
        return PromptRole.SYSTEM
    return PromptRole.USER if word in {"user", "human"} else PromptRole.UNKNOWN


def _below_front_matter(content: str) -> int:
    lines = content.split("\n")
    if lines[0].strip("\ufeff ") != "---":
        return 0
    return next((n + 1 for n in range(1, min(len(lines), 2_000)) if lines[n].rstrip() == "---"), 0)


def _from_yaml(source: Source) -> Iterator[Prompt]:
    try:
        root = yaml_tree.parse(source.text, path=source.path)
    except ParseError:
        if "{{" in source.text or "{%" in source.text:  # A template of YAML is a text like any other.
            yield prompt_of(_stem(source), source.text, line=1, role=PromptRole.TEMPLATE)
            return
        raise
    yield from _below(root, _stem(source), in_prompt=False)


def _below(node: Node | None, name: str, *, in_prompt: bool) -> Iterator[Prompt]:
    if isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield from _below(item, f"{name}.{number}", in_prompt=in_prompt)
    elif isinstance(node, Mapping):
        speaker = text(node.find("role")).lower()
        content = node.find("content")
        if speaker and isinstance(content, Scalar):
            yield prompt_of(
                f"{name}.{speaker}", content.text, line=key_line(node, "content"), role=_speaker(speaker)
            )
            return
        for key, value in node.entries.items():
            inside = in_prompt or bool(_PROMPT_KEYS.search(key))
            yield from _below(value, f"{name}.{key}", in_prompt=inside)
    elif isinstance(node, Scalar) and isinstance(node.value, str):
        enough = 2 if in_prompt else 2 * _BOUNDS.min_words
        if len(node.text.split()) >= enough and not name.endswith((".description", ".name", ".title")):
            yield prompt_of(name, node.text, line=node.line)


READER: Reader = _Reader()
