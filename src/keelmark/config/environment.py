"""Secrets and devices as the environment names them, apart from the settings of assessments, which weigh more."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from keelmark.core.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["secret_of", "text_of"]


def secret_of(variable: str, environment: Mapping[str, str] | None = None) -> Secret | None:
    """A secret that a variable of the environment holds; None when there is none. It prints as `***`."""
    variables = os.environ if environment is None else environment
    value = variables.get(variable, "").encode("utf-8", "surrogateescape")
    return Secret(value) if value else None


def text_of(variable: str, environment: Mapping[str, str] | None = None) -> str:
    """What a variable of the environment holds; empty when it is not set."""
    variables = os.environ if environment is None else environment
    return variables.get(variable, "")
