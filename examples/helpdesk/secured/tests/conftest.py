import hashlib
import json

import pytest
from fastapi.testclient import TestClient
from openai.types.chat import ChatCompletion

from helpdesk.app import create_app, limiter
from helpdesk.settings import Settings

PORTAL = {"X-API-Key": "portal-key-for-tests"}
OPERATOR = {"X-API-Key": "operator-key-for-tests"}


def digest(key):
    return hashlib.sha256(key["X-API-Key"].encode()).hexdigest()


class SimulatedModel:
    """A model that says what it is told to say, and keeps what it was asked."""

    def __init__(self, *turns):
        self.turns = list(turns)
        self.asked = []
        self.chat = self
        self.completions = self

    def create(self, **request):
        self.asked.append(json.loads(json.dumps(request, default=str)))
        turn = self.turns.pop(0) if self.turns else "I do not know."
        calls = [
            {"id": f"call-{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for n, (name, arguments) in enumerate(turn if isinstance(turn, list) else [])
        ]
        message = {"role": "assistant", "content": None if calls else turn}
        if calls:
            message["tool_calls"] = calls
        return ChatCompletion.model_validate(
            {
                "id": "simulated",
                "object": "chat.completion",
                "created": 0,
                "model": request["model"],
                "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                "usage": {"prompt_tokens": 80, "completion_tokens": 20, "total_tokens": 100},
            }
        )

    @property
    def results(self):
        """What the tools answered, as the model saw it last."""
        return [message["content"] for message in self.asked[-1]["messages"] if message["role"] == "tool"]


@pytest.fixture
def settings(tmp_path):
    return Settings(
        openai_api_key="not-a-key",
        portal_key_sha256=digest(PORTAL),
        operator_key_sha256=digest(OPERATOR),
        state=tmp_path,
    )


@pytest.fixture
def start(settings):
    limiter.reset()
    sessions = []

    def run(*turns, **changes):
        model = SimulatedModel(*turns)
        session = TestClient(create_app(settings, model))
        session.__enter__()
        sessions.append(session)
        return session, model

    yield run
    for session in sessions:
        session.__exit__(None, None, None)


def ask(session, text="How do I return a parcel?", *, customer="C-001", key=PORTAL):
    return session.post("/v1/chat", json={"message": text, "customer": customer}, headers=key)
