"""Expressions of GitHub Actions: which of them put text of an outsider into a script."""

from __future__ import annotations

import re2

__all__ = ["is_foreign_head", "secrets_of", "untrusted_in"]

_EXPRESSION = re2.compile(r"(?s)\$\{\{(.*?)\}\}")
_BRACKET = re2.compile(r"\[\s*'([A-Za-z_][\w-]*)'\s*\]")
_INDEX = re2.compile(r"\[\s*(?:\d+|\*)\s*\]")
# These answer true or false (or a digest), whatever the outsider writes.
_HARMLESS_CALL = re2.compile(r"(?i)\b(?:contains|startsWith|endsWith|hashFiles)\([^()]*\)")
_COMPARISON = re2.compile(r"[\w.*-]+\s*(?:==|!=)\s*(?:'[^']*'|[\w.*-]+)|'[^']*'\s*(?:==|!=)\s*[\w.*-]+")
_TEXT = re2.compile(r"'[^']*'")
_UNTRUSTED = re2.compile(
    r"(?i)\bgithub\.(?:head_ref\b|event\.(?:"
    r"(?:issue|discussion)\.(?:title|body)\b|"
    r"(?:comment|review|review_comment)\.body\b|"
    r"pages\.(?:\*\.|\d+\.)?page_name\b|"
    r"(?:commits\.(?:\*\.|\d+\.)?|head_commit\.|workflow_run\.head_commit\.)(?:message|(?:author|committer)\.(?:email|name))\b|"
    r"pull_request\.(?:title|body|head\.(?:ref|label|repo\.(?:default_branch|description|homepage)))\b|"
    r"workflow_run\.(?:head_branch|display_title|head_repository\.description|pull_requests\.(?:\*\.|\d+\.)?head\.ref)\b"
    r"))"
)
_WHOLE_EVENT = re2.compile(
    r"(?i)\btoJSON\(\s*(github(?:\.event(?:\.(?:issue|pull_request|comment|review|discussion|head_commit|commits))?)?)\s*\)"
)
_ENV = re2.compile(r"\benv\.([A-Za-z_]\w*)")
_SECRET = re2.compile(r"\bsecrets\.([A-Za-z_]\w*)")
_FOREIGN_HEAD = re2.compile(
    r"(?i)github\.head_ref\b|github\.event\.pull_request\.head\.(?:sha|ref|label|repo)|"
    r"github\.event\.workflow_run\.(?:head_(?:sha|branch|commit|repository)|pull_requests)|"
    r"refs/pull/|\bpull_request\.merge_commit_sha\b|needs\.[\w.-]*head[_-]?(?:sha|ref)|steps\.[\w.-]*head[_-]?(?:sha|ref)"
)


def untrusted_in(script: str, *, tainted: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Expressions in a text whose value an outsider controls, as written, without repeats.

    Args:
        script: The text in which the runner fills in expressions.
        tainted: Names of environment variables that hold untrusted text.
    """
    found: dict[str, None] = {}
    for match in _EXPRESSION.finditer(script):
        normal = _INDEX.sub(".*", _BRACKET.sub(r".\1", match.group(1)))
        rest = _TEXT.sub("''", _COMPARISON.sub(" ", _HARMLESS_CALL.sub(" ", normal)))
        reads = [name for name in _ENV.findall(rest) if name in tainted]
        if _UNTRUSTED.search(rest) or _WHOLE_EVENT.search(rest) or reads:
            found[match.group(1).strip()[:200]] = None
    return tuple(found)


def secrets_of(content: str) -> tuple[str, ...]:
    """Names of the secrets that expressions in a text read."""
    return tuple(name for match in _EXPRESSION.finditer(content) for name in _SECRET.findall(match.group(1)))


def is_foreign_head(reference: str) -> bool:
    """Whether a checkout reference names the head (or the merge) of a pull request."""
    normal = _BRACKET.sub(r".\1", reference)
    return bool(_FOREIGN_HEAD.search(normal))
