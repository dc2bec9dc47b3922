"""What stands before an archive: nothing that matters, a program, or another format that makes the file two at once."""

from __future__ import annotations

from keelmark.core.facts import Technique

__all__ = ["what_stands_before"]

_PROGRAMS = (
    (b"\x7fELF", "an ELF program"),
    (b"MZ", "a Windows program"),
    (b"\xcf\xfa\xed\xfe", "a Mach-O program"),
    (b"\xce\xfa\xed\xfe", "a Mach-O program"),
    (b"\xca\xfe\xba\xbe", "a Mach-O program"),
    (b"dex\n", "an Android program"),
)
_FORMATS = (
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"BM", "a picture"),
    (b"RIFF", "sound, film or a picture"),
    (b"%PDF", "a PDF paper"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"GGUF", "a GGUF model"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-zip archive"),
    (b"Rar!", "a rar archive"),
    (b"\x1f\x8b", "a gzip stream"),
    (b"BZh", "a bzip2 stream"),
    (b"\xfd7zXZ", "an xz stream"),
    (b"\x28\xb5\x2f\xfd", "a zstd stream"),
    (b"SQLite format 3", "a database"),
    (b"PAR1", "a Parquet file"),
    (b"OggS", "sound"),
    (b"ID3", "sound"),
)
# Formats that archives are appended to by design, and the small headers of packages.
_PACKAGES = (b"JM\x01\x00", b"Cr24", b"!<arch>\n")
# What tools put before archives that could have been split.
_MARKS = (b"PK\x07\x08", b"PK00")
_TFLITE = b"TFL3"
_MAX_SHEBANG = 4096


def what_stands_before(prefix: memoryview, *, is_whole: bool) -> tuple[Technique | None, str]:
    """The technique and sentence for the bytes before an archive; no technique when they are harmless.

    Args:
        prefix: The bytes.
        is_whole: Whether the archive reaches to the end of the file; one that does not lies inside of something else.
    """
    head = bytes(prefix[: _MAX_SHEBANG + 1])
    if not is_whole or _is_expected(head, len(prefix)):
        return None, ""
    for magic, what in _PROGRAMS:
        if head.startswith(magic):
            return Technique.EMBEDDED_EXECUTABLE, f"{what} stands before the archive"
    if head.startswith(b"#!"):
        return Technique.EMBEDDED_EXECUTABLE, "a script stands before the archive"
    what = _format(head)
    if what:
        return Technique.POLYGLOT, f"the file starts as {what} and ends as a zip archive; both are read"
    return Technique.HIDDEN_DATA, f"{len(prefix)} bytes stand before the archive"


def _is_expected(head: bytes, length: int) -> bool:
    if head.startswith(_PACKAGES) or head in _MARKS or head[4:8] == _TFLITE:
        return True
    return head.startswith(b"#!") and length <= _MAX_SHEBANG and head.rstrip().count(b"\n") == 0


def _format(head: bytes) -> str:
    if head[:1] == b"\x80" and head[1:2] <= b"\x05":
        return "a pickle"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**40:
        return "a safetensors file"
    if head[257:262] == b"ustar":
        return "a tar archive"
    return next((what for magic, what in _FORMATS if head.startswith(magic)), "")
