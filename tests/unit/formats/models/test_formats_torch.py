"""Files of torch: what their pickles ask for and what their programs reach."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason
from keelmark.formats.torch_archive import READER
from keelmark.formats.torch_legacy import READER as LEGACY

SCRIPT = {
    "m/constants.pkl": b"\x80\x02).",
    "m/code/__torch__/net.py": b"def forward(self, x):\n  return torch.relu(x)\n",
}


def test_state_dict_counts_its_parameters_and_runs_nothing(make):
    model = make.model(READER, make.torch_zip())
    assert (model.format, model.parameters, model.tensors, model.dtypes) == ("torch-zip", 6, 1, ("F32",))
    assert (model.can_execute, model.dangerous, model.unknown) == (False, (), ())


@pytest.mark.parametrize(
    ("storage", "name"), [("HalfStorage", "F16"), ("BFloat16Storage", "BF16"), ("LongStorage", "I64")]
)
def test_element_type_follows_the_storage(make, storage, name):
    assert make.model(READER, make.torch_zip(make.torch_state(storage=storage))).dtypes == (name,)


def test_call_in_the_pickle_of_an_archive_is_dangerous(make):
    model = make.model(READER, make.torch_zip(make.calls("os", "system", protocol=2)))
    assert model.can_execute is True
    assert model.dangerous == ("os.system: reaches the operating system",)


def test_packed_pickle_is_unpacked(make):
    model = make.model(READER, make.archive({"m/data.pkl": make.calls("os", "system")}, method=8))
    assert model.dangerous


def test_whole_model_names_its_class(make):
    model = make.model(READER, make.torch_zip(b"\x80\x02cacme.nets\nTiny\n)\x81}b."))
    assert (model.architecture, model.unknown, model.can_execute) == (
        "acme.nets.Tiny",
        ("acme.nets.Tiny",),
        True,
    )


def test_program_of_torchscript_imports_nothing(make):
    model = make.model(READER, make.torch_zip(b"\x80\x02c__torch__.net\nNet\n)\x81}b.", SCRIPT))
    assert (model.format, model.can_execute, model.unknown) == ("torchscript", False, ())


def test_program_that_writes_files_is_dangerous(make):
    script = {
        **SCRIPT,
        "m/code/__torch__/net.py": b'def f(x):\n  torch.save(x, "/tmp/x")\n  return ops.acme.go(x)\n',
    }
    model = make.model(READER, make.torch_zip(extra=script))
    assert model.dangerous == ("torch.save: reads or writes files",)
    assert model.unknown == ("acme.go",)
    assert model.can_execute is True


def test_package_runs_the_code_it_carries(make):
    extra = {
        "m/.data/extern_modules": b"",
        "m/.data/python_version": b"3.11",
        "m/model/model.pkl": make.torch_state(),
    }
    model = make.model(READER, make.archive(extra))
    assert (model.format, model.can_execute) == ("torch-package", True)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_pickle_that_stands_twice_is_a_gap(make):
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("m/data.pkl", make.torch_state())
        target.writestr("m/data.pkl", make.torch_state())
    (reading,) = make.read(READER, out.getvalue())
    assert [gap.reason for gap in reading.gaps] == [GapReason.MALFORMED]
    assert reading.models[0].can_execute is None


def test_encrypted_pickle_is_a_gap(make):
    data = bytearray(make.archive({"m/data.pkl": make.torch_state()}))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (reading,) = make.read(READER, bytes(data))
    assert [gap.reason for gap in reading.gaps] == [GapReason.ENCRYPTED]


def test_truncated_archive_is_a_gap(make):
    (reading,) = make.read(READER, make.torch_zip()[:-30], "model.pt")
    assert [gap.reason for gap in reading.gaps] == [GapReason.TRUNCATED]


def test_other_archives_are_not_of_torch(make):
    assert make.read(READER, make.archive({"readme.txt": b"x"}), "x.pt") == ()


def test_old_format_is_read_up_to_its_storages(make):
    model = make.model(LEGACY, make.torch_legacy())
    assert (model.format, model.parameters, model.can_execute) == ("torch-legacy", 6, False)


def test_call_in_the_old_format_is_dangerous(make):
    assert make.model(LEGACY, make.torch_legacy(make.calls("os", "system", protocol=2))).dangerous
