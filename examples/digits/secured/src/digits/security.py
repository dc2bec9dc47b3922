"""Who may call: API keys compared in constant time, roles, and a bound on the size of a request."""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Security
from fastapi.security import APIKeyHeader

_HEADER = APIKeyHeader(name="X-API-Key", auto_error=False)


class Role(StrEnum):
    """What a caller may do."""

    CLIENT = "client"
    OPERATOR = "operator"


def authenticate(request: Request, key: Annotated[str | None, Security(_HEADER)]) -> Role:
    """The role of the caller; 401 for everybody else. Every digest is compared, whatever the first answer."""
    settings = request.app.state.settings
    measured = hashlib.sha256((key or "").encode()).hexdigest()
    is_client = hmac.compare_digest(measured, settings.client_key_sha256)
    is_operator = hmac.compare_digest(measured, settings.operator_key_sha256)
    if not key or not (is_client or is_operator):
        raise HTTPException(status_code=401, detail="a valid API key is needed")
    return Role.OPERATOR if is_operator else Role.CLIENT


def require_operator(role: Annotated[Role, Depends(authenticate)]) -> Role:
    """Let operators pass only."""
    if role is not Role.OPERATOR:
        raise HTTPException(status_code=403, detail="operators only")
    return role


def caller_of(request: Request) -> str:
    """Whom a rate limit counts: the digest of the key, or the address when there is none."""
    key = request.headers.get("x-api-key", "")
    if key:
        return hashlib.sha256(key.encode()).hexdigest()[:16]
    return request.client.host if request.client else "unknown"


class BodyLimit:
    """ASGI middleware that refuses a body above the limit, also when its length is not announced."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        chunks: list[bytes] = []
        size = 0
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            if size > self.max_bytes:
                await _refuse(send)
                return
            chunks.append(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"".join(chunks)
        is_sent = False

        async def replay() -> dict[str, Any]:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)


async def _refuse(send: Any) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b'{"detail":"request too large"}'})
