"""What the rules about pipelines share: which workflows give something to others, and how they prove who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.project import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.facts import Workflow
    from keelmark.core.project import Project

__all__ = ["Publication", "publications", "workflows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A step that gives something to others.

    Attributes:
        what: The step, in words: "publishes to PyPI".
        target: `pypi`, `npm`, `aws`, ..., "" for none in particular.
    """

    what: str
    target: str
    line: int


_ACTIONS: tuple[tuple[str, str, str], ...] = (
    ("pypa/gh-action-pypi-publish", "pypi", "publishes to PyPI"),
    ("aws-actions/amazon-ecs-deploy-task-definition", "aws", "deploys to ECS"),
    ("aws-actions/aws-lambda-deploy", "aws", "deploys to Lambda"),
    ("google-github-actions/deploy-cloudrun", "gcp", "deploys to Cloud Run"),
    ("google-github-actions/deploy-appengine", "gcp", "deploys to App Engine"),
    ("azure/webapps-deploy", "azure", "deploys to Azure"),
    ("azure/functions-action", "azure", "deploys to Azure"),
    ("azure/k8s-deploy", "azure", "deploys to a cluster"),
    ("amondnet/vercel-action", "", "deploys to Vercel"),
    ("akhileshns/heroku-deploy", "", "deploys to Heroku"),
)

_SCRIPTS: tuple[tuple[str, str, str], ...] = (
    (r"\b(twine\s+upload|poetry\s+publish|uv\s+publish|flit\s+publish|hatch\s+publish|pdm\s+publish)\b", "pypi", "publishes to PyPI"),
    (r"\b(npm|pnpm|yarn)(\s+-r)?\s+publish\b", "npm", "publishes to npm"),
    (r"\bdocker\s+(image\s+)?push\b", "", "pushes an image"),
    (r"\b(huggingface-cli|hf)\s+upload\b", "hub", "publishes to a model hub"),
    (r"\baws\s+(ecs\s+update-service|s3\s+(sync|cp)|lambda\s+update-function-code)\b|\b(sam|cdk)\s+deploy\b", "aws", "deploys to AWS"),
    (r"\bgcloud\s+(run|app|functions)\s+deploy\b", "gcp", "deploys to Google Cloud"),
    (r"\baz\s+(webapp|containerapp|functionapp)\s+(up|update|deploy\w*)\b", "azure", "deploys to Azure"),
    (r"\b(kubectl\s+apply|helm\s+upgrade|terraform\s+apply|tofu\s+apply|flyctl\s+deploy|fly\s+deploy|modal\s+deploy)\b", "", "deploys"),
)  # fmt: skip
_PATTERNS = tuple((re2.compile(pattern), target, what) for pattern, target, what in _SCRIPTS)


def workflows(project: Project) -> tuple[Seen[Workflow], ...]:
    """Workflows of GitHub that run something."""
    return tuple(
        Seen(file, reading, reading.workflow)
        for file, reading in project.readings
        if reading.workflow is not None
        and reading.workflow.system == "github"
        and (reading.workflow.actions or reading.workflow.scripts)
    )


def publications(flow: Workflow) -> Iterator[Publication]:
    """Each step that publishes or deploys."""
    for action in flow.actions:
        for name, target, what in _ACTIONS:
            if action.name.lower() == name:
                yield Publication(what=what, target=target, line=action.line)
    for script in flow.scripts:
        text = "\n".join(line for line in script.text.split("\n") if "--dry-run" not in line)
        for pattern, target, what in _PATTERNS:
            if pattern.search(text):
                yield Publication(what=what, target=target, line=script.line)
