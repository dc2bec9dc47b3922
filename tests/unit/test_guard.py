"""The guard around loading code: what it refuses, what it leaves alone, and where it holds."""

# ruff: noqa: SIM117, PT012 - what happens inside of a guard, and what when it is left, is told apart by its blocks

from __future__ import annotations

import _pickle
import asyncio
import collections
import concurrent.futures
import ctypes
import io
import marshal
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, suppress
from types import SimpleNamespace

import pytest

import keelmark
from keelmark import guard as guard_module
from keelmark.errors import UsageError
from keelmark.formats.models.pickle.callables import Danger
from keelmark.guard import GuardedLoading

HARMLESS = pickle.dumps(collections.OrderedDict(a=[1, 2.5, {"b"}]))
HARMFUL = b"cos\nsystem\n(S'true'\ntR."
UNKNOWN = b"ccolorsys\nrgb_to_hsv\n."


class PurePython(pickle._Unpickler):
    """As loaders that add something of their own."""

    def find_class(self, module, name):
        return super().find_class(module, name)


def in_python(data):
    return PurePython(io.BytesIO(data)).load()


class InC(pickle.Unpickler):
    def find_class(self, module, name):
        return super().find_class(module, name)


def in_c(data):
    return InC(io.BytesIO(data)).load()


LOADERS = [pickle.loads, _pickle.loads, pickle._loads, in_python, in_c]


@pytest.mark.parametrize("load", LOADERS)
def test_harmless_pickle_is_loaded(load):
    with keelmark.guarded_loading():
        assert load(HARMLESS) == collections.OrderedDict(a=[1, 2.5, {"b"}])


@pytest.mark.parametrize("load", LOADERS)
@pytest.mark.parametrize(
    "data",
    [HARMFUL, b"cposix\nsystem\n.", b"\x80\x04\x8c\x02nt\x8c\x06system\x93.", b"c__builtin__\neval\n."],
)
def test_dangerous_callable_is_refused_before_it_is_imported(load, data):
    with pytest.raises(keelmark.UnsafeLoadError, match="the file asks for"), keelmark.guarded_loading():
        load(data)


def test_unknown_callable_is_refused_and_its_module_stays_unimported():
    sys.modules.pop("colorsys", None)
    with pytest.raises(keelmark.UnsafeLoadError, match="on no list") as caught, keelmark.guarded_loading():
        pickle.loads(UNKNOWN)
    assert "colorsys" not in sys.modules
    assert "colorsys.rgb_to_hsv" in caught.value.message
    assert "allow=" in caught.value.hint


@pytest.mark.parametrize("protocol", range(6))
def test_names_of_python_2_are_known(protocol):
    data = pickle.dumps([{1}, collections.OrderedDict(), complex(1, 2), bytearray(b"x"), object()], protocol)
    with keelmark.guarded_loading():
        pickle.loads(data)


def test_what_is_allowed_by_name_passes():
    with keelmark.guarded_loading(allow={"colorsys.rgb_to_hsv"}):
        assert callable(pickle.loads(UNKNOWN))


def test_what_is_allowed_passes_alone():
    with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading(allow={"colorsys.rgb_to_hsv"}):
        pickle.loads(HARMFUL)


@pytest.mark.parametrize("allow", ["system", {""}, {"."}])
def test_what_is_allowed_is_a_dotted_name(allow):
    with pytest.raises(UsageError):
        keelmark.guarded_loading(allow=allow)


def test_single_allowed_name_is_not_taken_for_letters():
    with keelmark.guarded_loading(allow="colorsys.rgb_to_hsv"):
        pickle.loads(UNKNOWN)


# -- what else is refused


def connect():
    with socket.socket() as near:
        near.connect(("127.0.0.1", 9))


