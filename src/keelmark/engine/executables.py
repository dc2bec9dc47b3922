"""Programs in and beside the parts of an artefact: told by their heads, never by a name or by single bytes among numbers.

Models hold no programs; software holds programs and sometimes models. What counts is therefore where a program lies: in
an archive that is an artefact as a whole every program is freight, in any other one only a stray one beside models.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Hazard, Technique
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.programs import host_library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from keelmark.formats.source import Source

__all__ = ["HEAD", "Cargo", "program_in", "program_of"]


class _Pattern:
    """A pattern that is compiled when it is used for the first time: most scans meet no archive."""

    def __init__(self, pattern: str | bytes) -> None:
        self._pattern = pattern

    @cached_property
    def matches(self) -> Callable[[str | bytes], bool]:
        """Whether a text is all of what the pattern stands for."""
        given = self._pattern
        compiled = bytes_pattern(given) if isinstance(given, bytes) else re2.compile(given)
        return lambda text: compiled.fullmatch(text) is not None


HEAD = 8 * 1024
"""Bytes that tell a program."""
# Numbers are not searched; what was put behind or into a model lies in its end, or the whole is short.
_SEARCHED = 4 * 1024**2
_ELF, _PE = b"\x7fELF", b"PE\x00\x00"
_MACH = (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe")
_MIN_MACH, _MIN_ELF = 32, 52
_MAX_ELF_KIND, _MAX_MACHINE = 4, 300
_MAX_STRAY = 2
_SHEBANG = _Pattern(
    rb"#![ \t]*(?:/(?:usr/|bin/|opt/|system/).*\b(?:ba|z|k|da|a)?sh|/usr/bin/env[ \t]+(?:-S[ \t]+)?(?:perl|ruby|node|php))\b.*"
)
_WINDOWS_SCRIPTS = frozenset({".bat", ".cmd", ".hta", ".ps1", ".vbs", ".vbe", ".wsf"})
_PYTHON_MAGICS = range(3000, 4000)
# Archives that are artefacts by what they name, though no reader speaks for them as a whole.
_ARTEFACT_MEMBERS = _Pattern(r"(?i)(.*/)?(MAR-INF/MANIFEST\.json|model_config\.yaml|model_weights\.ckpt)")
# Packages of software, images of systems, and what tools compile models into.
_SOFTWARE_MEMBERS = _Pattern(
    r"(?i)(.*/)?([^/]*\.(dist|egg)-info/.*|EGG-INFO/.*|META-INF/MANIFEST\.MF|AndroidManifest\.xml|debian-binary|setup\.py|pyproject\.toml"
    r"|package\.json|CMakeLists\.txt|Makefile|configure|Cargo\.toml|go\.mod|Info\.plist|layer\.tar|manifest\.mf|PKG-INFO|info/index\.json)"
    r"|(\./)?(usr|bin|etc|opt|lib)/.*|(.*/)?aotinductor/.*"
)
_LIBRARY = _Pattern(r"(?i).*\.(so(\.[\d.]+)?|dll|dylib|o|a|pyd|node)")


def program_of(head: bytes, *, name: str = "") -> str:
    """Which kind of program starts with these bytes (`HEAD` of them, or all); "" when none does."""
    native = host_library(memoryview(head))
    if native:
        return f"{native} program"
    if (
        head[2:4] == b"\r\n"
        and int.from_bytes(head[:2], "little") in _PYTHON_MAGICS
        and head[16:17] in {b"\xe3", b"c"}
    ):
        return "compiled Python"
    if head.startswith(b"#!") and _SHEBANG.matches(head[:200].partition(b"\n")[0]):
        return "script"
    suffix = name[name.rfind(".") :].lower() if "." in name else ""
    is_text = suffix in _WINDOWS_SCRIPTS and b"\x00" not in head[:1024]
    return "script" if is_text and head.strip() else ""


def program_in(source: Source) -> tuple[str, int]:
    """A program inside of a file that does not start with one, and its place; ("", -1) when there is none.

    Short files are searched whole, long ones at their start and end. A head has to be right in every field that it has.
    """
    if source.size <= _SEARCHED:
        return _in_bytes(bytes(source.data), 0)
    found = _in_bytes(source.head, 0)
    if found[0]:
        return found
    tail = source.tail(_SEARCHED)
    return _in_bytes(tail, source.size - len(tail))


def _in_bytes(data: bytes, start: int) -> tuple[str, int]:
    view = memoryview(data)
    for magic in (_ELF, *_MACH):
        at = data.find(magic, 1)
        while at >= 0:
            if _is_whole(view[at:]) and (kind := host_library(view[at : at + HEAD])):
                return kind, start + at
            at = data.find(magic, at + 1)
    if _PE not in data:
        return "", -1
    at = data.find(b"MZ", 1)
    while at >= 0:
        if host_library(view[at : at + HEAD]) == "Windows":
            return "Windows", start + at
        at = data.find(b"MZ", at + 1)
    return "", -1


def _is_whole(view: memoryview) -> bool:
    """Whether an ELF head has the fields that no other bytes have by chance; other heads are judged elsewhere."""
    head = bytes(view[:64])
    if not head.startswith(_ELF):
        return len(head) >= _MIN_MACH and int.from_bytes(head[12:16], "little") in range(1, 13)
    if len(head) < _MIN_ELF:
        return False
    kind, machine, version = struct.unpack_from("<HHI" if head[5] == 1 else ">HHI", head, 16)
    return bool(1 <= kind <= _MAX_ELF_KIND and 0 < machine < _MAX_MACHINE and version == 1)


def _attack_in(script: bytes) -> str:
    # Hardly an archive holds a script; what judges them takes time to be made ready.
    from keelmark.formats.attack_shell import attack_in_shell  # noqa: PLC0415 - see above

    return attack_in_shell(script.decode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class _Met:
    name: str
    kind: str
    attack: str = ""


@dataclass(slots=True, kw_only=True)
class Cargo:
    """What was met in one archive until it is known what the archive is.

    Args:
        is_artefact: Whether a reader spoke for the archive as a whole.
    """

    is_artefact: bool
    models: int = 0
    _names: set[str] = field(default_factory=set)
    _programs: list[_Met] = field(default_factory=list)
    _secrets: list[Hazard] = field(default_factory=list)
    _is_software: bool = False

    def meet(self, name: str, head: bytes, *, is_covered: bool = False) -> str:
        """Look at one member; the kind of program that it is, "" for none."""
        self._note(name)
        kind = program_of(head, name=name)
        if kind and not (is_covered and not kind.endswith(" program")):
            self._programs.append(_Met(name, kind, _attack_in(head) if kind == "script" else ""))
        return kind

    def carry(self, hazards: tuple[Hazard, ...]) -> None:
        """Keep what counts only when the archive is an artefact."""
        self._secrets.extend(hazards[: max(0, 20 - len(self._secrets))])

    @property
    def may_be_artefact(self) -> bool:
        """Whether it is still open, or known, that the archive is an artefact."""
        return self.is_artefact or not self._is_software

    def close(self) -> Iterator[Hazard]:
        """The programs and credentials that do not belong there."""
        for met in self._programs:
            if self._is_freight(met):
                what = f"{met.kind}, which {met.attack}" if met.attack else met.kind
                yield Hazard(
                    technique=Technique.EMBEDDED_EXECUTABLE,
                    detail=f"`{met.name[:200]}` is a {what}; a model has no use for it",
                    subject=met.kind,
                    member=met.name[:200],
                )
        if self.may_be_artefact:
            yield from self._secrets

    def _holds_arrays_alone(self) -> bool:
        """Whether everything but the programs is an array: such an archive is an artefact, and no package of software."""
        others = self._names - {met.name for met in self._programs}
        return bool(others) and all(name.endswith(".npy") for name in others)

    def _note(self, name: str) -> None:
        readable = _readable(name)
        self._names.add(name)
        self._is_software = self._is_software or _SOFTWARE_MEMBERS.matches(readable)
        self.is_artefact = self.is_artefact or _ARTEFACT_MEMBERS.matches(readable)

    def _is_freight(self, met: _Met) -> bool:
        if "aotinductor/" in met.name or (
            met.kind == "compiled Python" and self._source_of(met.name) in self._names
        ):
            return False
        if self.is_artefact or self._holds_arrays_alone():
            return met.kind != "script" or bool(met.attack) or not self._holds_sources()
        if met.kind == "script":
            return bool(met.attack) and bool(self.models)
        is_stray = len(self._programs) <= _MAX_STRAY and not _LIBRARY.matches(_readable(met.name))
        return bool(self.models) and not self._is_software and is_stray and met.kind.endswith(" program")

    def _holds_sources(self) -> bool:
        return any(name.endswith((".py", ".md")) for name in self._names)

    def _source_of(self, name: str) -> str:
        folder, _, file = name.rpartition("/")
        place = folder.removesuffix("__pycache__")
        return f"{place if not place or place.endswith('/') else f'{place}/'}{file.partition('.')[0]}.py"


def _readable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
