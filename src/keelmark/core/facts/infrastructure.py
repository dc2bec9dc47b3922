"""Containers, services, pipelines and infrastructure as code."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Action", "BaseImage", "ContainerFile", "Instruction", "Resource", "Script", "Service", "Workflow"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One instruction of a container file, continuation lines joined."""

    name: str
    value: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseImage:
    """One `FROM`.

    Attributes:
        image: Name without tag and digest; build arguments with a default are filled in.
        is_stage: Whether it names an earlier stage of the same file.
        is_final: Whether it is the stage that is shipped.
        is_resolved: Whether the image name could be read in full.
    """

    image: str
    line: int
    tag: str = ""
    digest: str = ""
    alias: str = ""
    is_stage: bool = False
    is_final: bool = False
    is_resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFile:
    """A Dockerfile or Containerfile.

    Attributes:
        user: User in force at the end of the final stage, "" when none is set in that stage.
        user_line: Line of that USER instruction, 0 when none.
    """

    bases: tuple[BaseImage, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    user: str = ""
    user_line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One container as compose or Kubernetes would run it.

    Attributes:
        system: `compose`, `kubernetes`, `helm`.
        image: As written.
        ports: Published ports as written, `host-ip:host:container` for compose.
        is_privileged: Privileged mode.
        run_as_user: User or uid as written, "" when not set.
        settings: Other security-relevant settings as (key, value): `network_mode`, `pid`, `cap_add`,
            `allowPrivilegeEscalation`, `readOnlyRootFilesystem`, `runAsNonRoot`, `hostNetwork`, `hostPath`, ...
        environment: Names (and values of at most 200 characters) of environment variables.
        limits: Memory, CPU or process limits as written.
    """

    system: str
    name: str
    line: int
    image: str = ""
    ports: tuple[str, ...] = ()
    is_privileged: bool = False
    run_as_user: str = ""
    settings: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    volumes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A reusable step that a pipeline takes from elsewhere.

    Attributes:
        is_pinned: Fixed by a full commit digest (or image digest), or part of the same repository.
    """

    name: str
    reference: str
    line: int
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """Shell text that a pipeline runs.

    Attributes:
        untrusted: Expressions filled in before the shell reads the text whose value an outsider controls.
    """

    text: str
    line: int
    untrusted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """One CI pipeline file.

    Attributes:
        system: `github`, `gitlab`, `azure`, `circleci`, `jenkins`, ...
        triggers: Events, `push`, `pull_request_target`, ...
        pushes: What a push must match to start it: `branch:main`, `tag:v*`; `branch:**` when every branch does.
        permissions: (scope, level) pairs as written at workflow and job level; scope `*` for `read-all`/`write-all`.
        has_permissions: Whether token permissions are stated at all.
        secrets: Names of secrets it uses.
        checks_out_untrusted: Lines where the head of a foreign pull request is checked out.
    """

    system: str
    name: str = ""
    triggers: tuple[str, ...] = ()
    pushes: tuple[str, ...] = ()
    permissions: tuple[tuple[str, str], ...] = ()
    has_permissions: bool = False
    actions: tuple[Action, ...] = ()
    scripts: tuple[Script, ...] = ()
    secrets: tuple[str, ...] = ()
    checks_out_untrusted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource of infrastructure as code (Terraform, Bicep, Kubernetes objects that run nothing).

    Attributes:
        attributes: Flattened (`a.b.0.c`, value, line), at most a named bound.
    """

    system: str
    kind: str
    name: str
    line: int
    attributes: tuple[tuple[str, str, int], ...] = ()
