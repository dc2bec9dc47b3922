"""What all interfaces do with a request: read its body, check caps that they share, make a call of it or refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.call import Provenance
from keelmark.gateway.apis.refused import RefusedError
from keelmark.gateway.apis.strict_json import Decoded, decode
from keelmark.gateway.apis.texts import PROVENANCE_HEADER, Collected, estimate, lowered

if TYPE_CHECKING:
    from keelmark.core.exchange import Request
    from keelmark.gateway.apis.bounds import ApiBounds

__all__ = ["add_extra", "begin", "cap_output", "choices_of", "model_of", "read_object", "tokens_of"]

_MAX_MODEL = 256


def read_object(request: Request, bounds: ApiBounds) -> tuple[dict[str, Any], Decoded]:
    """The body, which must be an object.

    Raises:
        RefusedError: It is none, or no strict JSON.
    """
    decoded = decode(request.body, bounds.json)
    if type(decoded.value) is not dict:
        raise RefusedError("bad-field", "the body must be an object")
    return decoded.value, decoded


def begin(request: Request, bounds: ApiBounds) -> Collected:
    """A place for the texts of a request.

    Raises:
        RefusedError: Its header of provenance is not well formed.
    """
    return Collected(bounds, lowered(request.headers.get(PROVENANCE_HEADER)))


def model_of(body: dict[str, Any]) -> str:
    """The model that is asked.

    Raises:
        RefusedError: None is named, or not plainly.
    """
    model = body.get("model")
    if type(model) is not str or not 0 < len(model) <= _MAX_MODEL or not model.isprintable():
        raise RefusedError("bad-field", "`model`")
    return model


def choices_of(body: dict[str, Any], bounds: ApiBounds, *names: str) -> int:
    """How many answers are asked for: the most that one of the fields says. The table has checked that they are numbers.

    Raises:
        RefusedError: More than allowed.
    """
    most = 1
    for name in names:
        held = body.get(name)
        if held is None:
            continue
        if held > bounds.max_choices:
            raise RefusedError("too-many-choices", f"at most {bounds.max_choices}")
        most = max(most, held)
    return most


def cap_output(body: dict[str, Any], bounds: ApiBounds, names: tuple[str, ...], *, default: str) -> int:
    """How many tokens may come out; set in the body where it says nothing. The table has checked that it is a number.

    Args:
        body: Changed when nothing is said.
        bounds: The cap, and whether it is set.
        names: Fields that may say it; at most one of them does.
        default: The field it is set in.

    Raises:
        RefusedError: More than allowed, or said twice.
    """
    said = [name for name in names if body.get(name) is not None]
    if not said:
        if bounds.caps_output:
            body[default] = bounds.max_output_tokens
        return bounds.max_output_tokens
    if len(said) > 1:
        raise RefusedError("bad-field", f"`{said[0]}` and `{said[1]}` say the same")
    held: int = body[said[0]]
    if held > bounds.max_output_tokens:
        raise RefusedError("too-many-tokens", f"at most {bounds.max_output_tokens} may come out")
    return held


def tokens_of(decoded: Decoded, found: Collected) -> int:
    """Estimate of the tokens going in. Media count by their size, a token for sixteen characters, or as set.

    Raises:
        RefusedError: More than allowed.
    """
    bounds = found.bounds
    tokens = estimate(len(decoded.canonical), len(decoded.marks), letters_per_token=bounds.letters_per_token)
    if found.media:
        # What they were counted as text is taken out, leaning up: as if they were letters alone.
        tokens -= found.media_bytes // bounds.letters_per_token
        tokens += found.media * bounds.media_tokens + found.media_bytes // 16
    if tokens > bounds.max_input_tokens:
        raise RefusedError("too-many-tokens", f"at most {bounds.max_input_tokens} may go in")
    return tokens


def add_extra(body: dict[str, Any], found: Collected) -> None:
    """Note the texts of fields that the operator allows besides."""
    for name in found.bounds.extra_fields:
        if name in body:
            found.add_all(body[name], Provenance.USER, (name,))
