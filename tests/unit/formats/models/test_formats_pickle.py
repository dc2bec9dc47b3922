"""Pickles: what they ask for is told without loading, however it is written down."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zlib

import pytest

from keelmark.core.facts import GapReason
from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle import machine as pickle_machine
from keelmark.formats.models.pickle.file import Bounds, PickleReader
from keelmark.formats.models.pickle.stream import PickleStream
from keelmark.formats.models.pickle.values import Global

READER = PickleReader()
HARMLESS = (
    "linear_regression_protocol_0.pkl",
    "linear_regression_protocol_2.joblib",
    "linear_regression_protocol_5.joblib",
    "linear_regression_zlib.joblib",
    "linear_regression_xz.joblib",
    "object_array.joblib",
)
HOSTILE = (
    "linear_regression_protocol_2_calls_os_system.joblib",
    "linear_regression_protocol_5_calls_os_system.joblib",
    "linear_regression_zlib_calls_os_system.joblib",
    "object_array_calls_os_system.joblib",
)


@pytest.mark.parametrize("name", HARMLESS)
def test_honest_model_runs_nothing_unknown(make, name):
    (reading,) = make.read(READER, (make.DATA / name).read_bytes(), name)
    (model,) = reading.models
    assert (model.dangerous, model.unknown, model.can_execute) == ((), (), False)
    assert reading.gaps == ()


@pytest.mark.parametrize("name", HOSTILE)
def test_same_model_with_a_call_to_os_system_is_dangerous(make, name):
    (reading,) = make.read(READER, (make.DATA / name).read_bytes(), name)
    (model,) = reading.models
    assert model.dangerous == ("posix.system: reaches the operating system",)
    assert model.can_execute is True
    assert reading.gaps == ()


def test_estimator_its_version_and_its_arrays_are_told(make):
    name = "linear_regression_protocol_5.joblib"
    model = make.model(READER, (make.DATA / name).read_bytes(), name)
    assert model.format == "joblib"
    assert model.architecture == "sklearn.linear_model._base.LinearRegression"
    assert {key for key, _ in model.metadata} >= {"protocol", "scikit-learn"}
    assert model.dtypes == ("F64",)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_call_is_found_in_each_protocol(make, protocol):
    model = make.model(READER, make.calls("os", "system", protocol=protocol))
    assert model.globals == ("os.system",)
    assert model.dangerous
    assert model.can_execute is True


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94h\x00h\x01\x93\x8c\x04true\x85R.",  # named through the memo
        b"\x80\x02(S'true'\nios\nsystem\n.",  # INST
        b"\x80\x02(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02cos\nsystem\nS'true'\n\x85\x81.",  # NEWOBJ
        b"\x80\x04S'\\x6fs'\nV\\u0073ystem\n\x93S'true'\n\x85R.",  # names behind escapes
        b"\x80\x04\x8c\x07sklearn\x8c\x09os.system\x93)R.",  # reached through a harmless module
        b"\x80\x02c__builtin__\neval\nS'1'\n\x85R.",  # the name of Python 2
        b"\x80\x02cnumpy.core\n_ufunc_reconstruct\nS'os'\nS'system'\n\x86R.",  # imported by name
        b"\x80\x02N.\x80\x02cos\nsystem\n)R.",  # in a second pickle
        b"\x80\x02cos\nsystem\nS'true'\n\x85R\xff\xff",  # breaks off after the call
        b"cos\nsystem\n(S'true'\ntRgarbage",  # the same without announcement
        b"cposix\nsystem\np0\n(S'true'\np1\ntp2\nRp3\n.",
        b"\x80\x02ctorch.storage\n_load_from_bytes\nB\x18\x00\x00\x00\x80\x02cos\nsystem\nS'true'\n\x85R.\x85R.",
    ],
)
def test_call_is_found_however_it_is_hidden(make, stream):
    found = make.model(READER, stream)
    assert found.dangerous
    assert found.can_execute is True


def test_callable_on_no_list_is_unknown_not_dangerous(make):
    model = make.model(READER, make.calls("acme.models", "Churn"))
    assert (model.dangerous, model.unknown, model.can_execute) == ((), ("acme.models.Churn",), True)


def test_callable_whose_name_is_computed_is_unknown(make):
    stream = b"\x80\x04cuuid\nuuid4\n)R\x8c\x06system\x93)R."
    assert "?.?" in make.model(READER, stream).unknown


def test_bytes_that_are_computed_and_then_loaded_are_unknown(make):
    model = make.model(READER, b"\x80\x02ctorch.storage\n_load_from_bytes\ncacme\ncontent\n)R\x85R.")
    assert ("?.?" in model.unknown, model.can_execute) == (True, True)


def test_bytes_that_are_put_together_and_then_loaded_are_followed(make):
    encode = b"c_codecs\nencode\nX\x0e\x00\x00\x00cos\nsystem\n)R.X\x06\x00\x00\x00latin1\x86R"
    model = make.model(READER, b"\x80\x02ctorch.storage\n_load_from_bytes\n" + encode + b"\x85R.")
    assert model.dangerous == ("os.system: reaches the operating system",)


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x02cfunctools\npartial\nctorch.storage\n_load_from_bytes\nC\x02N.\x86R)R.",
        b"\x80\x02ctorch.storage\n_load_from_bytes\nq\x00C\x02N.\x85R0cfunctools\npartial\nh\x00\x85R.",
        b"\x80\x02(C\x02N.itorch.storage\n_load_from_bytes\n0cfunctools\npartial\nctorch.storage\n_load_from_bytes\n\x85R.",
    ],
)
def test_loader_that_is_handed_on_is_unknown(make, stream):
    model = make.model(READER, stream)
    assert (model.unknown, model.can_execute) == (("?.?",), True)


def test_tensor_inside_of_a_plain_pickle_is_harmless(make):
    inner = make.torch_legacy()
    stream = (
        b"\x80\x02ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R."
    )
    model = make.model(READER, stream)
    assert (model.can_execute, model.unknown, model.parameters) == (False, (), 6)


def test_extension_code_is_unknown(make):
    assert make.model(READER, b"\x80\x02\x82\x07)R.").unknown == ("copyreg.extension.code-7",)


def test_dotted_name_of_a_harmless_class_is_not_vouched_for():
    assert callables.judge(Global("collections", "OrderedDict")).danger is callables.Danger.HARMLESS
    assert callables.judge(Global("collections", "OrderedDict.fromkeys")).danger is callables.Danger.UNKNOWN


@pytest.mark.parametrize(
    "name", ["os.system", "code.InteractiveInterpreter", "builtins.eval", "dill._dill._create_code"]
)
def test_known_runners_of_code_are_dangerous_with_a_reason(name):
    module, _, function = name.rpartition(".")
    verdict = callables.judge(Global(module, function))
    assert verdict.danger is callables.Danger.DANGEROUS
    assert verdict.reason


@pytest.mark.parametrize(
    "name", ["code.model.Net", "test.Model", "profile.User", "trace.Span", "distutils.version.X"]
)
def test_own_module_with_the_name_of_a_library_is_only_unknown(name):
    module, _, function = name.rpartition(".")
    assert callables.judge(Global(module, function)).danger is callables.Danger.UNKNOWN


def test_lists_do_not_contradict_each_other():
    lists = callables._lists()
    vetted = {f"{module}.{name}" for module, names in lists.harmless.items() for name in names}
    assert not vetted & set(lists.names)
    clash = {name for name in vetted if callables._reason(name, lists)}
    # Harmless with the arguments that honest files give them; each has a rule.
    by_argument = {"torch.storage._load_from_bytes", "dill._dill._create_array", "dill._dill._load_type"}
    rows = {"os.stat_result", "os.statvfs_result", "os.terminal_size"}
    # Values of modules that do harm otherwise.
    plain = {"http", "signal", "platform", "urllib.parse", "http.cookies", "socket", "ssl"}
    assert {name for name in clash if name.rpartition(".")[0] not in plain} <= by_argument | rows, clash
    assert len(clash) < 43


def test_truncated_pickle_is_a_gap_and_not_settled(make):
    (reading,) = make.read(READER, b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]
    assert reading.models[0].can_execute is None


def test_bytes_after_the_pickle_are_told(make):
    assert ("bytes after the pickle", "5") in make.model(READER, b"\x80\x02N.extra").metadata


def test_bound_on_operations_is_a_gap(make):
    reader = PickleReader(Bounds(max_operations=20))
    (reading,) = make.read(reader, b"\x80\x02" + b"N0" * 40 + b"N.")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


@pytest.mark.parametrize("pack", [zlib.compress, gzip.compress, bz2.compress, lzma.compress])
def test_compressed_pickle_is_unpacked(make, pack):
    model = make.model(READER, pack(make.calls("os", "system")))
    assert model.dangerous
    assert model.format == "joblib"


def test_compressed_text_is_no_pickle(make):
    assert make.read(READER, gzip.compress(b"a,b\n1,2\n" * 100), "data.csv.gz") == ()


def test_bomb_is_a_gap_not_a_full_memory(make):
    packed = zlib.compress(b"\x80\x04B" + struct.pack("<I", 300 * 1024**2) + bytes(20 * 1024**2), 9)
    (reading,) = make.read(PickleReader(max_unpacked_bytes=1024**2), packed)
    assert [gap.reason for gap in reading.gaps] == [GapReason.TOO_LARGE]


def test_broken_compression_is_a_gap(make):
    (reading,) = make.read(READER, b"\x04\x22\x4d\x18" + bytes(32), "model.joblib")
    assert [gap.matters for gap in reading.gaps] == [True]
    assert reading.models[0].can_execute is None
    assert make.read(READER, b"\x04\x22\x4d\x18" + bytes(32), "video.lz4") == ()


def test_pickle_in_a_stream_that_breaks_is_followed_as_far_as_it_came(make):
    packed = gzip.compress(make.calls("os", "system") + bytes(range(256)) * 400)
    (reading,) = make.read(READER, packed[:-40])
    assert reading.models[0].dangerous
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_array_of_unknown_size_stops_with_a_gap(make):
    stream = (
        b"\x80\x02cjoblib.numpy_pickle\nNumpyArrayWrapper\n)\x81}(X\x05\x00\x00\x00shapecos\ngetcwd\n"
        b"X\x05\x00\x00\x00dtypeNub" + bytes(40) + b"."
    )
    (reading,) = make.read(READER, stream)
    assert [(gap.reason, gap.matters) for gap in reading.gaps] == [(GapReason.MALFORMED, True)]


def test_values_that_hold_each_other_do_not_keep_the_file_open(tmp_path, make):
    from keelmark.formats.source import Source

    file = tmp_path / "circle.pkl"
    file.write_bytes(b"\x80\x04]\x94C\x04abcdh\x00e" + b"\x80\x04]\x94(C\x04abcdh\x00e." + bytes(2 * 1024**2))
    with Source(file, path="circle.pkl") as source:
        READER.read(source)


def test_protocol_of_the_future_is_a_gap():
    assert pickle_machine.inspect(memoryview(b"\x80\x09N.")).error is not None


def test_operations_are_yielded_in_order_with_their_places():
    found = list(PickleStream(memoryview(b"\x80\x02K\x05I7\nS'a'\n.")).walk())
    assert [(item.name, item.position, item.argument) for item in found] == [
        ("PROTO", 0, 2), ("BININT1", 2, 5), ("INT", 4, 7), ("STRING", 7, "a"), ("STOP", 12, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["Introduction\n", "(a, b)\n", "]\n", "}\n", "const x = 1;\nlet y;\n.", "import os\n"]
)
def test_text_that_starts_like_an_old_pickle_is_none(make, text):
    assert make.read(READER, text.encode(), "model.pth") == ()


@pytest.mark.parametrize("length", [1, 126, 127, 128, 129, 4_000])
def test_lines_of_any_length_are_read_whole(length):
    data = b"V" + b"a" * length + b"\n" + b"I" + b"7" * min(length, 300) + b"\n."
    text, number, _ = PickleStream(memoryview(data)).walk()
    assert (text.argument, number.argument) == ("a" * length, int("7" * min(length, 300)))


@pytest.mark.parametrize(
    ("path", "leaves"), [("../../etc/x.npy", True), ("/tmp/x.npy", True), ("m.pkl_01.npy", False)]
)
def test_array_file_outside_of_the_folder_is_named(make, path, leaves):
    raw = path.encode()
    stream = (
        b"\x80\x02cjoblib.numpy_pickle\nNDArrayWrapper\n)\x81}X\x08\x00\x00\x00filenameX"
        + struct.pack("<I", len(raw)) + raw + b"sb."
    )  # fmt: skip
    (reading,) = make.read(READER, stream)
    assert (path in [hazard.subject for hazard in reading.hazards]) is leaves


def test_argument_hazards_stand_among_the_dangerous(make):
    model = make.model(
        READER, b"\x80\x02cbuiltins\ngetattr\nX\x00\x00\x00\x00X\x09\x00\x00\x00__class__\x86R."
    )
    assert len(model.dangerous) == 1
    assert model.dangerous[0].startswith(
        "builtins.getattr: loading it calls `builtins.getattr` to reach `__class__`"
    )


def test_hazards_are_bounded_and_the_last_says_so(make):
    stream = b"".join(b"cacme.m%d\nf\n0" % index for index in range(300)) + b"N."
    (reading,) = make.read(READER, b"\x80\x02" + stream)
    assert len(reading.hazards) == 100
    assert reading.hazards[-1].detail.endswith("200 more findings were left out")


def test_bytes_that_are_no_pickle_are_not_claimed_but_by_their_name(make):
    assert make.read(READER, b"\x80\x04.", "x.bin") == ()
    (reading,) = make.read(READER, b"\x80\x04.\xff", "x.pkl")
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert reading.hazards == ()
