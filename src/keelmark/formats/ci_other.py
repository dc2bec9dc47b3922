"""Pipelines of GitLab, Azure, CircleCI and Jenkins: what is simple is read, the rest is named as not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Action, Gap, GapReason, Reading, Script, Workflow
from keelmark.errors import ParseError
from keelmark.formats import yaml_tree
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import children, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["OTHER_READERS", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one pipeline file."""

    max_scripts: int = 5_000
    max_script_chars: int = 8_000


_BOUNDS = Bounds()
_COMMIT = re2.compile(r"^[0-9a-f]{40}(?:[0-9a-f]{24})?$")
_GITLAB_SOURCE = re2.compile(r"\$CI_PIPELINE_SOURCE\s*==\s*[\"']([a-z_]+)[\"']")
# Both systems write these into the script before a shell reads it.
_AZURE_UNTRUSTED = re2.compile(
    r"\$\((Build\.SourceBranchName|Build\.SourceBranch|Build\.SourceVersionMessage|Build\.SourceVersionAuthor|"
    r"System\.PullRequest\.SourceBranch|Build\.RequestedFor)\)"
)
_CIRCLE_UNTRUSTED = re2.compile(r"<<\s*(pipeline\.git\.branch|pipeline\.git\.tag)\s*>>")
_JENKINS_STEP = re2.compile(
    r"(?s)\b(?:sh|bat|powershell|pwsh)\b[\s(]*(?:script\s*:\s*)?('''.*?'''|\"\"\".*?\"\"\"|'[^'\n]*'|\"[^\"\n]*\")"
)
_JENKINS_UNTRUSTED = re2.compile(r"\$\{?(?:env\.)?(CHANGE_TITLE|CHANGE_BRANCH|CHANGE_AUTHOR_DISPLAY_NAME)\b")
_FULL_VERSION = re2.compile(r"^\d+\.\d+\.\d+$")
_NOT_ALL = "templates, includes and expressions of this pipeline are not followed"


def _partly(source: Source, detail: str = _NOT_ALL) -> tuple[Gap, ...]:
    return (Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False),)


