"""Kubernetes objects: what runs containers becomes services, everything else becomes resources."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason, Reading, Resource, Service
from keelmark.formats import yaml_tree
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.yaml_tree import Mapping, Node, Scalar, Sequence
from keelmark.formats.yaml_values import children, flatten, is_true, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one file of Kubernetes objects."""

    max_objects: int = 2_000
    max_attributes: int = 500


_API = bytes_pattern(rb"(?m)^(?:- )?['\"]?apiVersion['\"]?[ \t]*:[ \t]*\S")
_KIND = bytes_pattern(rb"(?m)^(?:  )?['\"]?kind['\"]?[ \t]*:[ \t]*\S")
_HELM = re2.compile(
    r"\{\{-?\s*(?:\.Values|\.Release|\.Chart|\.Capabilities|include\s|template\s|define\s|if\s|range\s|with\s|end\b|toYaml\s)"
)
# Other tools took over the shape `apiVersion` and `kind`; their objects do not run in a cluster.
_FOREIGN = ("backstage.io/", "skaffold/", "compose.", "kind.x-k8s.io/", "ctlptl.dev/", "dagger.")
_SECURITY = (
    "allowPrivilegeEscalation", "readOnlyRootFilesystem", "runAsNonRoot", "runAsUser", "runAsGroup", "procMount",
)  # fmt: skip
_POD = (
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "serviceAccountName",
    "automountServiceAccountToken",
    "runtimeClassName",
)
_POD_PLACES = (("spec", "jobTemplate", "spec", "template", "spec"), ("spec", "template", "spec"), ("spec",),
               ("spec", "predictor"), ("template", "spec"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "kubernetes"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if source.suffix not in {".yaml", ".yml"} or not source.is_text:
            return False
        return bool(_API.search(source.head)) and bool(_KIND.search(source.head))

    def read(self, source: Source) -> tuple[Reading, ...]:
        if _HELM.search(source.text):
            detail = "Helm template: render it (helm template) and assess the result"
            gap = Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=False)
            return (Reading(format="helm", gaps=(gap,)),)
        found = list(_objects(yaml_tree.parse_all(source.text, path=source.path)))
        if not found:
            return ()
        gaps = []
        if len(found) > self.bounds.max_objects:
            detail = f"{len(found)} objects; read were {self.bounds.max_objects}"
            gaps.append(Gap(path=source.path, reason=GapReason.TOO_MANY, detail=detail))
        services: list[Service] = []
        resources: list[Resource] = []
        for node in found[: self.bounds.max_objects]:
            run = tuple(_services(node))
            services.extend(run)
            if not run:
                resources.append(_resource(node, self.bounds.max_attributes))
        reading = Reading(
            format=self.name, services=tuple(services), resources=tuple(resources), gaps=tuple(gaps)
        )
        return (reading,)


def _objects(documents: tuple[Node, ...]) -> Iterator[Mapping]:
    for document in documents:
        if not isinstance(document, Mapping):
            continue
        kind, version = text(document.find("kind")), text(document.find("apiVersion"))
        if not kind or not version or version.startswith(_FOREIGN):
            continue
        items = document.find("items")
        if kind == "List" and isinstance(items, Sequence):
            yield from _objects(items.items)
        else:
            yield document


def _pod(node: Mapping) -> Mapping | None:
    for place in _POD_PLACES:
        spec = node.find(*place)
        if isinstance(spec, Mapping) and isinstance(spec.find("containers"), Sequence):
            return spec
    return None


def _services(node: Mapping) -> Iterator[Service]:
    pod = _pod(node)
    if pod is None:
        return
    owner = text(node.find("metadata", "name")) or text(node.find("metadata", "generateName"))
    shared = tuple(_pod_settings(pod, text(node.find("kind"))))
    for group in ("containers", "initContainers", "ephemeralContainers"):
        listed = pod.find(group)
        for item in listed.items if isinstance(listed, Sequence) else ():
            if isinstance(item, Mapping):
                yield _service(item, pod, owner=owner, shared=shared)


def _service(item: Mapping, pod: Mapping, *, owner: str, shared: tuple[tuple[str, str], ...]) -> Service:
    context, outer = item.find("securityContext"), pod.find("securityContext")
    user = text(context.find("runAsUser") if context else None)
    name = text(item.find("name"))
    return Service(
        system="kubernetes",
        name=f"{owner}/{name}" if owner else name,
        line=item.line,
        image=text(item.find("image")),
        ports=tuple(_ports(item.find("ports"))),
        is_privileged=is_true(context.find("privileged") if context else None),
        run_as_user=user or text(outer.find("runAsUser") if outer else None),
        settings=(*shared, *_security(context, outer), *_container_settings(item)),
        environment=tuple(_environment(item)),
        volumes=tuple(_mounts(item)),
        limits=tuple(f"{key}={text(value)}" for key, value in children(item.find("resources", "limits"))),
        command=" ".join((*texts(item.find("command")), *texts(item.find("args")))),
    )


def _ports(node: Node | None) -> Iterator[str]:
    for item in node.items if isinstance(node, Sequence) else ():
        ends = [text(item.find(key)) for key in ("hostIP", "hostPort", "containerPort")]
        yield ":".join(part for part in ends if part)


def _pod_settings(pod: Mapping, kind: str) -> Iterator[tuple[str, str]]:
    yield "kind", kind
    for key in _POD:
        value = pod.find(key)
        if isinstance(value, Scalar):
            yield key, value.text
    volumes = pod.find("volumes")
    for item in volumes.items if isinstance(volumes, Sequence) else ():
        path = item.find("hostPath", "path")
        if isinstance(path, Scalar):
            yield "hostPath", path.text


def _security(context: Node | None, outer: Node | None) -> Iterator[tuple[str, str]]:
    # What the container states goes before what the pod states.
    for key in _SECURITY:
        own = context.find(key) if context else None
        value = own if own is not None else (outer.find(key) if outer else None)
        if isinstance(value, Scalar):
            yield key, value.text
    for action in ("add", "drop"):
        for capability in texts(context.find("capabilities", action) if context else None):
            yield f"cap_{action}", capability
    for holder in (context, outer):
        profile = holder.find("seccompProfile", "type") if holder else None
        if isinstance(profile, Scalar):
            yield "seccompProfile", profile.text
            return


def _container_settings(item: Mapping) -> Iterator[tuple[str, str]]:
    policy = item.find("imagePullPolicy")
    if isinstance(policy, Scalar):
        yield "imagePullPolicy", policy.text
    for key in ("livenessProbe", "readinessProbe", "startupProbe"):
        if item.find(key) is not None:
            yield key, "stated"


def _environment(item: Mapping) -> Iterator[tuple[str, str]]:
    variables = item.find("env")
    for entry in variables.items if isinstance(variables, Sequence) else ():
        origin = entry.find("valueFrom")
        value = text(entry.find("value"))
        yield (
            text(entry.find("name")),
            value[:200] if origin is None else f"<{next(iter(dict(children(origin))), '')}>",
        )


def _mounts(item: Mapping) -> Iterator[str]:
    mounts = item.find("volumeMounts")
    for entry in mounts.items if isinstance(mounts, Sequence) else ():
        mode = ":ro" if is_true(entry.find("readOnly")) else ""
        yield f"{text(entry.find('name'))}:{text(entry.find('mountPath'))}{mode}"


def _resource(node: Mapping, max_attributes: int) -> Resource:
    kind = text(node.find("kind"))
    attributes = islice(flatten(node), max_attributes)
    hidden = ("data.", "stringData.", "metadata.annotations.")
    return Resource(
        system="kubernetes",
        kind=kind,
        name=text(node.find("metadata", "name")),
        line=node.line,
        # The values of a Secret are credentials; facts are kept and printed, so only their names are taken.
        attributes=tuple(
            (key, "***" if kind == "Secret" and key.startswith(hidden) else value, line)
            for key, value, line in attributes
        ),
    )


READER: Reader = _Reader()
