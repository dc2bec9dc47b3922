from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.facts import ModelRole
from keelmark.formats.source import Source
from keelmark.formats.token_lists import READER

PIECES = b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02\n\x0c\n\x03<s>\x15\x00\x00\x00\x00\x18\x03"


def model(data: bytes, path: str):
    source = Source.of_bytes(data, path=path)
    if not READER.recognises(source):
        return None
    (found,) = READER.read(source)
    return found.models[0]


def test_ranks_are_a_tokenizer_with_its_count():
    found = model(b"IQ== 0\nIg== 1\nIw== 2\nJA== 3\n", "gpt2.tiktoken")
    assert (found.format, found.role, found.can_execute) == ("tiktoken", ModelRole.TOKENIZER, False)
    assert dict(found.metadata) == {"tokens": "4"}


def test_pieces_are_a_tokenizer_and_no_unread_model():
    found = model(PIECES, "tokenizer.model")
    assert (found.format, found.role) == ("sentencepiece", ModelRole.TOKENIZER)


def test_look_alikes_are_left_to_others():
    assert model(b"plain words\n" * 4, "x.tiktoken") is None
    assert model(PIECES, "weights.bin") is None
    assert model(b"\x00\x01<unk>", "x.model") is None


@given(st.binary(max_size=300), st.sampled_from(["a.tiktoken", "a.model", "a"]))
def test_any_bytes_are_read_or_left(data, path):
    model(data, path)
