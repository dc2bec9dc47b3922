"""Files that no reader claims: what may be a model, data, an archive or a program is named, never passed over.

So is what is called like code, configuration or a document and holds no text: a Dockerfile in an unknown charset is one
all the same for the tool that builds it.

Pictures, sound, film, fonts and papers for people hold nothing that a rule could judge; they are counted elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Gap, GapReason

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
_TEXT_NAMES = ("dockerfile", "containerfile", ".env", "license", "licence", "makefile")
# Office papers and packages for readers of books are archives as well; they are documents for people.
_PAPERS = frozenset({".docx", ".epub", ".odp", ".ods", ".odt", ".pptx", ".xlsx", ".sketch", ".fig"})
_ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"), (b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"), (b"7z\xbc\xaf\x27\x1c", "7-zip"), (b"Rar!\x1a\x07", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstandard"), (b"\x04\x22\x4d\x18", "lz4"), (b"MSCF", "cabinet"), (b"!<arch>\n", "ar"),
    (b"hsqs", "squashfs"),
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
NO_TEXT = "binary content, or a broken encoding, where the name promises text"
_ENCRYPTED = b"\x00GITCRYPT\x00"
_FILM_PACKET = 188
_TAR_MAGIC_AT = 257
_MIN_HEADER = 64


def gap_of_unclaimed(source: Source, *, is_binary: bool = False) -> Gap | None:
    """The gap of a file that no reader claimed; None when nothing in it could matter.

    Args:
        source: The file.
        is_binary: Whether it turned out to hold no text although its head reads like text.

    A file called like a model and an archive may hide a model, so that they matter. A program does not matter more
    than source that is counted and not analysed, but is named: nobody can review it.
    """
    if source.size == 0 or (source.is_text and not is_binary):
        return None
    if source.head.startswith(_ENCRYPTED):
        return Gap(path=source.path, reason=GapReason.ENCRYPTED, detail="git-crypt keeps the key elsewhere")
    if is_called_text(source):
        return Gap(path=source.path, reason=GapReason.MALFORMED, detail=NO_TEXT)
    detail, matters = _what(source)
    if not detail:
        return None
    return Gap(path=source.path, reason=GapReason.UNSUPPORTED, detail=detail, matters=matters)


def is_called_text(source: Source) -> bool:
    """Whether the name promises text that a reader would have read."""
    # Readable names only: RE2 knows no lone surrogates. Films may be called `.ts` as well.
    if source.head[:1] == b"G" and source.head[_FILM_PACKET : _FILM_PACKET + 1] == b"G":
        return False
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
        return f"compiled program or library ({program}); its source was not seen", False
    if source.suffix in _TEXT or source.name.lower().startswith(_TEXT_NAMES):
        return "called like a text, and holds none; nobody could read it", True
    if source.suffix in _BYTECODE:
        return "compiled bytecode; its source was not seen", False
    if source.suffix in _DATA:
        return f"called like data (`{source.suffix}`), in a form that was not recognised", True
    return "", False


def _by_magic(head: bytes, magics: tuple[tuple[bytes, str], ...]) -> str:
    return next((what for magic, what in magics if head.startswith(magic)), "")


def _is_tar(head: bytes) -> bool:
    return head[_TAR_MAGIC_AT : _TAR_MAGIC_AT + 5] == b"ustar"
