"""The service. Every route but health needs a key; effects need an operator and an approval."""

import html
import logging
import os
from typing import Annotated
from uuid import uuid4

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import HTMLResponse
from openai import OpenAIError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded

from helpdesk import prompts
from helpdesk.agent import Answer, ChatClient, answer, make_client
from helpdesk.approvals import ApprovalRefusedError, Approvals
from helpdesk.integrity import released_bytes
from helpdesk.monitoring import Budget, Metrics, audit
from helpdesk.orders import Orders
from helpdesk.security import BodyLimit, Role, authenticate, caller_of, require_operator
from helpdesk.settings import Settings
from helpdesk.store import Store
from helpdesk.tools import MANIFEST, RefundArguments, Session, refund_order

limiter = Limiter(key_func=caller_of)
router = APIRouter(prefix="/v1", dependencies=[Depends(authenticate)])
operators = APIRouter(prefix="/v1", dependencies=[Depends(require_operator)])
public = APIRouter()

Caller = Annotated[Role, Depends(authenticate)]
Customer = Annotated[str, Field(pattern=r"^C-[0-9]{3}$")]


class Question(BaseModel):
    """A question. The portal has signed the customer in and vouches for the number."""

    model_config = ConfigDict(extra="forbid")
    message: Annotated[str, Field(min_length=1, max_length=2_000)]
    customer: Customer


class Refund(BaseModel):
    """A refund that an operator carries out."""

    model_config = ConfigDict(extra="forbid")
    order_id: str
    amount_cents: int
    customer: Customer
    approval_token: Annotated[str, Field(min_length=20, max_length=100)]


def serving(request: Request) -> None:
    """Refuse while the stop file is there, whatever state the agent is in."""
    if request.app.state.settings.stop_file.exists():
        raise HTTPException(status_code=503, detail="the service was stopped by an operator")


@router.post("/chat", dependencies=[Depends(serving)])
@limiter.limit("20/minute")
def chat(request: Request, response: Response, body: Question, role: Caller) -> dict:
    """Answer a question from the articles and the orders of this customer."""
    told = _answer(request, body, role)
    response.headers["X-AI-Generated"] = "true"
    return {"answer": told.text, "sources": told.sources, "generated_by": "AI model"}


@router.post("/embed", dependencies=[Depends(serving)], response_class=HTMLResponse)
@limiter.limit("20/minute")
def embed(request: Request, body: Question, role: Caller) -> HTMLResponse:
    """The answer as a page for the shop; everything that is not ours is escaped."""
    told = _answer(request, body, role)
    page = f"<h3>{html.escape(body.message)}</h3><p>{html.escape(told.text)}</p><p>Written by an AI model.</p>"
    headers = {"Content-Security-Policy": "default-src 'none'", "X-AI-Generated": "true"}
    return HTMLResponse(page, headers=headers)


def _answer(request: Request, body: Question, role: Role) -> Answer:
    state = request.app.state
    session = Session(
        role=role, customer=body.customer, settings=state.settings, orders=state.orders, approvals=state.approvals
    )
    request_id = uuid4().hex
    decision, tools = "failed", ""
    try:
        with state.metrics.seconds.time():
            told = answer(state.client, state.store, session, state.budget, state.metrics, body.message)
        decision = "answered without tools" if told.is_suspicious else "answered"
        tools = ",".join(told.tools)
        if told.is_suspicious:
            state.metrics.suspicious.inc()
        return told
    except OpenAIError as error:
        raise HTTPException(status_code=502, detail=f"no answer; request {request_id}") from error
    finally:
        state.metrics.requests.labels(decision=decision, model=state.settings.model).inc()
        audit(
            request_id=request_id,
            role=role.value,
            action="chat",
            decision=decision,
            text=body.message,
            customer=body.customer,
            model=state.settings.model,
            prompt=f"{prompts.PROMPT_ID}@{prompts.PROMPT_VERSION}",
            tools=tools,
        )


@operators.get("/approvals")
@limiter.limit("60/minute")
def approvals(request: Request) -> list[dict]:
    """What waits for a person."""
    return request.app.state.approvals.pending()


@operators.post("/approvals/{number}")
@limiter.limit("60/minute")
def grant(request: Request, number: str) -> dict:
    """Approve one action; the answer holds its token, once."""
    try:
        token = request.app.state.approvals.grant(number)
    except ApprovalRefusedError as error:
        raise HTTPException(status_code=404, detail=str(error)) from error
    audit(request_id=uuid4().hex, role="operator", action="grant", decision="granted", approval=number)
    return {"approval_token": token}


@operators.post("/refunds", dependencies=[Depends(serving)])
@limiter.limit("60/minute")
def refund(request: Request, body: Refund) -> dict:
    """Pay money back with an approval."""
    state = request.app.state
    try:
        arguments = RefundArguments(order_id=body.order_id, amount_cents=body.amount_cents)
        is_paid = refund_order(
            state.orders, state.approvals, arguments, customer=body.customer, approval_token=body.approval_token
        )
    except (ApprovalRefusedError, ValueError) as error:
        audit(request_id=uuid4().hex, role="operator", action="refund", decision="refused", order=body.order_id)
        raise HTTPException(status_code=403, detail="the refund was not approved as it stands") from error
    decision = "paid" if is_paid else "nothing paid"
    audit(request_id=uuid4().hex, role="operator", action="refund", decision=decision, order=body.order_id)
    return {"result": decision}


@operators.post("/admin/reindex")
@limiter.limit("2/minute")
def reindex(request: Request) -> dict:
    """Read the released index again. Articles come with a release, not from an address in a request."""
    request.app.state.store = Store.load(request.app.state.settings.root)
    audit(request_id=uuid4().hex, role="operator", action="reindex", decision="read")
    return {"articles": len(request.app.state.store.index["articles"])}


@operators.get("/metrics")
@limiter.limit("60/minute")
def metrics(request: Request) -> Response:
    """Metrics for the monitoring of the operators."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@public.get("/health")
def health() -> dict:
    """Whether the process answers. Says nothing else."""
    return {"status": "ok"}


def create_app(settings: Settings | None = None, client: ChatClient | None = None) -> FastAPI:
    """Build the service; it does not start with files that are not the released ones."""
    settings = settings or Settings.from_environment(os.environ)
    for name in (MANIFEST, "src/helpdesk/prompts.py"):
        released_bytes(settings.root, name)
    app = FastAPI(title="helpdesk", debug=False, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.client = client or make_client(settings)
    app.state.store = Store.load(settings.root)
    app.state.orders = Orders(settings.root)
    app.state.approvals = Approvals()
    app.state.budget = Budget(settings.max_tokens_per_day)
    app.state.metrics = Metrics()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    if settings.allowed_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allowed_origins),
            allow_credentials=False,
            allow_methods=["POST"],
            allow_headers=["X-API-Key", "Content-Type"],
        )
    for part in (router, operators, public):
        app.include_router(part)
    return app


def main() -> None:
    """Start the service on the configured address; loopback by default."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = Settings.from_environment(os.environ)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, access_log=False)


if __name__ == "__main__":
    main()
