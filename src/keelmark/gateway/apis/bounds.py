"""Bounds of the interfaces: what one request may ask for, and what one answer may hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from keelmark.gateway.apis.strict_json import JsonBounds

__all__ = ["AnswerBounds", "ApiBounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiBounds:
    """What one request may ask for. Every default is the most careful one that lets ordinary clients work.

    Attributes:
        json: Of the body.
        max_input_tokens: Estimate of what goes in.
        max_output_tokens: That may be asked for.
        caps_output: Whether a request that says no number gets `max_output_tokens`.
        cap_field: The field of chat that it is set in: `max_tokens`, or `max_completion_tokens` for models that want it.
        letters_per_token: Letters and blanks that the estimate takes for one token.
        max_choices: Answers to one request.
        max_messages: Messages, or items of input.
        max_parts: Parts of one message.
        max_tools: Tools offered.
        max_stops: Texts that end an answer.
        max_inputs: Texts of one embeddings or completions request.
        max_media: Images, files and sounds of one request.
        max_media_bytes: Of one of them, as it stands in the body.
        media_tokens: That one of them counts for, at least.
        remote_urls: Whether the upstream may be told to fetch addresses that callers name.
        stored: Whether requests may refer to what the upstream keeps and the gateway never saw; it taints them.
        token_inputs: Whether inputs may be numbers of tokens, which no screen can read; they taint the request.
        hosted_tools: Kinds of tools that the upstream runs by itself and that may be asked for.
        extra_fields: Further top-level fields that requests may carry, unchecked, their texts taken as the user's.
        betas: Values of `anthropic-beta` that may be sent.
        asks_usage: Whether streams ask the upstream for its counts, also where the caller does not.
        mcp_methods: Further methods of MCP that callers may use.
    """

    json: JsonBounds = field(default_factory=JsonBounds)
    max_input_tokens: int = 131_072
    max_output_tokens: int = 8192
    caps_output: bool = True
    cap_field: str = "max_tokens"
    letters_per_token: int = 2
    max_choices: int = 4
    max_messages: int = 1000
    max_parts: int = 256
    max_tools: int = 128
    max_stops: int = 16
    max_inputs: int = 2048
    max_media: int = 16
    max_media_bytes: int = 768 * 1024
    media_tokens: int = 2000
    remote_urls: bool = False
    stored: bool = False
    token_inputs: bool = False
    hosted_tools: tuple[str, ...] = ()
    extra_fields: tuple[str, ...] = ()
    betas: tuple[str, ...] = ()
    asks_usage: bool = True
    mcp_methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerBounds:
    """What one answer of an upstream may hold.

    Attributes:
        max_bytes: Of a whole answer.
        max_event_bytes: Of one event of a stream.
        max_depth: Of arrays and objects in each other.
        max_channels: Texts that are open in one stream.
        max_held_bytes: Of arguments of tools, and of what else waits for the end of its text.
        server_requests: Methods that MCP servers may ask of clients.
    """

    max_bytes: int = 32 * 1024**2
    max_event_bytes: int = 1024**2
    max_depth: int = 128
    max_channels: int = 1024
    max_held_bytes: int = 1024**2
    server_requests: tuple[str, ...] = ("ping", "roots/list")
