"""Plain interfaces of trained models: `/v1/predict/{model}`, `/v1/models/{name}:predict`, `/v2/models/{name}/infer`.

What a model takes is its own affair, so these bodies have no closed list of fields, but for those of the Open Inference
Protocol. Their texts are the user's. Answers are read likewise: every text of them is shown to the screens.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from keelmark.core.call import Action, Api, Call, Provenance
from keelmark.gateway.apis.fields import check_fields, is_flat, is_list, text
from keelmark.gateway.apis.interface import Answer, TextKind
from keelmark.gateway.apis.openai_answer import add_strings
from keelmark.gateway.apis.reading import begin, read_object, tokens_of
from keelmark.gateway.apis.refused import AnswerError, RefusedError
from keelmark.gateway.apis.strict_json import decode_foreign

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
    from keelmark.gateway.apis.fields import Table

__all__ = ["answer_of", "call_of", "infer_call_of"]

_INFER: Table = {"id": text(256), "parameters": is_flat, "inputs": is_list, "outputs": is_list}
_INPUT: Table = {
    "name": text(256), "shape": is_list, "datatype": text(16), "parameters": is_flat, "data": is_list,
}  # fmt: skip
_OUTPUT: Table = {"name": text(256), "parameters": is_flat}
_WHOLE = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
_KINDS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(_WHOLE, (int,)),
    **dict.fromkeys(("FP16", "FP32", "FP64", "BF16"), (int, float)),
    "BOOL": (bool, int),
    "BYTES": (str,),
}
_MAX_DIMENSIONS = 16


def call_of(request: Request, bounds: ApiBounds, name: str) -> Call:
    """The call that a request makes.

    Raises:
        RefusedError: It is no object, or larger than allowed.
    """
    body, decoded = read_object(request, bounds)
    found = begin(request, bounds)
    found.add_all(body, found.of_message(0, Provenance.USER), ())
    return Call(
        api=Api.PREDICT,
        action=Action.PREDICT,
        model=name,
        body=body,
        spans=tuple(found.spans),
        input_tokens=tokens_of(decoded, found),
        is_tainted=found.is_tainted,
    )


def infer_call_of(request: Request, bounds: ApiBounds, name: str) -> Call:
    """The call that a request of the Open Inference Protocol makes: its tensors are as large as they say.

    Raises:
        RefusedError: It is not well formed.
    """
    call = call_of(request, bounds, name)
    check_fields(call.body, _INFER)
    inputs = call.body.get("inputs")
    if type(inputs) is not list or not inputs:
        raise RefusedError("bad-field", "`inputs`")
    for each in inputs:
        _check_tensor(each)
    for each in call.body.get("outputs") or ():
        if type(each) is not dict:
            raise RefusedError("bad-field", "`outputs`")
        check_fields(each, _OUTPUT)
    return call


def answer_of(_: Call, body: bytes, bounds: AnswerBounds) -> Answer:
    """Read a whole answer; every text of it is one to be looked at.

    Raises:
        AnswerError: It is no JSON.
    """
    if len(body) > bounds.max_bytes:
        raise AnswerError("upstream-too-large", "answer is too large")
    try:
        value = decode_foreign(body, max_depth=bounds.max_depth)
    except ValueError as error:
        raise AnswerError("upstream-invalid", str(error)) from error
    if type(value) is not dict and type(value) is not list:
        raise AnswerError("upstream-invalid", "answer is neither object nor array")
    answer = Answer(body=value)
    add_strings(answer, value, (), TextKind.CONTENT)
    return answer


def _check_tensor(tensor: Any) -> None:
    if type(tensor) is not dict:
        raise RefusedError("bad-field", "`inputs`")
    check_fields(tensor, _INPUT)
    shape, datatype, data = tensor.get("shape"), tensor.get("datatype"), tensor.get("data")
    if type(shape) is not list or len(shape) > _MAX_DIMENSIONS or type(data) is not list:
        raise RefusedError("bad-field", "`shape`")
    if not all(type(each) is int and 0 <= each < 2**31 for each in shape):
        raise RefusedError("bad-field", "`shape`")
    kinds = _KINDS.get(datatype) if type(datatype) is str else None
    if kinds is None:
        raise RefusedError("bad-field", "`datatype`")
    flat = _flat(data)
    if len(flat) != math.prod(shape) or not {type(each) for each in flat} <= set(kinds):
        raise RefusedError("bad-field", "`data` is not what `shape` and `datatype` say")


def _flat(data: list[Any]) -> list[Any]:
    """The values of a tensor, nested or not."""
    while any(type(each) is list for each in data):
        if not all(type(each) is list for each in data):
            raise RefusedError("bad-field", "`data`")
        data = [each for row in data for each in row]
    return data
