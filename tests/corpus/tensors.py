"""safetensors, GGUF and Flax with headers that lie, and their clean twins: file name -> content.

The name of a malicious file starts with the technique that it is, up to `__`. Nothing needs a library.
"""

from __future__ import annotations

import json
import struct

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(40)
"""The head of a library for a processor."""
KERNEL = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 190, 1) + bytes(40)
"""The head of code for a graphics card."""


# -- safetensors -------------------------------------------------------------------------------------------------------


def raw_safetensors(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(start, end, *, dtype="F32", shape=None):
    return {
        "dtype": dtype,
        "shape": [(end - start) // 4] if shape is None else shape,
        "data_offsets": [start, end],
    }


def _safetensors_that_lie():
    good = entry(0, 8)
    text = json.dumps({"a": good})[1:-1]
    lies = {
        "twice": (f"{{{text},{text}}}".encode(), bytes(8)),
        "key_twice": (b'{"a":{"dtype":"F32","dtype":"I32","shape":[1],"data_offsets":[0,4]}}', bytes(4)),
        "overlap": ({"a": good, "b": entry(4, 12)}, bytes(12)),
        "hole": ({"a": good, "b": entry(12, 20)}, bytes(20)),
        "behind_the_end": ({"a": good}, bytes(4)),
        "far_outside": ({"a": entry(2**40, 2**40 + 8)}, bytes(8)),
        "trailing": ({"a": good}, bytes(9)),
        "size": ({"a": entry(0, 8, shape=[100])}, bytes(8)),
        "backwards": ({"a": {**good, "data_offsets": [8, 0]}}, bytes(8)),
        "negative": ({"a": {**good, "shape": [-2]}}, bytes(8)),
        "huge": ({"a": {**good, "shape": [2**62, 2**62]}}, bytes(8)),
        "no_type": ({"a": {**good, "dtype": "object"}}, bytes(8)),
        "metadata": ({"__metadata__": {"a": 1}, "a": good}, bytes(8)),
        "metadata_list": ({"__metadata__": ["a"], "a": good}, bytes(8)),
        "no_json": (b'{"a":', b""),
        "not_utf8": (b'{"\xff\xfe": 1}', b""),
    }
    return {
        f"contradictory-header__{name}.safetensors": raw_safetensors(*parts) for name, parts in lies.items()
    }


# -- GGUF --------------------------------------------------------------------------------------------------------------


def gguf(pairs=(), tensors=(("a", (4, 8), 0, 0),), *, version=3, order="<", body=128, **counts):
    """A file; values are text, numbers, or the raw bytes of a typed value."""
    wide = "I" if version == 1 else "Q"

    def text(value):
        raw = value.encode()
        return struct.pack(f"{order}{wide}", len(raw)) + raw

    pairs = list(pairs) or [("general.architecture", "llama")]
    out = b"GGUF" + struct.pack(
        f"{order}I{wide}{wide}",
        version,
        counts.get("tensor_count", len(tensors)),
        counts.get("pair_count", len(pairs)),
    )
    for key, value in pairs:
        out += text(key)
        if isinstance(value, str):
            out += struct.pack(f"{order}I", 8) + text(value)
        elif isinstance(value, bytes):
            out += value
        else:
            out += struct.pack(f"{order}II", 4, value)
    for name, shape, kind, offset in tensors:
        out += text(name) + struct.pack(f"{order}I", len(shape))
        out += b"".join(struct.pack(f"{order}{wide}", size) for size in shape)
        out += struct.pack(f"{order}IQ", kind, offset)
    return out + bytes(-len(out) % 32) + bytes(body)


def _gguf_that_lies():
    long_text = struct.pack("<IQ", 8, 2**63)
    return {
        f"contradictory-header__{name}.gguf": data
        for name, data in {
            "pairs": gguf(pair_count=2**60),
            "tensors": gguf(tensor_count=2**60),
            "length": gguf([("general.architecture", long_text)]),
            "length_wraps": gguf([("a", struct.pack("<IQ", 8, 2**64 - 1))]),
            "array": gguf([("a", struct.pack("<IIQ", 9, 4, 2**62))]),
            "array_of_texts": gguf([("a", struct.pack("<IIQQ", 9, 8, 2, 2**63))]),
            "key_twice": gguf([("general.architecture", "llama"), ("general.architecture", "bert")]),
            "tensor_twice": gguf(tensors=[("a", (8,), 0, 0), ("a", (8,), 0, 32)]),
            "overlap": gguf(tensors=[("a", (16,), 0, 0), ("b", (16,), 0, 32)]),
            "far_outside": gguf(tensors=[("a", (8,), 0, 2**40)]),
            "misaligned": gguf(tensors=[("a", (8,), 0, 4)]),
            "alignment_zero": gguf([("general.alignment", 0)]),
            "alignment_odd": gguf([("general.alignment", 48)]),
            "dimensions": gguf(tensors=[("a", (1, 1, 1, 1, 1), 0, 0)]),
            "huge": gguf(tensors=[("a", (2**40, 2**40), 0, 0)]),
            "negative": gguf(tensors=[("a", (2**64 - 1,), 0, 0)]),
            "element_type": gguf(tensors=[("a", (8,), 0xFFFFFFFF, 0)]),
            "part_of_a_block": gguf(tensors=[("a", (31,), 8, 0)]),
        }.items()
    }


# -- Flax --------------------------------------------------------------------------------------------------------------


def flax(shape=(2, 3), *, size=24, after=b""):
    body = (
        b"\x93"
        + bytes([0x90 | len(shape), *shape])
        + b"\xa7float32"
        + b"\xc5"
        + struct.pack(">H", size)
        + bytes(size)
    )
    return b"\x81\xa1a\xc8" + struct.pack(">H", len(body)) + b"\x01" + body + after


def _texts(*texts):
    """An array of texts as a value."""
    listed = b"".join(struct.pack("<Q", len(text.encode())) + text.encode() for text in texts)
    return struct.pack("<IIQ", 9, 8, len(texts)) + listed


def array(shape):
    """An array of doubles that stand for two."""
    head = repr({"descr": "<f8", "fortran_order": False, "shape": shape}).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(16)


def malicious():
    """Files whose headers lie, or that are something else."""
    return {
        **_safetensors_that_lie(),
        **_gguf_that_lies(),
        "embedded-executable__tensor.safetensors": raw_safetensors(
            {"a": {"dtype": "U8", "shape": [len(ELF)], "data_offsets": [0, len(ELF)]}}, ELF
        ),
        "template-reaches-objects__metadata.safetensors": raw_safetensors(
            {"__metadata__": {"chat_template": "{{ ''.__class__.__mro__ }}"}, "a": entry(0, 8)}, bytes(8)
        ),
        "template-reaches-objects__array.gguf": gguf(
            [("tokenizer.chat_templates", _texts("{{ messages }}", "{{ x.__class__ }}"))]
        ),
        "template-reaches-objects__other_key.gguf": gguf([("general.prompt", "{{ x.__globals__ }}")]),
        "disguised-format__pickle.safetensors": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        "disguised-format__zip.safetensors": b"PK\x03\x04" + bytes(60),
        "disguised-format__pickle.gguf": b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        "contradictory-header__length.safetensors": struct.pack("<Q", 2**40) + b"{}",
        "contradictory-header__array.msgpack": flax((100, 100)),
        "contradictory-header__model.cbm": b"CBM1" + struct.pack("<I", 0xFFFFFFF0) + b"xx",
        "contradictory-header__numbers.ubj": b"{L"
        + struct.pack(">q", 7)
        + b"learner[$d#L"
        + struct.pack(">q", 2**60),
        "contradictory-header__objects.msgpack": b"\x81\xa1a\xc7\x0e\x01\x93\x91\x01\xa6object\xc4\x02xx",
        "hidden-data__behind.msgpack": flax(after=b"more bytes"),
    }


def benign():
    """Files as libraries write them."""
    padded = json.dumps({"a": entry(0, 8)}).encode()
    return {
        "plain.safetensors": raw_safetensors({"__metadata__": {"format": "pt"}, "a": entry(0, 8)}, bytes(8)),
        "empty.safetensors": raw_safetensors({}),
        "padded.safetensors": raw_safetensors(padded + b" " * (-len(padded) % 8), bytes(8)),
        "scalar.safetensors": raw_safetensors({"a": entry(0, 4, shape=[])}, bytes(4)),
        "empty_tensor.safetensors": raw_safetensors({"a": entry(0, 0, shape=[0, 7]), "b": entry(0, 8)}, bytes(8)),
        "order.safetensors": raw_safetensors({"b": entry(8, 16), "a": entry(0, 8)}, bytes(16)),
        "bytes.safetensors": raw_safetensors({"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}, b"MZ\x00words"),
        "new_type.safetensors": raw_safetensors({"a": {"dtype": "F8_E3M4", "shape": [8], "data_offsets": [0, 8]}}, bytes(8)),
        "words.msgpack": b"\x81\xa1a\xa5words",
        "words.cbm": b"CBM1" + struct.pack("<I", 2) + b"xx",
        "plain.gguf": gguf([("general.architecture", "llama"), ("general.alignment", 32), ("tokenizer.chat_template", "{{ messages }}")]),
        "old.gguf": gguf(version=1),
        "second.gguf": gguf(version=2),
        "big_endian.gguf": gguf(order=">"),
        "words_only.gguf": gguf(tensors=(), body=0),
        "several.gguf": gguf(tensors=[("a", (8, 2), 0, 0), ("b", (32, 2), 8, 64)], body=160),
        "fork_type.gguf": gguf(tensors=[("a", (8, 2), 139, 0)]),
        "aligned.gguf": gguf([("general.alignment", 64)], body=256),
        "arrays.gguf": gguf([("tokens", struct.pack("<IIQ", 9, 8, 1) + struct.pack("<Q", 1) + b"a"), ("ids", struct.pack("<IIQII", 9, 4, 2, 1, 2))]),
        "plain.msgpack": flax(),
        "templates.safetensors": raw_safetensors(
            {"__metadata__": {"prompt": "{{ x.name }}", "tags": "{{not a template", "code": "{%"}, "a": entry(0, 8)}, bytes(8)),
        "templates.gguf": gguf([("tokenizer.chat_templates", _texts("{{ messages }}")), ("words", _texts("{{", "{%", "__class__"))]),
    }  # fmt: skip
