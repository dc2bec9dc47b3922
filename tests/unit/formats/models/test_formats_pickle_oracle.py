"""What CPython would import and call is found: thousands of generated programs, judged against its own unpicklers.

The unpicklers run in a process of their own, with callables that do nothing.
"""

from __future__ import annotations

import json
import pickle
import random
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from keelmark.core.facts import Technique
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.values import UNRESOLVED, Global, modern

ORACLE = Path(__file__).with_name("pickle_oracle.py")
WORDS = [
    "os", "system", "posix", "builtins", "eval", "str", "join", "a.b", "__builtin__", "xrange", "copy_reg", "chr",
    "bytes", "str.join", "str.lower", "add", "operator", "", "é", "x" * 300, "os\r", "b64decode", "base64", "getitem",
    "str.replace", "bytes.decode", "list", "c3lzdGVt", "SYSTEM", "bytearray",
]  # fmt: skip
PAIRS = [
    ("os", "system"), ("builtins", "eval"), ("__builtin__", "xrange"), ("builtins", "str"), ("builtins", "chr"),
    ("operator", "add"), ("builtins", "str.join"), ("builtins", "str.lower"), ("base64", "b64decode"),
    ("builtins", "bytes"), ("builtins", "bytes.decode"), ("operator", "getitem"), ("a", "b.c"), ("os\r", "system"),
    ("builtins", "list"), ("builtins", "bytearray"), ("acme.net", "Net"), ("builtins", "reversed"),
]  # fmt: skip
NUMBERS = [0, 1, 2, 3, 5, 255, 256, 300, 65_535, 70_000]


def line(text):
    return text.encode("utf-8", "surrogatepass").replace(b"\n", b"") + b"\n"


def text(pick):
    word = pick.choice(WORDS)
    raw = word.encode()
    form = pick.randrange(7)
    if form == 0:
        return b"V" + word.encode("raw-unicode-escape") + b"\n"
    if form == 1:
        return b"S" + repr(word).encode("ascii", "backslashreplace") + b"\n"
    if form == 2:
        return b"X" + struct.pack("<I", len(raw)) + raw
    if form == 3:
        return b"\x8d" + struct.pack("<Q", len(raw)) + raw
    if form == 4:
        return b"U" + bytes([min(len(raw), 255)]) + raw[:255]
    if form == 5:
        return b"T" + struct.pack("<i", len(raw)) + raw
    return b"\x8c" + bytes([min(len(raw), 255)]) + raw[:255] if len(raw) < 256 else b"\x8c\x02os"


def number(pick):
    value = pick.choice(NUMBERS)
    return pick.choice([
        b"K" + bytes([value & 255]), b"M" + struct.pack("<H", value & 65_535), b"J" + struct.pack("<i", value),
        b"I%d\n" % value, b"I01\n", b"I00\n", b"I 1\n", b"I0x10\n", b"I010\n", b"I1_0\n", b"L%dL\n" % value,
        b"L%d\n" % value, b"\x8a\x01" + bytes([value & 255]), b"\x8a\x00", b"\x8b\x02\0\0\0\x01\x01", b"I1\0x\n",
        b"F1.5\n", b"Fnan\n", b"G" + bytes(8), b"\x88", b"\x89", b"N", b"Ix\n", b"L0x1fL\n", b"\x8b\xff\xff\xff\xff",
    ])  # fmt: skip


def place(pick):
    value = pick.choice([0, 0, 1, 1, 2, 3, 7, 200])
    return pick.choice(
        [b"%d\n" % value, b"%d\n" % value, b" %d\n" % value, b"0%d\n" % value, b"-1\n", b"1_0\n"]
    ), value


def simple(pick):
    raw = pick.choice([b"", b"os", b"system", b"c3lzdGVt", bytes(300)])
    return pick.choice([
        text, text, text, number,
        lambda _: b"C" + bytes([len(raw[:255])]) + raw[:255], lambda _: b"B" + struct.pack("<I", len(raw)) + raw,
        lambda _: b"\x8e" + struct.pack("<Q", len(raw)) + raw, lambda _: b"\x96" + struct.pack("<Q", len(raw)) + raw,
        lambda _: pick.choice([b"]", b"}", b")", b"\x8f", b"N"]),
        lambda _: b"c" + b"".join(map(line, pick.choice(PAIRS))),
        lambda _: b"c" + b"".join(map(line, pick.choice(PAIRS))),
    ])(pick)  # fmt: skip


STEPS = (
    b".", b"0", b"1", b"2", b"R", b"a", b"b", b"d", b"e", b"l", b"o", b"s", b"t", b"u", b"\x81", b"\x85", b"\x86",
    b"\x87", b"\x90", b"\x91", b"\x92", b"\x93", b"\x94", b"(", b"Q", b"\x98", b"\x97",
)  # fmt: skip


def loose(pick):
    """Any opcode with an argument that may fit."""
    key, small = place(pick)
    return pick.choice([
        lambda: pick.choice(STEPS), lambda: pick.choice(STEPS), lambda: simple(pick), lambda: simple(pick),
        lambda: b"p" + key, lambda: b"g" + key, lambda: b"q" + bytes([small]), lambda: b"h" + bytes([small]),
        lambda: b"r" + struct.pack("<I", small), lambda: b"j" + struct.pack("<I", small),
        lambda: b"r" + struct.pack("<I", 100_000), lambda: b"j" + struct.pack("<I", 100_000),
        lambda: b"i" + b"".join(map(line, pick.choice(PAIRS))), lambda: b"\x80" + bytes([pick.choice([0, 2, 3, 4, 5, 6])]),
        lambda: b"\x95" + struct.pack("<Q", pick.choice([0, 1, 5, 2**40])), lambda: b"P7\n", lambda: b"\x82\x01",
        lambda: bytes([pick.randrange(256)]),
    ])()  # fmt: skip


