"""`/v1/completions`: the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call, Provenance
from keelmark.gateway.apis.chat import COMMON, ask_usage, check_stop
from keelmark.gateway.apis.fields import check_fields, is_bool, is_text, whole
from keelmark.gateway.apis.reading import (
    add_extra,
    begin,
    cap_output,
    choices_of,
    model_of,
    read_object,
    tokens_of,
)
from keelmark.gateway.apis.refused import RefusedError

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds
    from keelmark.gateway.apis.fields import Table
    from keelmark.gateway.apis.texts import Collected

__all__ = ["call_of", "read_inputs"]

_TABLE: Table = {
    **COMMON,
    "prompt": lambda _: True,
    "suffix": is_text,
    "echo": is_bool,
    "best_of": whole(1, 2**63 - 1),
    "logprobs": whole(0, 5),
}


def call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    body, decoded = read_object(request, bounds)
    check_fields(body, _TABLE, extra=bounds.extra_fields)
    found = begin(request, bounds)
    prompts = read_inputs(body, "prompt", found)
    found.add(body.get("suffix") or "", found.of_message(0, Provenance.USER), ("suffix",))
    check_stop(body, found)
    add_extra(body, found)
    choices = choices_of(body, bounds, "n", "best_of")
    # Each prompt has its own answers.
    if prompts * choices > max(bounds.max_choices, prompts):
        raise RefusedError("too-many-choices", f"at most {bounds.max_choices}")
    tokens = tokens_of(decoded, found)
    stream = body.get("stream") is True
    return Call(
        api=Api.COMPLETIONS,
        action=Action.INFER,
        model=model_of(body),
        body=body,
        spans=tuple(found.spans),
        stream=stream,
        max_output_tokens=cap_output(body, bounds, ("max_tokens",), default="max_tokens"),
        choices=prompts * choices,
        input_tokens=tokens,
        is_tainted=found.is_tainted,
        hides_usage=stream and ask_usage(body, bounds),
    )


def read_inputs(body: dict[str, Any], name: str, found: Collected) -> int:
    """Note the texts of a field that holds one text or several; how many there are.

    Raises:
        RefusedError: They are none, too many, or numbers of tokens where those are not allowed.
    """
    held = body.get(name)
    if type(held) is str:
        found.add(held, found.of_message(0, Provenance.USER), (name,))
        return 1
    if type(held) is not list or not held:
        raise RefusedError("bad-field", f"`{name}`")
    if type(held[0]) is str:
        if len(held) > found.bounds.max_inputs:
            raise RefusedError("bad-field", f"`{name}`: at most {found.bounds.max_inputs}")
        for index, each in enumerate(held):
            if type(each) is not str:
                raise RefusedError("bad-field", f"`{name}`")
            found.add(each, found.of_message(index, Provenance.USER), (name, index))
        return len(held)
    if not found.bounds.token_inputs:
        raise RefusedError("bad-field", f"`{name}`: numbers of tokens cannot be checked, send texts")
    found.is_tainted = True
    rows = held if type(held[0]) is list else [held]
    if len(rows) > found.bounds.max_inputs or not all(
        type(row) is list and row and all(type(each) is int and each >= 0 for each in row) for row in rows
    ):
        raise RefusedError("bad-field", f"`{name}`")
    return len(rows)
