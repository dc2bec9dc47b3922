"""Large pickles: what is left out on the way changes no answer, and frames that lie are named even there."""

from __future__ import annotations

import pickle
import random
import struct
import time
import zlib

import pytest

from keelmark.core.facts import Technique
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.evaluate import Untold, evaluate
from keelmark.formats.models.pickle.file import PickleReader
from keelmark.formats.models.pickle.frames import NO_FRAME, frames_fit
from keelmark.formats.models.pickle.memo import Memo
from keelmark.formats.models.pickle.values import Global
from keelmark.formats.models.pickle.walk import IS_NATIVE
from keelmark.formats.source import Source

RUN = b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R"
VALUES = {
    "numbers": list(range(10**6, 10**6 + 60_000)),
    "texts": [f"word {index}" for index in range(30_000)],
    "records": [
        {"id": index, "name": f"n{index % 100}", "row": (index, index * 1.5)} for index in range(8_000)
    ],
    "table": {f"key{index}": [index, None] for index in range(15_000)},
    "tuple": tuple(float(index) for index in range(40_000)),
    "set": set(range(10**6, 10**6 + 60_000)),
    "bytes": [bytes(100) for _ in range(3_000)],
}


def inspected(content, *, leaps, monkeypatch):
    monkeypatch.setattr(machine, "IS_NATIVE", leaps and IS_NATIVE)
    return machine.inspect(memoryview(content))


def said(result):
    return (
        set(result.globals), set(result.called), result.is_complete, result.end,
        {key: hazard.code for key, hazard in result.hazards.items()}, str(result.error),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "protocol"),
    [*((name, 4) for name in VALUES), ("records", 2), ("texts", 1), ("table", 0), ("numbers", 5)],
)
def test_leaving_out_plain_values_changes_no_answer(name, protocol, monkeypatch):
    plain = pickle.dumps([VALUES[name], "tail"], protocol=protocol)
    unframed = b"".join([b"\x80\x04", b"(", plain[:-1].removeprefix(b"\x80\x04"), RUN, b"t."])
    for content in (plain, unframed):
        found = inspected(content, leaps=True, monkeypatch=monkeypatch)
        assert said(found) == said(inspected(content, leaps=False, monkeypatch=monkeypatch))
    assert found.called


@pytest.mark.skipif(not IS_NATIVE, reason="large files are walked one operation after the other in Python")
def test_plain_values_are_left_out():
    content = pickle.dumps([{"id": index, "row": (index, 1.5)} for index in range(20_000)], protocol=4)
    assert machine.inspect(memoryview(content)).operations < 20_000


def test_names_written_in_what_was_left_out_are_still_told(monkeypatch):
    words = [f"filler{index}" for index in range(40_000)]
    words[30_000:30_002] = ["os", "system"]
    stream = pickle.dumps(words, protocol=3)
    memo = [index for index, word in enumerate(words) if word in {"os", "system"}]
    # The list takes the first number, its words those behind it.
    call = b"".join(b"j" + struct.pack("<I", index + 1) for index in memo) + b"\x93\x8c\x04true\x85R."
    found = inspected(stream[:-1] + call, leaps=True, monkeypatch=monkeypatch)
    assert [hazard.code for hazard in found.hazards.values()] == ["os.system('true')"]


@pytest.mark.parametrize("seed", range(4))
def test_damage_in_a_large_pickle_changes_no_answer(seed, monkeypatch):
    pick = random.Random(seed)
    content = bytearray(pickle.dumps(VALUES["records"], protocol=pick.choice([2, 4, 5])))
    for _ in range(3):
        content[pick.randrange(len(content))] = pick.choice(b"0aeRc(t\x93h\x94.N\x95")
    found = inspected(bytes(content), leaps=True, monkeypatch=monkeypatch)
    walked = inspected(bytes(content), leaps=False, monkeypatch=monkeypatch)
    assert said(found)[:2] == said(walked)[:2]
    assert set(found.hazards) == set(walked.hazards)


@pytest.mark.parametrize("leaps", [True, False])
def test_frame_that_splits_an_operation_is_named_wherever_it_stands(leaps, monkeypatch):
    body = b"](" + b"".join(b"J" + struct.pack("<i", index) for index in range(70_000))
    place = 2 + 5 * 30_000
    split = body[:place] + b"\x95" + struct.pack("<Q", 7) + body[place:]
    for content, lies in ((body, False), (split, True)):
        found = inspected(b"\x80\x04" + content + b"e.", leaps=leaps, monkeypatch=monkeypatch)
        assert ((Technique.READERS_DISAGREE, "frame") in found.hazards) is lies


