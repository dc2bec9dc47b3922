"""Vocabularies of tokenizers that are no JSON: tiktoken ranks and SentencePiece models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile, ModelRole
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import metadata, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "TokenListReader"]

_RANKS = bytes_pattern(rb"^(?:[A-Za-z0-9+/]{2,}={0,2} \d{1,7}\r?\n){3}")
# A SentencePiece model begins with its first pieces; the unknown one is always among them.
_PIECES = bytes_pattern(rb"(?s)^\n[\x02-\x40]\n[\x01-\x20].{0,80}<unk>")


class TokenListReader:
    """Reads vocabularies: what they are and how many tokens they have; they hold no weights and run nothing."""

    name = "token-list"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By the first lines of ranks, or by the first pieces."""
        return bool(_form(source))

    def read(self, source: Source) -> tuple[Reading, ...]:
        """One tokenizer."""
        form = _form(source)
        tokens = bytes(source.data).count(b"\n") if form == "tiktoken" else None
        model = ModelFile(
            format=form, role=ModelRole.TOKENIZER, can_execute=False, metadata=metadata([("tokens", tokens)])
        )
        return reading(model)


def _form(source: Source) -> str:
    if source.suffix == ".tiktoken" and _RANKS.search(source.head[:4096]):
        return "tiktoken"
    if source.suffix in {".model", ".spm", ".vocab", ""} and not source.is_text:
        return "sentencepiece" if _PIECES.search(source.head[:256]) else ""
    return ""


READER = TokenListReader()