@pytest.mark.parametrize(
    ("event", "act"),
    [
        ("os.system", lambda: os.system("true")),
        ("subprocess.Popen", lambda: subprocess.run(["true"], check=False)),
        ("os.posix_spawn", lambda: os.posix_spawn("/bin/true", ["true"], {})),
        ("os.exec", lambda: os.execv("/nonexistent", ["x"])),
        ("socket.connect", connect),
        ("ctypes.dlopen", lambda: ctypes.CDLL("/nonexistent.so")),
        ("marshal.loads", lambda: marshal.loads(marshal.dumps(1))),
    ],
)
def test_programs_networks_and_code_are_refused(event, act):
    with pytest.raises(keelmark.UnsafeLoadError, match=event), keelmark.guarded_loading():
        act()


def test_allowed_action_is_carried_out():
    with keelmark.guarded_loading(allow={"subprocess.Popen"}):
        assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0


def test_import_of_a_module_goes_on(tmp_path, monkeypatch):
    (tmp_path / "guard_sample.py").write_text("import marshal\nVALUE = marshal.loads(marshal.dumps(3))\n")
    monkeypatch.syspath_prepend(tmp_path)
    with keelmark.guarded_loading():
        import guard_sample
    assert guard_sample.VALUE == 3


def test_import_around_the_guard_is_no_excuse(tmp_path, monkeypatch):
    (tmp_path / "guard_outer.py").write_text(
        "import keelmark, marshal\nwith keelmark.guarded_loading():\n    marshal.loads(marshal.dumps(3))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(keelmark.UnsafeLoadError):
        import guard_outer  # noqa: F401


# -- where it holds


def test_outside_of_the_guard_nothing_changes():
    with keelmark.guarded_loading():
        pass
    assert pickle.loads(HARMFUL) == 0
    assert subprocess.run([sys.executable, "-c", ""], check=True).returncode == 0


def test_swallowed_refusal_is_raised_when_the_guard_is_left():
    with pytest.raises(keelmark.UnsafeLoadError, match=r"os\.system"), keelmark.guarded_loading():
        with suppress(Exception):
            pickle.loads(HARMFUL)


def test_refusal_that_was_replaced_is_raised_with_its_cause():
    def load():
        try:
            pickle.loads(HARMFUL)
        except Exception as error:
            raise RuntimeError("broken file") from error

    with pytest.raises(keelmark.UnsafeLoadError) as caught, keelmark.guarded_loading():
        load()
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_other_errors_and_interrupts_pass():
    with pytest.raises(ZeroDivisionError), keelmark.guarded_loading():
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt), keelmark.guarded_loading():
        with suppress(keelmark.UnsafeLoadError):
            pickle.loads(HARMFUL)
        raise KeyboardInterrupt


def test_pickle_inside_of_a_pickle_is_held_against_the_lists_too():
    inner = pickle.dumps(HARMFUL)
    with pytest.raises(keelmark.UnsafeLoadError, match=r"os\.system"), keelmark.guarded_loading():
        pickle.loads(pickle.loads(inner))


def test_nested_guards_must_all_allow():
    with keelmark.guarded_loading(allow={"colorsys.rgb_to_hsv"}):
        with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading():
            pickle.loads(UNKNOWN)
        pickle.loads(UNKNOWN)
    with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading():
        with keelmark.guarded_loading(allow={"colorsys.rgb_to_hsv"}):
            pickle.loads(UNKNOWN)


def test_guard_is_entered_once():
    guard = keelmark.guarded_loading()
    with guard:
        pass
    with pytest.raises(UsageError), guard:
        pass


def test_guard_in_an_exit_stack_holds():
    with pytest.raises(keelmark.UnsafeLoadError), ExitStack() as stack:
        stack.enter_context(keelmark.guarded_loading())
        pickle.loads(HARMFUL)


def run_in_thread(function):
    results = []

    def work():
        try:
            results.append(function())
        except keelmark.UnsafeLoadError as error:
            results.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return results[0]


def test_thread_started_inside_is_guarded():
    with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading():
        assert isinstance(run_in_thread(lambda: pickle.loads(HARMFUL)), keelmark.UnsafeLoadError)


def test_thread_started_by_a_guarded_thread_is_guarded():
    with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading():
        inner = run_in_thread(lambda: run_in_thread(lambda: pickle.loads(HARMFUL)))
        assert isinstance(inner, keelmark.UnsafeLoadError)


