"""Settings of the service, read once from the environment. The default is the most secure value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SHA256 = re.compile(r"[0-9a-f]{64}")


class SettingsError(ValueError):
    """A setting is missing or wrong; the service does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service is started with.

    Keys are stored as SHA-256 digests, so that the environment does not hold a usable credential.
    """

    client_key_sha256: str = field(repr=False)
    operator_key_sha256: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8080
    model_path: Path = ROOT / "models" / "digits-mlp.safetensors"
    checksums_path: Path = ROOT / "SHA256SUMS"
    feedback_path: Path = ROOT / "var" / "feedback-pending.jsonl"
    stop_file: Path = ROOT / "var" / "STOP"
    predictions_per_minute: int = 60
    max_body_bytes: int = 4_096
    max_feedback_bytes: int = 5_000_000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; a missing key digest is an error, never an open door."""
        var = Path(environment.get("DIGITS_STATE_DIR", str(ROOT / "var")))
        return cls(
            client_key_sha256=_digest(environment, "DIGITS_CLIENT_KEY_SHA256"),
            operator_key_sha256=_digest(environment, "DIGITS_OPERATOR_KEY_SHA256"),
            host=environment.get("DIGITS_HOST", "127.0.0.1"),
            port=int(environment.get("DIGITS_PORT", "8080")),
            feedback_path=var / "feedback-pending.jsonl",
            stop_file=var / "STOP",
        )


def _digest(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip().lower()
    if not _SHA256.fullmatch(value):
        raise SettingsError(f"{name} must be the SHA-256 of a key, 64 hexadecimal digits")
    return value