def _script(node: Node, untrusted: tuple[str, ...] = ()) -> Script | None:
    content = "\n".join(texts(node)) if isinstance(node, Sequence) else text(node)
    if not content:
        return None
    return Script(text=content[: _BOUNDS.max_script_chars], line=node.line, untrusted=untrusted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _GitLab:
    name: str = "gitlab-ci"
    version: int = 1

    def recognises(self, source: Source) -> bool:
        return source.name.endswith((".gitlab-ci.yml", ".gitlab-ci.yaml")) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        documents = yaml_tree.parse_all(source.text, path=source.path)
        root = documents[-1] if documents else None  # With two documents, the first one states inputs.
        if not isinstance(root, Mapping):
            return ()
        scripts: list[Script] = []
        for _, job in (("", root), *children(root)):
            for key in ("before_script", "script", "after_script"):
                node = job.find(key)
                # Variables reach the shell through its environment here, so no text is written into the script.
                script = _script(node) if node is not None else None
                if script is not None and len(scripts) < _BOUNDS.max_scripts:
                    scripts.append(script)
        sources = dict.fromkeys(_GITLAB_SOURCE.findall(source.text))
        for _, job in children(root):
            only = job.find("only") or job.find("only", "refs")
            sources.update(dict.fromkeys(texts(only)))
        workflow = Workflow(
            system="gitlab",
            name=text(root.find("workflow", "name")),
            triggers=tuple(sources),
            actions=tuple(_includes(root.find("include"))),
            scripts=tuple(scripts),
        )
        return (Reading(format=self.name, workflow=workflow),)


def _includes(node: Node | None) -> Iterator[Action]:
    for item in node.items if isinstance(node, Sequence) else (node,):
        if isinstance(item, Scalar):
            is_remote = item.text.startswith(("http://", "https://"))
            yield Action(name=item.text, reference="", line=item.line, is_pinned=not is_remote)
        if not isinstance(item, Mapping):
            continue
        line = item.line
        if project := text(item.find("project")):
            reference = text(item.find("ref"))
            yield Action(name=project, reference=reference, line=line, is_pinned=_is_commit(reference))
        elif remote := text(item.find("remote")):
            digest = text(item.find("integrity"))
            yield Action(name=remote, reference=digest, line=line, is_pinned=digest.startswith("sha"))
        elif component := text(item.find("component")):
            name, _, reference = component.partition("@")
            yield Action(name=name, reference=reference, line=line, is_pinned=_is_commit(reference))
        elif local := text(item.find("local")) or text(item.find("template")):
            # Own files, and templates that come with the server itself.
            yield Action(name=local, reference="", line=line, is_pinned=True)


def _is_commit(reference: str) -> bool:
    return bool(_COMMIT.match(reference))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Azure:
    name: str = "azure-pipelines"
    version: int = 1

    def recognises(self, source: Source) -> bool:
        name = source.name.lower()
        return name.startswith(("azure-pipelines", ".azure-pipelines")) and name.endswith((".yml", ".yaml"))

    def read(self, source: Source) -> tuple[Reading, ...]:
        root = yaml_tree.parse(source.text, path=source.path)
        if not isinstance(root, Mapping):
            return ()
        scripts = []
        for node in root.walk():
            for key in ("script", "bash", "powershell", "pwsh"):
                value = node.find(key)
                if isinstance(value, Scalar):
                    script = _script(value, tuple(dict.fromkeys(_AZURE_UNTRUSTED.findall(value.text))))
                    scripts.extend([script] if script else [])
        triggers = [key for key in ("trigger", "pr", "schedules") if _is_on(root.find(key))]
        workflow = Workflow(
            system="azure",
            name=text(root.find("name")),
            triggers=tuple(triggers),
            scripts=tuple(scripts[: _BOUNDS.max_scripts]),
        )
        return (Reading(format=self.name, workflow=workflow, gaps=_partly(source)),)


def _is_on(node: Node | None) -> bool:
    return node is not None and text(node) != "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Circle:
    name: str = "circleci"
    version: int = 1

    def recognises(self, source: Source) -> bool:
        return source.path.endswith((".circleci/config.yml", ".circleci/config.yaml")) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        root = yaml_tree.parse(source.text, path=source.path)
        if not isinstance(root, Mapping):
            return ()
        scripts = []
        for node in root.walk():
            run = node.find("run")
            value = run.find("command") if isinstance(run, Mapping) else run
            if isinstance(value, Scalar):
                script = _script(value, tuple(dict.fromkeys(_CIRCLE_UNTRUSTED.findall(value.text))))
                scripts.extend([script] if script else [])
        workflow = Workflow(
            system="circleci",
            triggers=("push",),
            actions=tuple(_orbs(root.find("orbs"))),
            scripts=tuple(scripts[: _BOUNDS.max_scripts]),
        )
        return (Reading(format=self.name, workflow=workflow, gaps=_partly(source)),)


def _orbs(node: Node | None) -> Iterator[Action]:
    for _, orb in children(node):
        if isinstance(orb, Scalar):
            name, _, version = orb.text.partition("@")
            # A published orb version never changes; a shortened one and `volatile` move.
            yield Action(
                name=name, reference=version, line=orb.line, is_pinned=bool(_FULL_VERSION.match(version))
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Jenkins:
    name: str = "jenkins"
    version: int = 1

    def recognises(self, source: Source) -> bool:
        name = source.name
        return (name == "Jenkinsfile" or name.startswith("Jenkinsfile.")) and source.is_text

    def read(self, source: Source) -> tuple[Reading, ...]:
        content = source.text
        if "pipeline" not in content and "node" not in content:
            raise ParseError("no pipeline in a Jenkinsfile", path=source.path)
        scripts = []
        for match in _JENKINS_STEP.finditer(content):
            quoted = match.group(1)
            # Only double quotes fill in variables before the shell reads the text.
            untrusted = _JENKINS_UNTRUSTED.findall(quoted) if quoted.startswith('"') else []
            scripts.append(
                Script(
                    text=quoted.strip("'\"")[: _BOUNDS.max_script_chars],
                    line=content.count("\n", 0, match.start()) + 1,
                    untrusted=tuple(dict.fromkeys(untrusted)),
                )
            )
            if len(scripts) >= _BOUNDS.max_scripts:
                break
        workflow = Workflow(system="jenkins", scripts=tuple(scripts))
        gaps = _partly(source, "only shell steps of a Jenkinsfile are read")
        return (Reading(format=self.name, workflow=workflow, gaps=gaps),)


OTHER_READERS: tuple[Reader, ...] = (_GitLab(), _Azure(), _Circle(), _Jenkins())
