"""Settings, read once from the environment. The default is the most secure value."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A dated snapshot: the provider does not change what is behind this name. See docs/adr/0001-hosted-model.md.
OPENAI_MODEL = "gpt-5.4-mini-2026-03-17"

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SettingsError(ValueError):
    """A setting is missing or wrong; the service does not start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service is started with. API keys of callers are kept as digests only."""

    openai_api_key: str = field(repr=False)
    portal_key_sha256: str = field(repr=False)
    operator_key_sha256: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    root: Path = ROOT
    state: Path = ROOT / "var"
    model: str = OPENAI_MODEL
    allowed_origins: tuple[str, ...] = ()
    timeout_s: float = 20.0
    max_steps: int = 4
    max_answer_tokens: int = 600
    max_tokens_per_day: int = 400_000
    max_body_bytes: int = 8_192

    @property
    def stop_file(self) -> Path:
        """While this file exists nothing is answered."""
        return self.state / "STOP"

    @property
    def log_folder(self) -> Path:
        """Logs that operators may read through the agent."""
        return self.state / "logs"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings; what is missing is an error, never an open door."""
        origins = environment.get("HELPDESK_ALLOWED_ORIGINS", "")
        allowed = tuple(origin.strip() for origin in origins.split(",") if origin.strip())
        if "*" in allowed:
            raise SettingsError("HELPDESK_ALLOWED_ORIGINS names origins, `*` is not one")
        key = environment.get("OPENAI_API_KEY", "")
        if not key:
            raise SettingsError("OPENAI_API_KEY is missing")
        return cls(
            openai_api_key=key,
            portal_key_sha256=_digest(environment, "HELPDESK_PORTAL_KEY_SHA256"),
            operator_key_sha256=_digest(environment, "HELPDESK_OPERATOR_KEY_SHA256"),
            host=environment.get("HELPDESK_HOST", "127.0.0.1"),
            port=int(environment.get("HELPDESK_PORT", "8000")),
            state=Path(environment.get("HELPDESK_STATE_DIR", str(ROOT / "var"))),
            allowed_origins=allowed,
        )


def _digest(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name, "").strip().lower()
    if not _SHA256.fullmatch(value):
        raise SettingsError(f"{name} must be the SHA-256 of a key, 64 hexadecimal digits")
    return value
