"""Files of torch: what their pickles ask for and what their programs reach."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason, Technique
from keelmark.formats.models.pickle import machine
from keelmark.formats.models.pickle.torch_legacy import READER as LEGACY
from keelmark.formats.models.torch_archive import READER

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
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    data[entry + 24] -= 12  # the header of the encryption
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


def test_hazards_name_their_member_and_followed_members_are_covered(make):
    (reading,) = make.read(READER, make.torch_zip(make.calls("os", "system", protocol=2)))
    (hazard,) = reading.hazards
    assert (hazard.technique, hazard.subject, hazard.member, hazard.code) == (
        Technique.DANGEROUS_CALLABLE, "os.system", "m/data.pkl", "os.system('true')",
    )  # fmt: skip
    assert set(reading.covers) == {"m/data.pkl", "m/version"}


def test_storages_that_the_pickle_names_are_covered_and_others_are_not(make):
    (reading,) = make.read(READER, make.torch_zip(extra={"m/data/7": b"cos\nsystem\n(S'true'\ntR."}))
    assert "m/data/0" in reading.covers
    assert "m/data/7" not in reading.covers


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_member_that_stands_twice_is_left_for_others_to_open(make):
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as target:
        target.writestr("m/data.pkl", make.calls("os", "system"))
        target.writestr("m/data.pkl", make.torch_state())
    (reading,) = make.read(READER, out.getvalue())
    assert "m/data.pkl" not in reading.covers


def test_program_states_its_operators_as_hazards(make):
    script = {
        **SCRIPT,
        "m/code/__torch__/net.py": b'torch.save(x, "/tmp/x")\nops.acme.go(x)\nops.aten.relu(x)\n',
    }
    (reading,) = make.read(READER, make.torch_zip(extra=script))
    assert [(hazard.technique, hazard.subject) for hazard in reading.hazards] == [
        (Technique.FILE_OPERATOR, "torch.save"), (Technique.CUSTOM_OPERATOR, "acme.go"),
    ]  # fmt: skip


def test_types_of_a_program_do_not_excuse_other_names(make):
    (reading,) = make.read(READER, make.torch_zip(make.calls("os", "system", protocol=2), SCRIPT))
    assert [hazard.subject for hazard in reading.hazards] == ["os.system"]


def test_classes_of_a_package_are_judged_by_their_source(make):
    members = {
        "m/.data/extern_modules": b"", "m/.data/python_version": b"3.11", "m/net.py": b"class Net:\n    pass\n",
        "m/model/model.pkl": b"\x80\x02cnet\nNet\n)\x81.", "m/other.pkl": b"\x80\x02celse\nNet\n)\x81.",
    }  # fmt: skip
    (reading,) = make.read(READER, make.archive(members))
    assert [(hazard.technique, hazard.subject) for hazard in reading.hazards] == [
        (Technique.UNKNOWN_CALLABLE, "else.Net"), (Technique.EMBEDDED_SOURCE, "m/net.py"),
    ]  # fmt: skip


def test_the_class_that_older_torch_wraps_in_a_persistent_id_is_made_like_any_other():
    wrapped = b"(X\x06\x00\x00\x00module%bX\x01\x00\x00\x00fX\x01\x00\x00\x00stQ)\x81."
    known = machine.inspect(memoryview(b"\x80\x02" + wrapped % b"ctorch.nn.modules.linear\nLinear\n"))
    assert (known.error, dict(known.hazards)) == (None, {})
    harmful = machine.inspect(memoryview(b"\x80\x02" + wrapped % b"csubprocess\nPopen\n"))
    assert [hazard.subject for hazard in harmful.hazards.values()] == ["subprocess.Popen"]
