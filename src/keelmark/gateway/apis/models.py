"""`/v1/models` and `/v1/models/{id}`: the request, and the answer that the gateway gives itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call
from keelmark.gateway.apis.interface import Answer
from keelmark.gateway.apis.openai_answer import object_of
from keelmark.gateway.apis.refused import AnswerError, RefusedError
from keelmark.gateway.apis.strict_json import encode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds

__all__ = ["answer_of", "call_of", "listing", "model_row"]

_BEGINNING = "1970-01-01T00:00:00Z"
_ROW = ("id", "object", "created", "owned_by", "type", "display_name", "created_at")


def call_of(request: Request, _: ApiBounds, name: str = "") -> Call:
    """The call that a request makes: for one model, or for all.

    Raises:
        RefusedError: It has a body.
    """
    if request.body:
        raise RefusedError("bad-request", "a listing takes no body")
    return Call(api=Api.MODELS, action=Action.LIST_MODELS, model=name, body=None)


def listing(names: Iterable[str]) -> bytes:
    """The answer for all models that a caller may know; readable for clients of OpenAI and of Anthropic."""
    rows = [model_row(name) for name in names]
    first, last = (rows[0]["id"], rows[-1]["id"]) if rows else (None, None)
    return encode({"object": "list", "data": rows, "has_more": False, "first_id": first, "last_id": last})


def model_row(name: str) -> dict[str, Any]:
    """One model; its true origin and age are nobody's business."""
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "keelmark",
        "type": "model",
        "display_name": name,
        "created_at": _BEGINNING,
    }


def answer_of(_: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a listing of an upstream: names alone, and nothing of what it says besides.

    Raises:
        AnswerError: It is none.
    """
    value = object_of(body, bounds)
    rows = value.get("data", [value])
    if type(rows) is not list or not all(
        type(row) is dict and type(row.get("id")) is str and row["id"].isprintable() for row in rows
    ):
        raise AnswerError("upstream-invalid", "answer lists no models")
    known = [{name: row[name] for name in _ROW if name in row} for row in rows]
    return Answer(body={"object": "list", "data": known} if "data" in value else known[0])
