"""The description of the control plane in OpenAPI 3.1, made from the table that routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.gateway.control.routes import OPERATIONS, Failure, Nothing
from keelmark.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from keelmark.gateway.control.routes import Operation

__all__ = ["openapi"]

_EVERY = {
    400: "The request is not well formed.",
    401: "The token is missing or not valid; never over the socket.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    503: "It failed.",
}


def openapi(operations: Iterable[Operation] = OPERATIONS) -> dict[str, Any]:
    """The description, ready to be written as JSON."""
    table = tuple(operations)
    types: list[Any] = [Failure]
    for operation in table:
        types.extend(each for each in (operation.body, operation.result) if each is not None)
    schemas, components = msgspec.json.schema_components(types, ref_template="#/components/schemas/{name}")
    failure, rest = schemas[0], iter(schemas[1:])
    paths: dict[str, dict[str, Any]] = {}
    for operation in table:
        body = next(rest) if operation.body is not None else None
        result = next(rest) if operation.result is not None else {}
        described = _described(operation, body=body, result=result, failure=failure)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Keelmark gateway, control plane",
            "version": __version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "On a port. Over the Unix socket, the user of the process is the proof.",
                }
            },
        },
    }


def _described(operation: Operation, *, body: Any, result: Any, failure: Any) -> dict[str, Any]:
    answers: dict[str, Any] = {
        "200": {"description": "Done.", "content": {operation.form: {"schema": result}}}
    }
    for status, words in sorted({**_EVERY, **operation.failures}.items()):
        # Readiness tells what is missing in the same form, whatever it is.
        schema = result if operation.name == "readyz" and status == 503 else failure
        answers[str(status)] = {"description": words, "content": {"application/json": {"schema": schema}}}
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "responses": answers,
    }
    if operation.is_open:
        found["security"] = []
    if body is not None:
        # An action that needs nothing said may come without a body.
        is_needed = operation.body is not Nothing
        found["requestBody"] = {"required": is_needed, "content": {"application/json": {"schema": body}}}
    if "{id}" in operation.path:
        schema = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"}
        found["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": schema}]
    return found