def test_pool_made_inside_is_guarded():
    with pytest.raises(keelmark.UnsafeLoadError), keelmark.guarded_loading():
        with concurrent.futures.ThreadPoolExecutor(1) as pool, suppress(keelmark.UnsafeLoadError):
            pool.submit(pickle.loads, HARMFUL).result()


def test_other_threads_go_on_undisturbed():
    go, done = threading.Event(), threading.Event()
    results = []

    def work():
        go.wait(5)
        results.append(pickle.loads(HARMFUL))
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    with keelmark.guarded_loading():
        go.set()
        assert done.wait(5)
    thread.join()
    assert results == [0]


def test_thread_that_outlives_the_guard_is_free():
    go = threading.Event()
    results = []

    def work():
        go.wait(5)
        results.append(pickle.loads(HARMFUL))

    with keelmark.guarded_loading():
        thread = threading.Thread(target=work)
        thread.start()
    go.set()
    thread.join()
    assert results == [0]


def test_tasks_are_guarded_each_by_its_own():
    async def guarded():
        with keelmark.guarded_loading():
            await asyncio.sleep(0)
            return await asyncio.gather(
                asyncio.to_thread(pickle.loads, HARMFUL), inner(), return_exceptions=True
            )

    async def inner():
        await asyncio.sleep(0)
        return pickle.loads(HARMFUL)

    async def free():
        await asyncio.sleep(0)
        return pickle.loads(HARMFUL)

    async def both():
        return await asyncio.gather(guarded(), free(), return_exceptions=True)

    first, second = asyncio.run(both())
    assert isinstance(first, keelmark.UnsafeLoadError)
    assert second == 0


# -- scanning first


def test_file_that_is_not_clean_is_not_loaded(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(HARMFUL)
    with (
        pytest.raises(keelmark.UnsafeLoadError, match="scan is not clean"),
        keelmark.guarded_loading(scan=path),
    ):
        pytest.fail("the block was entered")


def test_clean_file_is_loaded_and_may_use_what_was_judged_by_its_arguments(tmp_path):
    path = tmp_path / "model.pkl"
    path.write_bytes(HARMLESS)
    with keelmark.guarded_loading(scan=[path]):
        assert pickle.loads(path.read_bytes())
        assert pickle.loads(b"cbuiltins\ngetattr\n.") is getattr


def test_class_that_may_only_be_created_is_refused_unless_scanned(tmp_path, monkeypatch):
    verdict = SimpleNamespace(danger=Danger.HARMLESS, reason="", is_only_created=True)
    path = tmp_path / "model.pkl"
    path.write_bytes(HARMLESS)
    monkeypatch.setattr(guard_module, "judge", lambda _: verdict)
    with pytest.raises(keelmark.UnsafeLoadError, match="constructor"), keelmark.guarded_loading():
        pickle.loads(UNKNOWN)
    with keelmark.guarded_loading(scan=path):
        pickle.loads(UNKNOWN)


@pytest.mark.parametrize("scan", [[], "no/such/file"])
def test_nothing_to_scan_is_an_error(scan):
    with pytest.raises(UsageError), keelmark.guarded_loading(scan=scan):
        pytest.fail("the block was entered")


# -- cost


def test_import_loads_nothing_but_what_it_needs():
    """Told by what is loaded: seconds say more of the machine."""
    code = "import sys; before = set(sys.modules); import keelmark; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert len(loaded) < 60, loaded
    own = {name for name in loaded if name.startswith("keelmark")}
    assert own <= {"keelmark", "keelmark.version", "keelmark.errors"}
    assert not {"msgspec", "rich", "re2", "yaml", "jinja2", "cyclopts", "tree_sitter"} & set(loaded)


def test_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError):
        keelmark.no_such_name  # noqa: B018


def test_guard_never_imports_a_loader():
    code = "import sys, keelmark\nwith keelmark.guarded_loading(): pass\nprint('pickle' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_public_class_is_what_the_function_gives():
    assert isinstance(keelmark.guarded_loading(), GuardedLoading)
    assert time.monotonic() > 0