def test_frames_of_the_pickler_fit():
    content = memoryview(pickle.dumps(VALUES["texts"], protocol=4))
    assert frames_fit(content, 2, len(content), frame_end=NO_FRAME) == NO_FRAME
    assert frames_fit(content, 2, 1_000, frame_end=NO_FRAME) == 11 + int.from_bytes(content[3:11], "little")


def test_memo_with_numbers_out_of_order_stays_exact():
    memo = Memo()
    for key in (0, 2, 1, 2, 9_000_000, 5, 9_000_000):
        memo.put(key, f"value {key}", place=key)
    assert (len(memo), memo.top) == (5, 9_000_001)
    assert memo.get(9_000_000, str) == "9000000"
    assert memo.get(1, str) == "1"


def binary(raw):
    return b"B" + struct.pack("<I", len(raw)) + raw


LOADER = b"ctorch.storage\n_load_from_bytes\n"
COSTLY = {
    "loads a bomb again and again": b"\x80\x02" + LOADER + b"q\x00" + binary(zlib.compress(b"N0" * 10**7, 1))
    + b"q\x01" + b"0h\x00h\x01\x85R" * 50 + b".",
    "loads a long program again and again": b"\x80\x02" + LOADER + b"q\x00" + binary(b"N0" * 50_000 + b"N.") + b"q\x01"
    + b"0h\x00h\x01\x85R" * 30 + b".",
    "unpacks again and again": b"\x80\x02czlib\ndecompress\nq\x00" + binary(zlib.compress(bytes(10**7))) + b"q\x01"
    + b"0h\x00h\x01\x85R" * 20_000 + b".",
    "decodes again and again": b"\x80\x02c_codecs\nencode\nq\x00X" + struct.pack("<I", 10**6) + b"a" * 10**6
    + b"q\x01X\x05\x00\x00\x00rot13q\x02" + b"0h\x00h\x01h\x02\x86R" * 20_000 + b".",
    "calls what is computed": b"\x80\x02cacme\nf\n)R" + b")R" * 100_000 + b".",
    "calls what is dangerous": b"\x80\x02cos\nsystem\nq\x00" + b"0h\x00)R" * 100_000 + b".",
    "asks for ever more": b"".join(b"cos\nname%d\n" % index for index in range(20_000)) + b".",
    "nests marks": b"(" * 300_000,
    "nests tuples": b"\x80\x02N" + b"\x85" * 300_000 + b".",
    "holds itself": b"\x80\x04]\x94" + b"h\x00a" * 100_000 + b".",
    "nests arguments": b"\x80\x02cos\nsystem\nN" + b"\x85" * 100_000 + b"R.",
    "scatters its memo": b"\x80\x02N" + b"".join(b"r" + struct.pack("<I", index * 9_000) for index in range(100_000)) + b".",
    "joins what it joined": b"\x80\x04cbuiltins\nstr.join\nq\x00X\x02\x00\x00\x00ab" + b"q\x010h\x00h\x01h\x01\x86R" * 60 + b".",
}  # fmt: skip


@pytest.mark.parametrize("name", COSTLY)
def test_hostile_effort_is_bounded(name):
    started = time.process_time()  # of this process alone: others on the machine do not count
    with Source.of_bytes(COSTLY[name], path="m.pkl") as source:
        PickleReader().read(source)
    assert time.process_time() - started < 60


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("str.join", ("x" * 60_000, "y" * 60_000)), ("str.replace", ("x" * 60_000, "x", "y" * 60_000)),
        ("str.center", ("x", 10**12)), ("str.__mul__", ("x", 10**12)), ("str.__mod__", ("%s" * 2_000, "y" * 10**6)),
        ("str.zfill", ("x", 10**12)), ("str.encode", ("x" * 10**6, "punycode")), ("bytes", (10**12,)), ("int", ("9" * 10**6,)),
        ("str.__mod__", ("%999999999d", 1)), ("str.format", ("{0.__class__}", 1)), ("chr", (10**12,)),
    ],
)  # fmt: skip
def test_what_would_cost_too_much_is_not_worked_out(name, arguments):
    with pytest.raises(Untold):
        evaluate(Global("builtins", name), arguments)
