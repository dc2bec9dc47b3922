"""Policies in Cedar: read, checked against the schema, and asked. Whatever is not permitted is denied.

1. Without a policy that permits it, a question is denied; a policy that forbids it wins over all that permit it.
2. Policies that the schema does not fit are refused as a whole, each error with its file and line.
3. An error while a question is judged denies it, also when another policy permits it.
4. The answer depends on the caller, the action, the resource, and those circumstances alone that some policy reads: the book
   knows which (`mentioned`), and the others are not handed to Cedar.
5. No policies at all is allowed, denies everything, and says so in `notes`.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import cedarpy

from keelmark.deployment.access.policy_text import Bounds, statements
from keelmark.deployment.access.questions import CONTEXT, NAMESPACE, context_json, entities_json, uid_of
from keelmark.errors import ConfigurationError, LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from keelmark.core.call import Action
    from keelmark.deployment.access.policy_text import Statement
    from keelmark.deployment.access.questions import Kind, Question

__all__ = ["Answer", "PolicyBook", "PolicySource", "load_policies", "schema_text"]

_MAX_ERRORS = 20
_EVERYTHING = frozenset(name for names in CONTEXT.values() for name in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySource:
    """One file of policies: its name in messages, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the policies say to one question.

    Attributes:
        is_allowed: Whether it is permitted.
        because: The policies that decided it, by file, line and `@id`; empty when none permits it.
        errors: What went wrong while it was judged.
    """

    is_allowed: bool
    because: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One policy: its name in messages, its text, and the same as a tree."""

    name: str
    text: str
    tree: dict[str, Any]


class PolicyBook:
    """Policies that fit the schema. Does not change; other policies are another book.

    Attributes:
        version: SHA-256 over schema and policies.
        notes: What the operator should know.
        mentioned: For each action the circumstances that policies read, in a fixed order.
    """

    __slots__ = ("_parts", "_policies", "_schema", "mentioned", "notes", "version")

    def __init__(self, parts: Iterable[_Part], schema: cedarpy.Schema, *, version: str) -> None:
        self._parts = tuple(parts)
        self._schema = schema
        # Cedar numbers policies as they stand in the text.
        self._policies = cedarpy.PolicySet.from_str("\n".join(part.text for part in self._parts))
        self.version = version
        read = _mentioned(part.tree for part in self._parts)
        self.mentioned: Mapping[Action, tuple[str, ...]] = {
            action: tuple(name for name in names if name in read) for action, names in CONTEXT.items()
        }
        self.notes: tuple[str, ...] = ()
        if not self._parts:
            self.notes = ("there are no policies: everything is denied",)

    def __len__(self) -> int:
        return len(self._parts)

    def ask(self, question: Question) -> Answer:
        """What the policies say."""
        return self._ask(question, self._policies)

    def almost(self, question: Question) -> tuple[str, ...]:
        """Policies that would permit it if their conditions held: what to look at when something is denied."""
        found = []
        for part in self._parts:
            if part.tree["effect"] == "permit" and part.tree["conditions"]:
                bare = {**part.tree, "conditions": []}
                document = {"templates": {}, "staticPolicies": {"policy0": bare}, "templateLinks": []}
                policies = cedarpy.PolicySet.from_json_str(json.dumps(document))
                if self._ask(question, policies).is_allowed:
                    found.append(part.name)
        return tuple(found)

    def strangers(self, kind: Kind, known: Collection[str]) -> tuple[str, ...]:
        """What policies name and nobody can ask for, by policy: mostly a name that was written differently.

        Args:
            kind: Of what is looked for.
            known: Names that there are.
        """
        entity = f"{NAMESPACE}::{kind.value}"
        return tuple(
            f"{part.name} speaks of the {kind.value.lower()} `{name}`, which nobody can ask for here"
            for part in self._parts
            for name in sorted(_named(part.tree, entity) - set(known))
        )

    def _ask(self, question: Question, policies: cedarpy.PolicySet) -> Answer:
        read = self.mentioned[question.action]
        try:
            result = cedarpy.is_authorized(
                {
                    "principal": uid_of(question.principal),
                    "action": {"type": f"{NAMESPACE}::Action", "id": question.action.value},
                    "resource": question.resource.uid,
                    "context": context_json(question, read),
                },
                policies,
                entities_json(question, read),
                self._schema,
            )
            errors = tuple(map(str, result.diagnostics.errors))
            reasons = sorted(int(each.removeprefix("policy")) for each in result.diagnostics.reasons)
            because = tuple(self._parts[index].name for index in reasons)
        except Exception as error:  # noqa: BLE001 - an edge: what cannot be judged is denied
            return Answer(is_allowed=False, errors=(f"{type(error).__name__}: {error}",))
        # INVARIANT: a policy that fails is one that could have forbidden it.
        return Answer(is_allowed=result.allowed and not errors, because=because, errors=errors)


