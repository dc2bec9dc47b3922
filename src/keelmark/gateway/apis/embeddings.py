"""`/v1/embeddings`: the request and the answer, which holds no texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call
from keelmark.gateway.apis.completions import read_inputs
from keelmark.gateway.apis.fields import check_fields, is_text, one_of, text, whole
from keelmark.gateway.apis.interface import Answer
from keelmark.gateway.apis.openai_answer import object_of, usage_of
from keelmark.gateway.apis.reading import add_extra, begin, model_of, read_object, tokens_of
from keelmark.gateway.apis.refused import AnswerError

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
    from keelmark.gateway.apis.fields import Table

__all__ = ["answer_of", "call_of"]

_TABLE: Table = {
    "model": is_text,
    "input": lambda _: True,
    "dimensions": whole(1, 65_536),
    "encoding_format": one_of("float", "base64"),
    "user": text(512),
}
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")


def call_of(request: Request, bounds: ApiBounds) -> Call:
    """The call that a request makes.

    Raises:
        RefusedError: It is not well formed, or asks for more than allowed.
    """
    body, decoded = read_object(request, bounds)
    check_fields(body, _TABLE, extra=bounds.extra_fields)
    found = begin(request, bounds)
    inputs = read_inputs(body, "input", found)
    add_extra(body, found)
    return Call(
        api=Api.EMBEDDINGS,
        action=Action.EMBED,
        model=model_of(body),
        body=body,
        spans=tuple(found.spans),
        choices=inputs,
        input_tokens=tokens_of(decoded, found),
        is_tainted=found.is_tainted,
    )


def answer_of(call: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer: numbers alone.

    Raises:
        AnswerError: It is not what the interface promises.
    """
    value = object_of(body, bounds)
    data = value.get("data")
    if type(data) is not list or len(data) > call.choices:
        raise AnswerError("upstream-invalid", "answer has no data, or more than was asked for")
    kept = {
        "object": "list",
        "data": [_row(each) for each in data],
        "model": call.model,
        "usage": usage_numbers(value.get("usage")),
    }
    return Answer(body=kept, usage=usage_of(value.get("usage")))


def usage_numbers(usage: Any) -> dict[str, int]:
    """Counts without anything else."""
    if type(usage) is not dict:
        return {"prompt_tokens": 0, "total_tokens": 0}
    return {name: held for name, held in usage.items() if type(held) is int}


def _row(row: Any) -> dict[str, Any]:
    vector = row.get("embedding") if type(row) is dict else None
    index = row.get("index") if type(row) is dict else None
    if type(index) is not int:
        raise AnswerError("upstream-invalid", "vector has no index")
    if type(vector) is list:
        if not set(map(type, vector)) <= {float, int}:
            raise AnswerError("upstream-invalid", "vector holds no numbers")
    elif type(vector) is not str or not _BASE64.issuperset(vector):
        raise AnswerError("upstream-invalid", "vector is none")
    return {"object": "embedding", "index": index, "embedding": vector}
