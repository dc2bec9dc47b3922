"""Files that no reader claims: what may be a model, data, an archive or a program is named, never passed over.

So is what is called like code, configuration or a document and holds no text: a Dockerfile in an unknown charset is one
all the same for the tool that builds it.

Pictures, sound, film, fonts and papers for people hold nothing that a rule could judge; they are counted elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.languages import LANGUAGES

if TYPE_CHECKING:
    from keelmark.formats.source import Source

__all__ = ["NO_TEXT", "gap_of_unclaimed", "is_called_text"]

_MODEL = frozenset(
    {
        ".bin", ".caffemodel", ".cbm", ".ckpt", ".engine", ".ggml", ".ggmlv3", ".gguf", ".h5", ".hdf5", ".joblib",
        ".jit", ".keras", ".lora", ".mar", ".mlmodel", ".mlpackage", ".mnn", ".model", ".mps", ".msgpack", ".ncnn",
        ".nemo", ".npy", ".npz", ".onnx", ".ort", ".params", ".pb", ".pdiparams", ".pdmodel", ".pdparams", ".pickle",
        ".pkl", ".plan", ".pt", ".pte", ".pt2", ".ptl", ".pth", ".rknn", ".safetensors", ".spm", ".t7", ".tflite",
        ".torchscript", ".trt", ".ubj", ".weights", ".xgb",
    }
)  # fmt: skip
_DATA = frozenset(
    {".arrow", ".avro", ".dat", ".data", ".db", ".duckdb", ".feather", ".lance", ".lmdb", ".mat", ".mdb", ".orc",
     ".parquet", ".rdata", ".rds", ".recordio", ".sav", ".sqlite", ".sqlite3", ".tfrecord", ".tfrecords"}
)  # fmt: skip
# Names that promise text: code, configuration, records and papers that readers would have looked at.
_TEXT = frozenset(
    {".cfg", ".conf", ".csv", ".env", ".hcl", ".ini", ".ipynb", ".j2", ".jinja", ".js", ".json", ".jsonl", ".jsx", ".md",
     ".prompt", ".py", ".rst", ".sh", ".tf", ".toml", ".tsv", ".tsx", ".txt", ".yaml", ".yml"}
)  # fmt: skip
# Texts that loaders of models follow.
_FOLLOWED = frozenset({".json", ".py", ".yaml", ".yml"})
_TEXT_NAMES = ("dockerfile", "containerfile", ".env", "license", "licence", "makefile")
# Office papers and packages for readers of books are archives as well; they are documents for people.
_PAPERS = frozenset({".docx", ".epub", ".odp", ".ods", ".odt", ".pptx", ".xlsx", ".sketch", ".fig"})
_ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"), (b"7z\xbc\xaf\x27\x1c", "7-zip"), (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstandard"), (b"\x04\x22\x4d\x18", "lz4"), (b"MSCF", "cabinet"), (b"!<arch>\n", "ar"),
    (b"hsqs", "squashfs"), (b"\xff\x06\x00\x00sNaPpY", "snappy"),
)  # fmt: skip
_PROGRAMS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "ELF"), (b"MZ", "Windows"), (b"\xcf\xfa\xed\xfe", "Mach-O"), (b"\xce\xfa\xed\xfe", "Mach-O"),
    (b"\xca\xfe\xba\xbe", "Mach-O or Java"), (b"\x00asm", "WebAssembly"), (b"dex\n", "Android"),
)  # fmt: skip
_BYTECODE = frozenset({".pyc", ".pyo", ".class"})
# Names of what readers would have read, had it been text.
_TEXTS = re2.compile(
    r"(?i)(.*\.)?(Dockerfile|Containerfile|Jenkinsfile|Gemfile|Pipfile|CODEOWNERS|LICEN[CS]E|env)(\..*)?"
    r"|security\.txt|.*(CHECK|MD5|SHA[0-9]*)SUMS?(\..*)?|.*\.(md5|sha1|sha256|sha512)|.*requirements.*\.txt|.*(prompt|instructions).*\.txt|go\.(mod|sum)|.*(poetry|uv|yarn|cargo|gemfile|pipfile|composer|pdm)\.lock"
    r"|.*\.(bicep|cfg|csv|dvc|gradle|ini|ipynb|js|json|jsonc|jsonl|jsx|kts|md|mjs|cjs|ndjson|py|pyw|rst|sh|tf|toml|ts|tsv|tsx|xml|yaml|yml)"
)
# Suffixes of languages by which compiled or drawn things are called as well.
_OTHER_PROGRAMS = frozenset({".cmd", ".ex", ".fs", ".m", ".ml", ".mm", ".pm", ".r", ".vb", ".h"})
NO_TEXT = "binary content, or a broken encoding, where the name promises text"
_COMPILED = "a compiled "
# Names of models that no text is called by, as far as it does not begin as in another use of the name.
_NEVER_TEXT = frozenset({
    ".caffemodel", ".ckpt", ".gguf", ".h5", ".hdf5", ".joblib", ".keras", ".mar", ".msgpack", ".nemo", ".npy", ".npz", ".onnx",
    ".pdiparams", ".pdparams", ".pickle", ".pkl", ".pt", ".pth", ".safetensors", ".skops", ".tflite", ".ubj",
})  # fmt: skip
_OTHER_USES = {
    # Templates of pages, the language Pkl, and what an interpreter adds to its search path.
    ".pt": re2.compile(r"\s*<"),
    ".pkl": re2.compile(
        r"\s*(?://|@|(?:amends|extends|module|import\*?|open|abstract|class|typealias|function|local|hidden|fixed|const)\s)"
    ),
    ".pth": re2.compile(r"\s*(?:import[ \t;]|#|[./\\]|[A-Za-z]:[\\/]|\S+\s*$)"),
}
# Longest answer of a server that was saved in place of a model.
_MAX_ANSWER = 2048
# Levels of JSON that open one below the other; what people and tools write has a few dozen.
_LEVELS = 500
_STRING = rb'"(?:[^"\\]|\\.)*"'
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
# Nothing that does anything when it is loaded is shorter.
_MIN_STREAM = 8
_ENCRYPTED = b"\x00GITCRYPT\x00"
_FILM_PACKET = 188
_TAR_MAGIC_AT = 257
# What office papers carry beside their text: settings of printers, pictures, sheets inside of sheets.
_OFFICE_PART = re2.compile(r"!(xl|word|ppt)/(printerSettings|embeddings|media|ctrlProps|theme)/[^/!]+$")
_MIN_HEADER = 64


def gap_of_unclaimed(source: Source, *, is_binary: bool = False, in_archive: bool = False) -> Gap | None:
    """The gap of a file that no reader claimed; None when nothing in it could matter.

    Args:
        source: The file.
        is_binary: Whether it turned out to hold no text although its head reads like text.
        in_archive: Whether it lies in an archive, where tables and databases are what packages carry to test themselves;
            what could run code when it is loaded is recognised by its bytes, not by its name.

    A file called like a model and an archive may hide a model, so that they matter. A program does not matter more
    than source that is counted and not analysed, but is named: nobody can review it.
    """
    if source.size == 0:
        return None
    if source.is_text and not is_binary:
        return _gap_of_text(source)
    if source.head.startswith(_ENCRYPTED):
        return Gap(path=source.path, reason=GapReason.ENCRYPTED, detail="git-crypt keeps the key elsewhere")
    if is_called_text(source):
        matters = not in_archive or source.suffix in _FOLLOWED
        return Gap(path=source.path, reason=GapReason.MALFORMED, detail=NO_TEXT, matters=matters)
    detail, matters = _what(source)
    if not detail:
        return None
    matters = matters and not (in_archive and (source.suffix in _DATA or _is_office_part(source.path)))
    # A program that nobody can review may be the service itself.
    hides = detail.startswith(_COMPILED) and not in_archive
    return Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=matters, may_hide=hides)


def _is_office_part(path: str) -> bool:
    return _OFFICE_PART.search(path.encode("utf-8", "backslashreplace").decode()) is not None


def _gap_of_text(source: Source) -> Gap | None:
    """A text that is called like a model and that no reader took for one: a page of an error, a broken stream."""
    if source.head[:1] in b"{[" and source.head.count(b"[") + source.head.count(b"{") >= _LEVELS:
        return _gap_of_depth(source)
    start = source.head[:4096].decode("utf-8", "replace")
    if source.suffix not in _NEVER_TEXT or len(start.strip()) < _MIN_STREAM:
        return None
    if (use := _OTHER_USES.get(source.suffix)) is not None and use.match(start) is not None:
        return None
    if source.suffix == ".pt" and source.size > _MAX_ANSWER:
        return None  # Portuguese
    detail = f"called like a model (`{source.suffix}`), and holds text that is none"
    return Gap(path=source.path, reason=GapReason.MALFORMED, detail=detail)


def _gap_of_depth(source: Source) -> Gap | None:
    """JSON that opens level below level and nothing else: no tool writes it, and whoever reads it as a whole breaks off."""
    deepest = depth = 0
    # Brackets in texts open nothing.
    for mark in bytes_pattern(_STRING).sub(b"", source.head).translate(None, _NO_BRACKETS):
        depth += 1 if mark in b"[{" else -1
        deepest = max(deepest, depth)
    if deepest < _LEVELS:
        return None
    return Gap(path=source.path, reason=GapReason.TOO_DEEP, detail=f"JSON of more than {_LEVELS} levels")


def is_called_text(source: Source) -> bool:
    """Whether the name promises text that a reader would have read."""
    # A class or library may be called `Checksum`, and is compiled all the same.
    if source.suffix in _BYTECODE or (_by_magic(source.head, _PROGRAMS) and ".so" in source.name):
        return False
    # Readable names only: RE2 knows no lone surrogates. Films may be called `.ts` as well.
    if source.head[:1] == b"G" and source.head[_FILM_PACKET : _FILM_PACKET + 1] == b"G":
        return False
    if source.suffix in LANGUAGES and source.suffix not in _OTHER_PROGRAMS:
        return True
    return _TEXTS.fullmatch(source.name.encode("utf-8", "backslashreplace").decode()) is not None


def _what(source: Source) -> tuple[str, bool]:
    """What the file may be, and whether that matters; "" when it is nothing to name."""
    if source.suffix in _MODEL:
        return f"called like a model (`{source.suffix}`), in a form that was not recognised", True
    if source.suffix in _PAPERS:
        return "", False
    archive = _by_magic(source.head, _ARCHIVES) or ("tar" if _is_tar(source.head) else "")
    if archive:
        return f"{archive} archive; what is packed in it was not looked at", True
    program = _by_magic(source.head, _PROGRAMS) if source.size >= _MIN_HEADER else ""
    if program:
        return f"{_COMPILED}program or library ({program}), whose source was not seen", False
    if source.suffix in _TEXT or source.name.lower().startswith(_TEXT_NAMES):
        return "called like a text, and holds none; nobody could read it", True
    if source.suffix in _BYTECODE:
        return f"{_COMPILED}module (bytecode), whose source was not seen", False
    if source.suffix in _DATA:
        return f"called like data (`{source.suffix}`), in a form that was not recognised", True
    return "", False


def _by_magic(head: bytes, magics: tuple[tuple[bytes, str], ...]) -> str:
    return next((what for magic, what in magics if head.startswith(magic)), "")


def _is_tar(head: bytes) -> bool:
    return head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar"