def phrase(pick):
    """Opcodes that belong together: names, calls, containers."""
    pair = pick.choice(PAIRS)
    words = lambda: text(pick)  # noqa: E731
    asked = pick.choice([
        lambda: b"c" + b"".join(map(line, pair)),
        lambda: b"\x8c" + bytes([len(pair[0].encode())]) + pair[0].encode() + b"\x94"
        b"\x8c" + bytes([len(pair[1].encode())]) + pair[1].encode() + b"\x94\x93",
        lambda: words() + words() + b"\x93",
        lambda: b"cbuiltins\nstr.join\n" + words() + b"](" + words() + words() + b"e\x86R" + words() + b"\x93",
        lambda: words() + b"coperator\nadd\n" + words() + words() + b"\x86R\x93",
        lambda: words() + b"cbuiltins\nbytes.decode\ncbase64\nb64decode\n" + words() + b"\x85R\x85R\x93",
        lambda: words() + b"coperator\ngetitem\n(" + words() + words() + b"tK" + bytes([pick.randrange(3)]) + b"\x86R\x93",
        lambda: words() + b"cbuiltins\nstr.lower\n" + words() + b"\x85R\x93",
        lambda: b"C\x02os\x96\x02\0\0\0\0\0\0\0os\x94K\x61ah\x000cbuiltins\nbytes.decode\nh\x00\x85R" + words() + b"\x93",
    ])()  # fmt: skip
    call = pick.choice([
        lambda: b"", lambda: b")R", lambda: words() + b"\x85R", lambda: b"(" + words() + words() + b"tR",
        lambda: b")\x81", lambda: words() + b"\x85\x81", lambda: b")}\x92", lambda: words() + b"\x85}\x92",
        lambda: b"(h\x00o", lambda: words() + b"\x85R}b", lambda: b")RN(NetR" , lambda: words() + b"\x85R]" + b"a",
        lambda: b")R(" + words() + b"e", lambda: b"]" + words() + b"aR", lambda: b")R(" + words() + words() + b"u",
        lambda: b")R(" + words() + b"\x90",
    ])()  # fmt: skip
    return asked + call


def program(pick):
    start = pick.choice([b"", b"\x80\x02", b"\x80\x04", b"\x80\x05", b"\x80\x00"])
    share = pick.choice([0.1, 0.5, 0.9])
    parts = [phrase(pick) if pick.random() < share else loose(pick) for _ in range(pick.randrange(1, 14))]
    data = bytearray(start + b"".join(parts) + pick.choice([b".", b".", b""]))
    if pick.random() < 0.2:  # one byte is another
        data[pick.randrange(len(data))] = pick.randrange(256)
    if pick.random() < 0.1:  # cut short
        del data[pick.randrange(len(data)) :]
    return bytes(data)


def honest(pick):
    """What the pickler itself writes, damaged now and then."""
    value = {
        "a": [
            1,
            2.5,
            None,
            True,
            "x" * pick.randrange(300),
            b"y" * pick.randrange(300),
            10 ** pick.randrange(40),
        ],
        "b": ({1, 2}, frozenset({"z"}), range(3), slice(1, 2), complex(1, 2), bytearray(b"q")),
        "c": [[tuple("abc")] * 3, {str(index): [index] for index in range(pick.randrange(50))}, len, dict],
    }
    data = bytearray(pickle.dumps(value, protocol=pick.randrange(6)))
    for _ in range(pick.choice([0, 1, 1, 2, 5])):
        data[pick.randrange(len(data))] = pick.choice([pick.randrange(256), *pick.choice(STEPS)])
    return bytes(data)


def answers(programs):
    done = subprocess.run(
        [sys.executable, "-I", str(ORACLE)],
        input=b"".join(struct.pack("<I", len(item)) + item for item in programs),
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [json.loads(item) for item in done.stdout.splitlines()]


def names(module, name):
    """What a recorded pair may be called by us: the oracle is asked before names of Python 2 are translated."""
    return {Global(module, name), *(modern(module, name, protocol=protocol) for protocol in (0, 4))}


def missed(program, said):
    result = machine.inspect(memoryview(program))
    if UNRESOLVED in result.globals or (Technique.READERS_DISAGREE, "frame") in result.hazards:
        return []
    asked = [pair for kind in said for pair in kind[0] if names(*pair).isdisjoint(result.globals)]
    return asked + [pair for kind in said for pair in kind[1] if names(*pair).isdisjoint(result.called)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make_one", [program, honest])
def test_all_that_cpython_asks_for_and_calls_is_found(make_one, seed):
    pick = random.Random(f"{seed}-{make_one.__name__}")
    programs = [make_one(pick) for _ in range(600)]
    said = answers(programs)
    assert len(said) == len(programs)
    assert [
        (item, lost) for item, told in zip(programs, said, strict=True) if (lost := missed(item, told))
    ] == []
    # The programs are worth something: many get as far as a callable, or a call.
    assert sum(bool(told[0][0]) for told in said) > len(programs) // 10


def test_oracle_itself_records_a_call():
    (told,) = answers([b"cos\nsystem\n(S'true'\ntR."])
    assert told == [[[["os", "system"]], [["os", "system"]]]] * 2
