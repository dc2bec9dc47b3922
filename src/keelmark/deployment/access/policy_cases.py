"""Cases that policies must decide in a given way, as people write them in YAML, and whether they do.

A case names a caller (`user:ana`, `key:ID`, `service:NAME`), an action, a resource (`model:small`, `collection:papers`,
`server:files`, `tool:files/read`), circumstances as far as they matter, and `expect: allow` or `expect: deny`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec

from keelmark.core.call import Action
from keelmark.core.principal import Principal, Proof
from keelmark.deployment.access.policies import Answer
from keelmark.deployment.access.questions import CONTEXT, NEUTRAL, Kind, Question, Resource
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError
from keelmark.formats import yaml_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.deployment.access.policies import PolicyBook

__all__ = ["Case", "Result", "parse_cases", "question_of", "run_cases"]

T = TypeVar("T")

_MAX_CASES = 10_000
_MAX_BYTES = 4 * 1024**2
_CASE = ("name", "principal", "action", "resource", "context", "expect")
_PRINCIPAL = ("id", "team", "tenant", "scopes", "attributes")
_RESOURCE = ("id", "tenant", "data_class")
_PROOFS = {"user": Proof.TOKEN, "key": Proof.API_KEY, "service": Proof.CERTIFICATE}
_KINDS = {kind.value.lower(): kind for kind in Kind}
_TEXT = frozenset({"team", "tenant", "data_class"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One case.

    Attributes:
        name: As people call it.
        line: Where it stands.
        question: What is asked.
        is_allowed: What must come out.
    """

    name: str
    line: int
    question: Question
    is_allowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One case, and what the policies say to it."""

    case: Case
    answer: Answer

    @property
    def is_right(self) -> bool:
        """Whether it came out as it must, and nothing went wrong on the way."""
        return self.answer.is_allowed == self.case.is_allowed and not self.answer.errors


def parse_cases(text: str, *, path: str = "") -> tuple[Case, ...]:
    """The cases of a file.

    Raises:
        ConfigurationError: It is no such file, or holds none; with the line.
    """
    try:
        root = yaml_tree.parse(text, path=path, bounds=yaml_tree.Bounds(max_bytes=_MAX_BYTES))
    except (ParseError, LimitExceededError) as error:
        raise ConfigurationError(error.message, path=path, line=error.line) from error
    cases = root.child("cases") if root is not None else None
    if (
        not isinstance(root, yaml_tree.Mapping)
        or not isinstance(cases, yaml_tree.Sequence)
        or not cases.items
    ):
        raise ConfigurationError(
            "no cases",
            hint="begin with cases: and a list of name, principal, action, resource, expect",
            path=path,
        )
    _check_keys(root, ("cases",), path)
    if len(cases.items) > _MAX_CASES:
        raise ConfigurationError(f"more than {_MAX_CASES} cases", path=path)
    return tuple(_case(node, path) for node in cases.items)


def run_cases(book: PolicyBook, cases: Iterable[Case]) -> tuple[Result, ...]:
    """What the policies say to each."""
    return tuple(Result(case=case, answer=book.ask(case.question)) for case in cases)


def question_of(
    *, principal: Mapping[str, Any], action: str, resource: Mapping[str, Any], context: Mapping[str, Any]
) -> Question:
    """A question from plain values.

    Args:
        principal: `id`, `team`, `tenant`, `scopes`, `attributes`.
        action: As policies name it.
        resource: `id`, `tenant`, `data_class`.
        context: Circumstances by name; `arguments` as they are.

    Raises:
        ConfigurationError: A value is not what it should be.
    """
    known = {each.value: each for each in Action}
    if action not in known:
        _unknown("action", action, known)
    proof, caller = _named("principal", principal.get("id"), _PROOFS)
    kind, name = _named("resource", resource.get("id"), _KINDS)
    for what, values in (("principal", principal), ("resource", resource)):
        for key in _TEXT & values.keys():
            if not isinstance(values[key], str):
                raise ConfigurationError(f"`{key}` of the {what} is no text")
    scopes, attributes = principal.get("scopes", []), principal.get("attributes", {})
    if not isinstance(scopes, list) or not isinstance(attributes, dict):
        raise ConfigurationError("scopes are a list, and attributes are names with values")
    return Question(
        principal=Principal(
            id=caller,
            proof=proof,
            team=principal.get("team", ""),
            tenant=principal.get("tenant", ""),
            scopes=frozenset(map(str, scopes)),
            attributes=tuple((str(key), str(value)) for key, value in attributes.items()),
        ),
        action=known[action],
        resource=Resource(
            kind=kind, name=name, tenant=resource.get("tenant", ""), data_class=resource.get("data_class", "")
        ),
        context=_context(known[action], context),
    )


def _context(action: Action, given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in CONTEXT[action] or name == "argumentsJson":
            names = [each for each in CONTEXT[action] if each != "argumentsJson"]
            _unknown(f"circumstance of {action.value}", name, names)
        if name == "arguments":
            if not isinstance(value, dict):
                raise ConfigurationError("`arguments` are names with values")
            found[name] = found["argumentsJson"] = msgspec.json.encode(value, order="sorted").decode()
            continue
        neutral = NEUTRAL[name]
        if name == "tools":
            if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
                raise ConfigurationError("`tools` are a list of names")
            found[name] = tuple(sorted(set(value)))
            continue
        if type(value) is not type(neutral):
            raise ConfigurationError(f"`{name}` is `{value}`, and should be like `{_shown(neutral)}`")
        found[name] = value
    return found


def _case(node: yaml_tree.Node, path: str) -> Case:
    if not isinstance(node, yaml_tree.Mapping):
        raise ConfigurationError(
            "a case has a name, principal, action, resource and expect", path=path, line=node.line
        )
    _check_keys(node, _CASE, path)
    missing = [key for key in _CASE if key != "context" and key not in node.entries]
    if missing:
        raise ConfigurationError(f"a case has no `{missing[0]}`", path=path, line=node.line)
    expect = node.entries["expect"].plain()
    if expect not in {"allow", "deny"}:
        line = node.entries["expect"].line
        raise ConfigurationError(f"`{expect}` is neither allow nor deny", path=path, line=line)
    context = node.entries["context"].plain() if "context" in node.entries else {}
    if not isinstance(context, dict):
        raise ConfigurationError("`context` has names and values", path=path, line=node.line)
    try:
        question = question_of(
            principal=_part(node.entries["principal"], _PRINCIPAL, path),
            action=str(node.entries["action"].plain()),
            resource=_part(node.entries["resource"], _RESOURCE, path),
            context=context,
        )
    except ConfigurationError as error:
        if error.line is not None:
            raise
        raise ConfigurationError(error.message, hint=error.hint, path=path, line=node.line) from error
    name = str(node.entries["name"].plain())
    return Case(name=name, line=node.line, question=question, is_allowed=expect == "allow")


def _part(node: yaml_tree.Node, known: tuple[str, ...], path: str) -> dict[str, Any]:
    """A caller or resource: its id alone, or with more."""
    if isinstance(node, yaml_tree.Mapping):
        _check_keys(node, known, path)
        found = node.plain()
        return found if isinstance(found, dict) else {}
    return {"id": node.plain()}


def _named(what: str, value: object, kinds: Mapping[str, T]) -> tuple[T, str]:
    kind, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not name or kind not in kinds:
        forms = ", ".join(f"{each}:NAME" for each in kinds)
        raise ConfigurationError(f"`{value}` is no {what}", hint=f"one of: {forms}")
    return kinds[kind], name


def _check_keys(node: yaml_tree.Mapping, known: tuple[str, ...], path: str) -> None:
    if node.duplicates:
        key, line = node.duplicates[0]
        raise ConfigurationError(f"`{key}` stands twice", path=path, line=line)
    for key in node.entries:
        if key not in known:
            try:
                _unknown("field", key, known)
            except ConfigurationError as error:
                line = node.key_lines.get(key, node.line)
                raise ConfigurationError(error.message, hint=error.hint, path=path, line=line) from None


def _unknown(what: str, name: str, known: Iterable[str]) -> NoReturn:
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"did you mean `{near[0]}`?" if near else f"one of: {', '.join(names)}"
    raise ConfigurationError(f"there is no {what} `{name}`", hint=hint)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value) or "text"
