import hashlib

import pytest
from fastapi.testclient import TestClient

from digits.app import create_app, limiter
from digits.settings import Settings
from training.data import read

CLIENT = {"X-API-Key": "client-key-for-tests"}
OPERATOR = {"X-API-Key": "operator-key-for-tests"}


def digest(key):
    return hashlib.sha256(key["X-API-Key"].encode()).hexdigest()


@pytest.fixture
def settings(tmp_path):
    return Settings(
        client_key_sha256=digest(CLIENT),
        operator_key_sha256=digest(OPERATOR),
        feedback_path=tmp_path / "feedback.jsonl",
        stop_file=tmp_path / "STOP",
    )


@pytest.fixture
def client(settings):
    limiter.reset()
    with TestClient(create_app(settings)) as session:
        yield session


@pytest.fixture(scope="session")
def image():
    pixels, labels = read()
    return {"pixels": [int(value) for value in pixels[0]], "label": int(labels[0])}
