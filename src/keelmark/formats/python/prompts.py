"""Prompts: texts that instruct a model, with what is filled into them."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Flow, Prompt, PromptRole, Sink
from keelmark.formats.python.authentication import last_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Scope

__all__ = ["prompts_of", "with_flows"]

_NAME = re2.compile(
    r"(?i)(prompt|system_?(message|msg|text|content)|sys_?msg|instructions?$|instruction_|persona|preamble)"
)
_TEMPLATE = re2.compile(r"(?i)template")
_NOT_NAME = re2.compile(
    r"(?i)(prompt_(id|name|path|file|dir|key|version|type|hash|tokens|url|toolkit|style|color|symbol)|_?ps1|path$|_file$|_dir$|_url$)"
)
_SYSTEM_NAME = re2.compile(r"(?i)(system|instructions?|persona|preamble|backstory)")
_KEYWORDS = frozenset(
    {"system", "system_prompt", "system_message", "system_instruction", "instructions", "backstory"}
)
_WEAK_KEYWORDS = frozenset({"prompt", "template", "system_template", "prompt_template", "prefix"})
_MESSAGES = {
    "SystemMessage": PromptRole.SYSTEM,
    "SystemMessagePromptTemplate.from_template": PromptRole.SYSTEM,
    "HumanMessagePromptTemplate.from_template": PromptRole.USER,
    "PromptTemplate": PromptRole.TEMPLATE,
    "PromptTemplate.from_template": PromptRole.TEMPLATE,
    "ChatPromptTemplate.from_template": PromptRole.TEMPLATE,
}
_ROLES = {
    "system": PromptRole.SYSTEM,
    "developer": PromptRole.SYSTEM,
    "user": PromptRole.USER,
    "human": PromptRole.USER,
}
_INSTRUCTS = re2.compile(
    r"(?i)(\byou are\b|\byou're an?\b|\byour (task|job|role|goal)\b|\bact as\b|\bassistant\b|\banswer (the|this|only|based|in)\b"
    r"|\bsummari[sz]e\b|\btranslate the\b|\brespond (with|in|only|as)\b|\bgiven the (following|context)\b|\bdo not (reveal|make up)\b"
    r"|\buse the following\b|\bbased on the (context|following)\b|\b(question|context)\s*:|\breturn only\b|\bclassify the\b"
    r"|\bextract (the|all)\b|\brewrite the\b|\bgenerate (a|an|the)\b|\bthink step by step\b)"
)
_NO_PROMPT = re2.compile(
    r"(?is)^\s*(<!doctype|<html|<div|<\?xml|<svg|<p>|<table|\{%|select\s|insert\s+into|update\s+\w+\s+set|create\s+(table|index)"
    r"|https?://|(import|from)\s+[\w.]+(\s+import\s|\s*\n)|usage:|#!/|\[%\(|%\(asctime)"
)
_PLACEHOLDER = re2.compile(
    r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}|\{([A-Za-z_][\w.]*)(?:![rsa])?(?::[^{}\n]*)?\}|%\((\w+)\)s"
)
_BEGINS = re2.compile(r"(?i)^\s*(you are|you're) (now )?(an?|the|my|our|\{)\b?")
_MODEL_ROOTS = (
    "openai",
    "anthropic",
    "langchain",
    "langgraph",
    "llama_index",
    "transformers",
    "litellm",
    "ollama",
    "google.generativeai",
    "google.genai",
    "google.adk",
    "cohere",
    "mistralai",
    "crewai",
    "autogen",
    "smolagents",
    "pydantic_ai",
    "dspy",
    "semantic_kernel",
    "agents",
    "vllm",
    "groq",
)
_MANY_WORDS = 12
_MIN_CHARACTERS = 20
_MAX_PLACEHOLDERS = 64
_MAX_DEPTH = 30
_MAX_HELD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rendered:
    text: str
    holes: tuple[str, ...] = ()


def prompts_of(index: Index) -> tuple[Prompt, ...]:
    """Prompts of the module, each text and place once, in order of the text."""
    finder = _Finder(index)
    found: dict[int, Prompt] = {}
    for node, prompt in (*finder.assigned(), *finder.handed(), *finder.messages(), *finder.returned()):
        if node not in index.docstrings:
            found.setdefault(id(node), prompt)
    ordered = sorted(found.values(), key=lambda prompt: (prompt.line, prompt.name))
    return tuple(ordered[: index.bounds.max_items])


def with_flows(prompts: Iterable[Prompt], flows: Iterable[Flow]) -> tuple[Prompt, ...]:
    """The prompts, with the placeholders that untrusted text reaches."""
    risky = [flow for flow in flows if flow.sink is Sink.SYSTEM_PROMPT and not flow.cleaned_by]
    return tuple(_with_flows(prompt, risky) for prompt in prompts)


def _with_flows(prompt: Prompt, flows: list[Flow]) -> Prompt:
    last = prompt.line + prompt.text.count("\n")
    found: dict[str, None] = {}
    for flow in flows:
        ways = {*flow.steps, *(part.strip("`") for part in flow.origin.split())}
        is_here = prompt.line <= flow.line <= last or prompt.name in flow.steps
        if not is_here or not prompt.placeholders:
            continue
        names = [name for name in prompt.placeholders if name in ways or name.partition(".")[0] in ways]
        for name in names or prompt.placeholders[:1]:
            found[f"{name}: {flow.origin}"] = None
    return replace(prompt, untrusted=tuple(found)[:_MAX_PLACEHOLDERS]) if found else prompt


class _Finder:
    def __init__(self, index: Index) -> None:
        self._index = index
        self._uses_models = any(entry.name.startswith(_MODEL_ROOTS) for entry in index.imports)

    def _is_meant_for_models(self, text: str) -> bool:
        """Shells and terminals have prompts too: without a model library in sight the text itself must instruct."""
        return self._uses_models or _INSTRUCTS.search(text) is not None or len(text.split()) >= _MANY_WORDS

    def assigned(self) -> Iterator[tuple[ast.expr, Prompt]]:
        """Texts assigned to names that speak of prompts, and texts that begin with `You are`."""
        for assignment in self._index.assignments:
            if isinstance(assignment.value, ast.Dict) and _NAME.search(assignment.name):
                yield from self._held(assignment.value, assignment.name, assignment.scope)
                continue
            rendered = self._render(assignment.value, assignment.scope)
            if rendered is None or isinstance(assignment.value, ast.Name | ast.Attribute):
                continue
            name = assignment.name
            is_named = bool(_NAME.search(name)) and not _NOT_NAME.search(name)
            is_template = bool(_TEMPLATE.search(name)) and _INSTRUCTS.search(rendered.text) is not None
            is_named = is_named and self._is_meant_for_models(rendered.text)
            begins = _BEGINS.search(rendered.text) is not None
            if (is_named or is_template or begins) and _is_prompt(rendered.text):
                yield self._made(assignment.value, name, rendered)

    def _held(self, node: ast.Dict, name: str, scope: Scope) -> Iterator[tuple[ast.expr, Prompt]]:
        """Texts of a mapping that is named like prompts, each under its key; a message has its own reader."""
        keys = [self._index.string(key, scope) for key in node.keys[:_MAX_HELD]]
        if "role" in keys or _NOT_NAME.search(name):
            return
        for key, value in zip(keys, node.values, strict=False):
            if key:
                yield from self._literal(value, scope, f"{name}.{key}", must_instruct=True)

    def handed(self) -> Iterator[tuple[ast.expr, Prompt]]:
        """Literal texts handed over as `system=`, `instructions=`, `prompt=` or `template=`."""
        for site in self._index.sites:
            last = ".".join(site.name.rsplit(".", 2)[-2:])
            role = _MESSAGES.get(last) or _MESSAGES.get(last_part(site.name))
            if role is not None:
                named = [k.value for k in site.node.keywords if k.arg in {"content", "template"}]
                for value in (*site.node.args[:1], *named):
                    yield from self._literal(value, site.scope, last_part(site.name), role=role)
                continue
            for keyword in site.node.keywords:
                if keyword.arg in _KEYWORDS:
                    yield from self._literal(
                        keyword.value, site.scope, site.target or keyword.arg, role=PromptRole.SYSTEM
                    )
                elif keyword.arg in _WEAK_KEYWORDS:
                    yield from self._literal(keyword.value, site.scope, keyword.arg, must_instruct=True)

    def messages(self) -> Iterator[tuple[ast.expr, Prompt]]:
        """Messages with a role: dicts, and tuples inside `from_messages`."""
        for found in self._index.dicts:
            role = _ROLES.get(self._index.string(found.keys.get("role"), found.scope))
            content = found.keys.get("content")
            if role is not None and content is not None:
                yield from self._literal(
                    content, found.scope, "content", role=role, must_instruct=role is PromptRole.USER
                )
        for site in self._index.sites:
            if not site.name.endswith("ChatPromptTemplate.from_messages") or not site.node.args:
                continue
            value = site.node.args[0]
            for item in value.elts if isinstance(value, ast.List | ast.Tuple) else ():
                if isinstance(item, ast.Tuple) and len(item.elts) == 2:
                    role = _ROLES.get(self._index.string(item.elts[0], site.scope))
                    if role is not None:
                        yield from self._literal(
                            item.elts[1], site.scope, site.target or "messages", role=role
                        )

    def returned(self) -> Iterator[tuple[ast.expr, Prompt]]:
        """Texts that functions named like prompts give back."""
        for function in self._index.functions:
            if not _NAME.search(function.name):
                continue
            for statement in function.body:
                if isinstance(statement, ast.Return) and statement.value is not None:
                    yield from self._literal(
                        statement.value, function.scope, function.name, must_instruct=True
                    )

    def _literal(
        self,
        node: ast.expr,
        scope: Scope,
        name: str,
        *,
        role: PromptRole | None = None,
        must_instruct: bool = False,
    ) -> Iterator[tuple[ast.expr, Prompt]]:
        if isinstance(node, ast.Name | ast.Attribute):
            return
        rendered = self._render(node, scope)
        if rendered is None or not _is_prompt(rendered.text, minimum=8 if role else _MIN_CHARACTERS):
            return
        if must_instruct and not _INSTRUCTS.search(rendered.text):
            return
        yield self._made(node, name, rendered, role)

    def _made(
        self, node: ast.expr, name: str, rendered: _Rendered, role: PromptRole | None = None
    ) -> tuple[ast.expr, Prompt]:
        places = dict.fromkeys((*rendered.holes, *_placeholders(rendered.text)))
        if role is None:
            is_system = (
                _SYSTEM_NAME.search(name) and "user" not in name.lower()
            ) or rendered.text.lstrip().lower().startswith("you are ")
            role = PromptRole.SYSTEM if is_system else PromptRole.TEMPLATE if places else PromptRole.UNKNOWN
        return node, Prompt(
            name=name,
            line=node.lineno,
            text=rendered.text[: self._index.bounds.max_prompt],
            digest=hashlib.sha256(rendered.text.encode("utf-8", "surrogatepass")).hexdigest(),
            role=role,
            placeholders=tuple(places)[:_MAX_PLACEHOLDERS],
            anchor=self._index.text.anchor(node.lineno),
        )

    def _render(self, node: ast.expr, scope: Scope, depth: int = 0) -> _Rendered | None:
        """Text of an expression with `{name}` where something is filled in; None when it is no text."""
        if depth > _MAX_DEPTH:
            return None
        if isinstance(node, ast.Constant):
            return _Rendered(text=node.value) if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return self._joined([*node.values], scope, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._joined([node.left, node.right], scope, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            return self._render(node.left, scope, depth + 1)
        if isinstance(node, ast.Call):
            return self._called(node, scope, depth)
        if isinstance(node, ast.Name) and depth:
            text = self._index.string(node, scope)
            return _Rendered(text=text) if text else None
        return None

    def _joined(self, parts: list[ast.expr], scope: Scope, depth: int) -> _Rendered | None:
        pieces: list[str] = []
        holes: list[str] = []
        has_text = False
        for part in parts:
            inner = part.value if isinstance(part, ast.FormattedValue) else part
            rendered = self._render(inner, scope, depth + 1)
            if rendered is None:
                name = self._index.text.segment(inner, limit=80)
                pieces.append(f"{{{name}}}")
                holes.append(name)
            else:
                has_text = True
                pieces.append(rendered.text)
                holes.extend(rendered.holes)
        return _Rendered(text="".join(pieces), holes=tuple(holes)) if has_text else None

    def _called(self, node: ast.Call, scope: Scope, depth: int) -> _Rendered | None:
        if isinstance(node.func, ast.Attribute) and node.func.attr in {
            "format",
            "strip",
            "lstrip",
            "rstrip",
            "replace",
        }:
            return self._render(node.func.value, scope, depth + 1)
        if last_part(self._index.callee.get(node, "")) in {
            "dedent",
            "cleandoc",
            "Field",
            "Template",
            "field",
            "Annotated",
        }:
            default = next((k.value for k in node.keywords if k.arg == "default"), None)
            value = default or (node.args[0] if node.args else None)
            return self._render(value, scope, depth + 1) if value is not None else None
        return None


def _is_prompt(text: str, *, minimum: int = _MIN_CHARACTERS) -> bool:
    stripped = text.strip()
    return len(stripped) >= minimum and " " in stripped and not _NO_PROMPT.search(stripped)


def _placeholders(text: str) -> list[str]:
    return [match.group(1) or match.group(2) or match.group(3) for match in _PLACEHOLDER.finditer(text)]
