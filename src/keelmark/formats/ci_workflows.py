"""GitHub Actions: workflows and composite actions.

What an outsider controls (the title of an issue, the name of a branch) is dangerous where the runner writes it into a
script before a shell reads it. Handing it over in an environment variable is safe and is not named here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Action, Reading, Script, Workflow
from keelmark.formats import yaml_tree
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.ci_expressions import is_foreign_head, secrets_of, untrusted_in
from keelmark.formats.ci_other import OTHER_READERS
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import children, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READERS", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one workflow file.

    Attributes:
        max_script_chars: Characters kept of one script; untrusted expressions are looked for in all of it.
    """

    max_script_chars: int = 8_000
    max_steps: int = 5_000


_WORKFLOW = re2.compile(r"(?:.*/)?\.(?:github|gitea|forgejo)/workflows/[^/]+\.ya?ml")
_ACTION = re2.compile(r"(?:.*/)?action\.ya?ml")
_RUNS = bytes_pattern(rb"(?m)^runs[ \t]*:")
_COMMIT = re2.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_SAME_REPOSITORY = re2.compile(
    r"head\.repo\.(?:full_name|owner\.login|id)\s*==\s*github\.(?:repository|event\.repository)|"
    r"github\.(?:repository\w*|event\.repository[.\w]*)\s*==\s*github\.event\.[.\w]*head_?\.?repo|"
    r"head\.repo\.fork\s*==\s*false|!\s*github\.event\.pull_request\.head\.repo\.fork"
)
_PRIVILEGED = frozenset({"pull_request_target", "workflow_run", "issue_comment"})
_FETCH = re2.compile(r"gh\s+pr\s+checkout|git\s+(?:fetch|pull|checkout)\s[^\n]*(?:refs/)?pull/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "github-actions"
    version: int = 2
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if _WORKFLOW.fullmatch(source.path):
            return source.is_text
        return bool(_ACTION.fullmatch(source.path)) and bool(_RUNS.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        root = yaml_tree.parse(source.text, path=source.path)
        is_workflow = bool(_WORKFLOW.fullmatch(source.path))
        if not isinstance(root, Mapping) or not (root.find("jobs") or root.find("runs")):
            return ()
        read = _Workflow(root, self.bounds)
        workflow = read.workflow() if is_workflow else read.action()
        return (Reading(format="github-workflow" if is_workflow else "github-action", workflow=workflow),)


class _Workflow:
    """Collects what one file says, step by step."""

    def __init__(self, root: Mapping, bounds: Bounds) -> None:
        self._root = root
        self._bounds = bounds
        self._triggers = tuple(_triggers(root.find("on")))
        self._actions: list[Action] = []
        self._scripts: list[Script] = []
        self._checkouts: list[int] = []

    def workflow(self) -> Workflow:
        stated = [self._root.find("permissions")]
        shared = _tainted(self._root.find("env"), frozenset())
        for _, job in children(self._root.find("jobs")):
            stated.append(job.find("permissions"))
            self._use(job.find("uses"))
            tainted = _tainted(job.find("env"), shared)
            is_guarded = bool(_SAME_REPOSITORY.search(text(job.find("if"))))
            self._steps(job.find("steps"), tainted, is_guarded=is_guarded)
        return self._result(
            permissions=tuple(pair for node in stated for pair in _permissions(node)),
            has_permissions=any(node is not None for node in stated),
        )

    def action(self) -> Workflow:
        self._steps(self._root.find("runs", "steps"), frozenset(), is_guarded=False)
        image = text(self._root.find("runs", "image"))
        if image.startswith("docker://"):
            self._use(self._root.find("runs", "image"))
        # The token of a composite action is that of its caller, so there is nothing left to state here.
        return self._result(permissions=(), has_permissions=True)

    def _result(self, *, permissions: tuple[tuple[str, str], ...], has_permissions: bool) -> Workflow:
        return Workflow(
            system="github",
            name=text(self._root.find("name")),
            triggers=self._triggers,
            pushes=tuple(_pushes(self._root.find("on"))) if "push" in self._triggers else (),
            permissions=permissions,
            has_permissions=has_permissions,
            actions=tuple(self._actions),
            scripts=tuple(self._scripts),
            secrets=_secrets(self._root),
            checks_out_untrusted=tuple(dict.fromkeys(self._checkouts)),
        )

    def _steps(self, node: Node | None, tainted: frozenset[str], *, is_guarded: bool) -> None:
        steps = node.items if isinstance(node, Sequence) else ()
        for step in steps[: self._bounds.max_steps]:
            self._use(step.find("uses"))
            environment = _tainted(step.find("env"), tainted)
            self._script(step.find("run"), environment)
            if text(step.find("uses")).startswith("actions/github-script@"):
                self._script(step.find("with", "script"), environment)
            if not is_guarded and not _SAME_REPOSITORY.search(text(step.find("if"))):
                self._checkout(step)

    def _use(self, node: Node | None) -> None:
        if isinstance(node, Scalar) and node.text:
            self._actions.append(_action(node.text, node.line))

    def _script(self, node: Node | None, tainted: frozenset[str]) -> None:
        if isinstance(node, Scalar) and node.text:
            untrusted = untrusted_in(node.text, tainted=tainted)
            kept = node.text[: self._bounds.max_script_chars]
            self._scripts.append(Script(text=kept, line=node.line, untrusted=untrusted))

    def _checkout(self, step: Node) -> None:
        if not _PRIVILEGED & set(self._triggers):
            return
        run = step.find("run")
        if text(step.find("uses")).startswith("actions/checkout@"):
            for key in ("ref", "repository"):
                value = step.find("with", key)
                if isinstance(value, Scalar) and is_foreign_head(value.text):
                    self._checkouts.append(value.line)
        elif isinstance(run, Scalar) and _FETCH.search(run.text):
            self._checkouts.append(run.line)


def _triggers(node: Node | None) -> Iterator[str]:
    if isinstance(node, Mapping):
        yield from node.entries
    else:
        yield from texts(node)


def _pushes(node: Node | None) -> Iterator[str]:
    """Filters of the event `push`; tags alone leave every branch out, and paths or exceptions leave it in."""
    stated = node.find("push") if isinstance(node, Mapping) else None
    branches = texts(stated.find("branches") if stated else None)
    tags = texts(stated.find("tags") if stated else None)
    yield from (f"branch:{name}" for name in branches)
    yield from (f"tag:{name}" for name in tags)
    if not branches and not tags:
        yield "branch:**"


def _permissions(node: Node | None) -> Iterator[tuple[str, str]]:
    if isinstance(node, Scalar) and node.text:
        yield "*", node.text
    for scope, level in children(node):
        yield scope, text(level)


def _action(uses: str, line: int) -> Action:
    if uses.startswith(("./", "../")):
        return Action(name=uses, reference="", line=line, is_pinned=True)
    if uses.startswith("docker://"):
        image, _, digest = uses.partition("@")
        name, colon, tag = image.removeprefix("docker://").rpartition(":")
        if "/" in tag or not colon:
            name, tag = image.removeprefix("docker://"), ""
        is_pinned = digest.startswith("sha256:")
        return Action(name=f"docker://{name}", reference=digest or tag, line=line, is_pinned=is_pinned)
    name, _, reference = uses.partition("@")
    return Action(name=name, reference=reference, line=line, is_pinned=bool(_COMMIT.match(reference)))


def _tainted(node: Node | None, known: frozenset[str]) -> frozenset[str]:
    """Names of variables filled with untrusted text: `$NAME` is safe then, writing `env.NAME` into a script is not."""
    own = {name: bool(untrusted_in(text(value), tainted=known)) for name, value in children(node)}
    added = {name for name, is_tainted in own.items() if is_tainted}
    return frozenset((known - set(own)) | added)


def _secrets(root: Mapping) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in root.walk():
        if isinstance(node, Scalar):
            found.update(dict.fromkeys(secrets_of(node.text)))
    for _, job in children(root.find("jobs")):
        if text(job.find("secrets")) == "inherit":
            found["inherit"] = None
    return tuple(found)


READERS: tuple[Reader, ...] = (_Reader(), *OTHER_READERS)
