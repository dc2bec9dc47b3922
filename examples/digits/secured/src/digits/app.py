"""The service: predict, feedback into quarantine, health, metrics. Every route but health needs a key."""

import json
import logging
import os
from typing import Annotated
from uuid import uuid4

import numpy as np
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded

from digits.model import PIXELS, load_model, recorded_digest
from digits.monitoring import Metrics, audit
from digits.security import BodyLimit, Role, authenticate, caller_of, require_operator
from digits.settings import ROOT, Settings

# Below this the service says that it does not know; measured in docs/evaluation-report.md.
MIN_CONFIDENCE = 0.6

limiter = Limiter(key_func=caller_of)
router = APIRouter(prefix="/v1", dependencies=[Depends(authenticate)])
public = APIRouter()

Pixel = Annotated[int, Field(strict=True, ge=0, le=16)]
Image = Annotated[list[Pixel], Field(min_length=PIXELS, max_length=PIXELS)]


class Question(BaseModel):
    """One image."""

    model_config = ConfigDict(extra="forbid")
    pixels: Image


class Correction(BaseModel):
    """What a user says the digit is."""

    model_config = ConfigDict(extra="forbid")
    pixels: Image
    label: Annotated[int, Field(strict=True, ge=0, le=9)]


def serving(request: Request) -> None:
    """Refuse while the stop file is there, whatever state the process is in."""
    if request.app.state.settings.stop_file.exists():
        request.app.state.metrics.refusals.labels(reason="stopped").inc()
        raise HTTPException(status_code=503, detail="the service was stopped by an operator")


@router.post("/predict", dependencies=[Depends(serving)])
@limiter.limit("60/minute")
def predict(request: Request, response: Response, body: Question, role: Annotated[Role, Depends(authenticate)]) -> dict:
    """Answer with a digit, or with none when the model is not sure.

    One rounded number is given, not the ten probabilities: that makes copying the model by questions dearer.
    """
    model, metrics = request.app.state.model, request.app.state.metrics
    row = model.probabilities(np.array([body.pixels]))[0]
    digit, confidence = int(row.argmax()), float(row.max())
    metrics.observe(body.pixels, digit, confidence, model.digest[:12])
    is_sure = confidence >= MIN_CONFIDENCE
    audit(
        request_id=uuid4().hex,
        role=role.value,
        action="predict",
        decision="answered" if is_sure else "abstained",
        model=model.digest,
        pixels=body.pixels,
    )
    response.headers["X-AI-Generated"] = "true"
    return {
        "digit": digit if is_sure else None,
        "confidence": round(confidence, 1),
        "model": model.digest[:12],
        "generated_by": "machine learning model",
    }


@router.post("/feedback", status_code=202, dependencies=[Depends(serving)])
@limiter.limit("10/minute")
def feedback(request: Request, body: Correction, role: Annotated[Role, Depends(authenticate)]) -> dict:
    """Keep a correction in quarantine. No training run reads that file; a person does (docs/data-card.md)."""
    settings = request.app.state.settings
    path = settings.feedback_path
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > settings.max_feedback_bytes:
        raise HTTPException(status_code=507, detail="the quarantine is full")
    with path.open("a", encoding="utf-8") as handle:
        handle.write(json.dumps({"pixels": body.pixels, "label": body.label, "from": caller_of(request)}) + "\n")
    audit(request_id=uuid4().hex, role=role.value, action="feedback", decision="quarantined", pixels=body.pixels)
    return {"status": "waits for review"}


@router.get("/metrics", dependencies=[Depends(require_operator)])
def metrics(request: Request) -> Response:
    """Metrics for the operators' monitoring."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)


@public.get("/health")
def health() -> dict:
    """Whether the process answers. Says nothing else."""
    return {"status": "ok"}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the service. It does not start with a model whose digest is not the released one."""
    settings = settings or Settings.from_environment(os.environ)
    name = settings.model_path.relative_to(ROOT).as_posix()
    app = FastAPI(title="digits", debug=False, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = settings
    app.state.model = load_model(
        settings.model_path, expected_sha256=recorded_digest(settings.checksums_path, name)
    )
    app.state.metrics = Metrics()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.include_router(router)
    app.include_router(public)
    return app


def main() -> None:
    """Start the service on the configured address; loopback by default."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    settings = Settings.from_environment(os.environ)
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, access_log=False)


if __name__ == "__main__":
    main()
