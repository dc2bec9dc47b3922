"""Names of OpenTelemetry's conventions for generative AI, of one version, all in one place.

The conventions change between versions, so nothing else in Keelmark spells one of these names. What has no name there begins
with `keelmark.`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from keelmark.core.call import Action, Api

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ATTRIBUTES",
    "DURATION",
    "DURATION_BUCKETS",
    "OPERATIONS",
    "PROVIDERS",
    "SCHEMA_URL",
    "TOKENS",
    "TOKEN_BUCKETS",
    "VERSION",
    "Names",
]

VERSION: Final = "1.41.0"
"""Of the semantic conventions."""

SCHEMA_URL: Final = f"https://opentelemetry.io/schemas/{VERSION}"
"""By which receivers know the version."""


class Names:
    """Attributes of spans and measurements."""

    OPERATION: Final = "gen_ai.operation.name"
    PROVIDER: Final = "gen_ai.provider.name"
    REQUEST_MODEL: Final = "gen_ai.request.model"
    MAX_TOKENS: Final = "gen_ai.request.max_tokens"
    CHOICES: Final = "gen_ai.request.choice.count"
    INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
    OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
    TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 - a kind of token of text
    ERROR: Final = "error.type"
    ADDRESS: Final = "server.address"
    PORT: Final = "server.port"
    STATUS: Final = "http.response.status_code"
    REQUEST: Final = "keelmark.request.id"
    API: Final = "keelmark.api"
    OUTCOME: Final = "keelmark.outcome"
    STAGE: Final = "keelmark.stage"
    RELEASE: Final = "keelmark.release.id"


ATTRIBUTES: Final = frozenset(
    value for name, value in vars(Names).items() if not name.startswith("_") and isinstance(value, str)
)
"""Everything that may stand on a span. Texts of a call have no name here."""

TOKENS: Final = "gen_ai.client.token.usage"
"""Histogram of tokens, in `{token}`."""

DURATION: Final = "gen_ai.client.operation.duration"
"""Histogram of seconds."""

TOKEN_BUCKETS: Final = tuple(4**power for power in range(14))
"""Bounds that the conventions advise for tokens."""

DURATION_BUCKETS: Final = tuple(0.01 * 2**power for power in range(14))
"""Bounds that the conventions advise for seconds."""

OPERATIONS: Final[Mapping[tuple[Api, Action] | Api, str]] = MappingProxyType(
    {
        Api.CHAT: "chat",
        Api.RESPONSES: "chat",
        Api.MESSAGES: "chat",
        Api.COMPLETIONS: "text_completion",
        Api.EMBEDDINGS: "embeddings",
        Api.PREDICT: "predict",
        Api.MODELS: "list_models",
        (Api.MCP, Action.CALL_TOOL): "execute_tool",
        (Api.MCP, Action.LIST_TOOLS): "list_tools",
        (Api.MCP, Action.READ_RESOURCE): "read_resource",
    }
)
"""What an operation is called. The conventions know the first five kinds and `execute_tool`, and allow others."""

PROVIDERS: Final[Mapping[Api, str]] = MappingProxyType(
    {
        Api.CHAT: "openai",
        Api.RESPONSES: "openai",
        Api.COMPLETIONS: "openai",
        Api.EMBEDDINGS: "openai",
        Api.MESSAGES: "anthropic",
    }
)
"""Whose interface is spoken, which the conventions take for the provider where no more is known."""
