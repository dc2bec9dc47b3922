"""Keys that a product publishes for every local installation are no secrets."""

from __future__ import annotations

import base64
import json

from keelmark.detectors import secrets


def token(**claims: str | int) -> str:
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{'Qx7' * 14}Z"


def live(text: str) -> list[str]:
    return [secret.kind for secret in secrets.find(text, path="setup.sql") if not secret.dismissed]


def test_token_of_a_demonstration_is_dismissed_with_the_reason() -> None:
    (found,) = secrets.find(
        f"key = '{token(iss='supabase-demo', role='service_role', exp=1983812996)}'", path="a.sql"
    )
    assert found.dismissed == "its issuer is a demonstration"


def test_token_of_a_real_issuer_is_found() -> None:
    assert live(f"key = '{token(iss='supabase', role='service_role', exp=1983812996)}'")
    assert live(f"key = '{token(iss='https://democracy.org', sub='u1', exp=1983812996)}'")