def schema_text() -> str:
    """The schema that policies are checked against."""
    return resources.files(__package__).joinpath("keelmark.cedarschema").read_text(encoding="utf-8")


def load_policies(sources: Iterable[PolicySource], *, bounds: Bounds | None = None) -> PolicyBook:
    """Read and check policies.

    Raises:
        ConfigurationError: One cannot be read or does not fit the schema, or there are too many.
    """
    limits = bounds or Bounds()
    files = tuple(sources)
    if len(files) > limits.max_files or sum(len(file.text) for file in files) > limits.max_bytes:
        raise ConfigurationError(
            f"more than {limits.max_files} files or {limits.max_bytes} bytes of policies"
        )
    text = schema_text()
    schema = cedarpy.Schema.from_str(text)
    digest = hashlib.sha256(text.encode())
    parts: list[_Part] = []
    problems: list[ConfigurationError] = []
    for file in files:
        digest.update(b"\0" + file.name.encode() + b"\0" + file.text.encode())
        for part in _parts_of(file, schema, limits, problems):
            parts.append(part)
            if len(parts) > limits.max_policies:
                raise ConfigurationError(f"more than {limits.max_policies} policies")
    if problems:
        raise _joined(problems)
    return PolicyBook(parts, schema, version=digest.hexdigest())


def _parts_of(
    file: PolicySource, schema: cedarpy.Schema, limits: Bounds, problems: list[ConfigurationError]
) -> Iterator[_Part]:
    """Each policy of a file; what is wrong with the others goes to the problems."""
    try:
        found = statements(file.text, path=file.name, bounds=limits)
    except (ParseError, LimitExceededError) as error:
        raise ConfigurationError(error.message, hint=error.hint, path=file.name, line=error.line) from error
    for index, statement in enumerate(found):

        def wrong(words: str, hint: str, line: int = statement.line) -> None:
            problems.append(ConfigurationError(words, hint=hint, path=file.name, line=line))

        try:
            document = json.loads(cedarpy.policies_to_json_str(statement.text))
        except (ValueError, RecursionError) as error:
            wrong(f"no Cedar policy: {error}", "the line is that on which the policy begins")
            continue
        if document["templates"] or len(document["staticPolicies"]) != 1:
            wrong(
                "templates are not used here",
                "write the caller and the resource instead of ?principal and ?resource",
            )
            continue
        checked = cedarpy.validate_policies(statement.text, schema)
        if not checked.validation_passed:
            for each in dict.fromkeys(error.error for error in checked.errors):
                wrong(
                    each.removeprefix("for policy `policy0`, "), "keelmark policy schema prints what there is"
                )
            continue
        (tree,) = document["staticPolicies"].values()
        label = tree.get("annotations", {}).get("id") or ""
        name = f"{file.name}:{statement.line}" + (f" ({label})" if label else "")
        if _shares_line(found, index):
            name += f" #{index + 1}"
        yield _Part(name=name, text=statement.text, tree=tree)


def _shares_line(found: tuple[Statement, ...], index: int) -> bool:
    return any(each.line == found[index].line for place, each in enumerate(found) if place != index)


def _joined(problems: list[ConfigurationError]) -> ConfigurationError:
    """One error that names the first place and tells of the others."""
    first = problems[0]
    if len(problems) == 1:
        return first
    more = [f"{each.place}: {each.message}" for each in problems[1:_MAX_ERRORS]]
    left = len(problems) - _MAX_ERRORS
    words = "; ".join([first.message, *more, *([f"and {left} more"] if left > 0 else [])])
    return ConfigurationError(words, hint=first.hint, path=first.path, line=first.line)


def _named(tree: dict[str, Any], entity: str) -> set[str]:
    """Names of all entities of a type in a policy."""
    found: set[str] = set()
    stack: list[Any] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            if node.get("type") == entity and isinstance(node.get("id"), str):
                found.add(node["id"])
            stack.extend(node.values())
    return found


def _mentioned(trees: Iterable[dict[str, Any]]) -> frozenset[str]:
    """The circumstances that some policy reads; all of them when one uses the context as a whole.

    The context is reached by `context.name` and `context has name` alone; wherever else it stands, everything may be read.
    """
    found: set[str] = set()
    stack: list[Any] = [tree["conditions"] for tree in trees]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, dict):
            if node.get("Var") == "context":
                return _EVERYTHING
            for key, below in node.items():
                if (
                    key in {".", "has"}
                    and isinstance(below, dict)
                    and below.get("left") == {"Var": "context"}
                ):
                    found.add(str(below.get("attr")))
                else:
                    stack.append(below)
    return frozenset(found)
