"""Files to measure scanners on: two thousand small ones of mixed kinds, and large ones as real libraries lay them out."""

from __future__ import annotations

import json
import os
import pickle
import random
import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WORDS = [
    "the",
    "model",
    "was",
    "trained",
    "on",
    "a",
    "large",
    "set",
    "of",
    "public",
    "texts",
    "and",
    "evaluated",
    "with",
    "care",
    "for",
    "every",
    "language",
]


def small_files(folder: Path) -> list[Path]:
    """500 pickles, 400 configurations, 300 safetensors, 300 texts, 250 arrays, 250 pictures; some KB each."""
    made = []
    for suffix, content, count in (
        ("pkl", _pickled, 500),
        ("json", _configuration, 400),
        ("safetensors", _tensors, 300),
        ("md", _text, 300),
        ("npy", _array, 250),
        ("png", _picture, 250),
    ):
        for number in range(count):
            file = folder / f"part-{number % 10}" / f"{suffix}-{number}.{suffix}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content(number))
            made.append(file)
    return made


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same content every time, no secrets


def _pickled(number: int) -> bytes:
    state = {
        "epoch": number,
        "loss": [step / 7 for step in range(50)],
        "name": f"run-{number}",
        "params": {"lr": 1e-3, "layers": list(range(20))},
    }
    return pickle.dumps(state, protocol=2 + number % 4)


def _configuration(number: int) -> bytes:
    content = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 4096 + number,
        "num_hidden_layers": 32,
        "vocab_size": 32000,
        "torch_dtype": "bfloat16",
        "id2label": {str(label): f"LABEL_{label}" for label in range(20)},
    }
    return json.dumps(content, indent=2).encode()


def _tensors(number: int) -> bytes:
    header = {f"layer.{index}.weight": {"dtype": "F32", "shape": [8, 8], "data_offsets": [index * 256, (index + 1) * 256]} for index in range(4)}  # fmt: skip
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + _chance(number).randbytes(1024)


def _text(number: int) -> bytes:
    chance = _chance(number)
    lines = (" ".join(chance.choice(_WORDS) for _ in range(12)) for _ in range(40))
    return ("# Model card\n\n" + "\n".join(lines)).encode()


def _array(number: int) -> bytes:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (16, 16), }".ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + _chance(number).randbytes(1024)


def _picture(number: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + _chance(number * 100 + row).randbytes(96) for row in range(32))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def large_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Large files as real libraries lay them out. Tensors are noise, repeated: no scanner has to read them."""
    noise = os.urandom(1 << 20)
    size = 2_000 << 20
    yield "safetensors, 2 GiB", _safetensors(folder / "model.safetensors", noise, size)
    yield "torch zip, 2 GiB", _torch(folder / "model.pt", noise, size)
    yield "GGUF, 2 GiB", _gguf(folder / "model.gguf", noise, size)
    yield "pickle of floats, 143 MB", _floats(folder / "floats.pkl", 143_000_000)
    yield "pickle of a mapping, 143 MB", _mapping(folder / "mapping.pkl", 143_000_000)


def _fill(stream: IO[bytes], noise: bytes, size: int) -> None:
    for _ in range(size // len(noise)):
        stream.write(noise)


def _safetensors(file: Path, noise: bytes, size: int) -> Path:
    size -= size % len(noise)
    count = 200
    part = size // count // 4 * 4
    header = {f"layer.{i}.weight": {"dtype": "F32", "shape": [part // 4], "data_offsets": [i * part, (i + 1) * part]} for i in range(count)}  # fmt: skip
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        _fill(stream, noise, size)
        stream.truncate(8 + len(text) + count * part)
    return file


def _torch(file: Path, noise: bytes, size: int) -> Path:
    """A state dict of 100 tensors, opcode by opcode as the writer lays it out."""
    count = 100
    part = size // count
    program = b"\x80\x02}q\x00("
    for index in range(count):
        key = f"layer.{index}.weight".encode()
        program += b"X" + struct.pack("<I", len(key)) + key + b"ctorch._utils\n_rebuild_tensor_v2\n(("
        program += (
            b"X\x07\x00\x00\x00storagectorch\nFloatStorage\nX"
            + struct.pack("<I", len(str(index)))
            + str(index).encode()
        )
        program += (
            b"X\x03\x00\x00\x00cpuJ"
            + struct.pack("<i", part // 4)
            + b"tQK\x00J"
            + struct.pack("<i", part // 4)
        )
        program += b"\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtR"
    program += b"u."
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        archive.writestr("model/data.pkl", program)
        archive.writestr("model/byteorder", b"little")
        for index in range(count):
            with archive.open(f"model/data/{index}", "w", force_zip64=True) as member:
                _fill(member, noise, part - part % len(noise))
        archive.writestr("model/version", b"3\n")
    return file


def _gguf(file: Path, noise: bytes, size: int) -> Path:
    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value)) + value.encode()

    count = 200
    part = size // count // 32 * 32
    with file.open("wb") as stream:
        stream.write(b"GGUF" + struct.pack("<IQQ", 3, count, 1))
        stream.write(text("general.architecture") + struct.pack("<I", 8) + text("llama"))
        for index in range(count):
            stream.write(text(f"blk.{index}.weight") + struct.pack("<IQIQ", 1, part // 4, 0, index * part))
        stream.write(b"\0" * (-stream.tell() % 32))
        start = stream.tell()
        _fill(stream, noise, size)
        stream.truncate(start + count * part)
    return file


def _floats(file: Path, size: int) -> Path:
    with file.open("wb") as stream:
        stream.write(b"\x80\x04]\x94(")
        batch = b"".join(b"G" + struct.pack(">d", index / 7) for index in range(1000)) + b"e("
        for _ in range(size // len(batch)):
            stream.write(batch)
        stream.write(b"e.")
    return file


def _mapping(file: Path, size: int) -> Path:
    with file.open("wb") as stream:
        stream.write(b"\x80\x04}\x94(")
        done = 0
        index = 0
        while done < size:
            parts = []
            for _ in range(1000):
                key = f"key-{index}".encode()
                parts.append(b"\x8c" + bytes([len(key)]) + key + b"\x94J" + struct.pack("<i", index))
                index += 1
            batch = b"".join(parts) + b"u("
            done += stream.write(batch)
        stream.write(b"u.")
    return file
