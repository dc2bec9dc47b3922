"""Stages of users, as `gateway.yaml` names them: found, held to the contract, and put behind the stage that they follow.

1. Only what is named is loaded and runs.
2. A stage that is not installed, fails while it is loaded, or breaks the contract refuses the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import re2

from keelmark.engine.installed import load_named
from keelmark.errors import ConfigurationError
from keelmark.gateway.pipeline import BEYOND, ORDER
from keelmark.operation.inputs.taint import EarlierAnswers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.exchange import Stage
    from keelmark.gateway.settings import StageSettings

__all__ = ["STAGE_GROUP", "own_stages"]

STAGE_GROUP: Final = "keelmark.stages"
"""Entry points of stages."""

_NAME = re2.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_NAME = 64


def own_stages(named: Iterable[StageSettings]) -> Mapping[str, tuple[Stage, ...]]:
    """Stages of users by the name of the one that they follow, in the order in which they are named.

    Raises:
        ConfigurationError: One is not installed, cannot be loaded, or is no stage.
    """
    found: dict[str, tuple[Stage, ...]] = {}
    seen = {*ORDER, *BEYOND, EarlierAnswers.name}
    for each in named:
        if each.after not in ORDER:
            raise ConfigurationError(
                f"stage `{each.name}` cannot follow `{each.after}`", hint=f"stages are {', '.join(ORDER)}"
            )
        if each.name in seen:
            raise ConfigurationError(f"there are two stages of the name `{each.name}`")
        seen.add(each.name)
        found[each.after] = (*found.get(each.after, ()), _loaded(each.name))
    return found


def _loaded(name: str) -> Stage:
    if len(name) > _MAX_NAME or _NAME.fullmatch(name) is None:
        raise ConfigurationError(
            f"`{name[:_MAX_NAME]}` is no name of a stage", hint="small letters and hyphens"
        )
    stage = load_named(STAGE_GROUP, name, what="stage")
    if not callable(stage):
        raise ConfigurationError(f"`{name}` is no stage", hint="a stage has `name` and takes an exchange")
    # Records and refusals say the name of the object: it must be the one that the operator wrote.
    if getattr(stage, "name", None) != name:
        raise ConfigurationError(
            f"the stage of the entry point `{name}` does not call itself so", hint=f'name = "{name}"'
        )
    return cast("Stage", stage)
