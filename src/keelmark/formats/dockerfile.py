"""Container files: Dockerfile, Containerfile and their variants, recognised by name and by their first instruction.

Parser directives, continuation lines, here-documents and build arguments are read as BuildKit reads them.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import BaseImage, ContainerFile, Gap, GapReason, Instruction, Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from keelmark.formats.source import Reader, Source

__all__ = ["READER", "Bounds", "parse", "split_image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one container file."""

    max_instructions: int = 2_000
    max_value_chars: int = 16_000


_NAME = re2.compile(r"(?i)(dockerfile|containerfile)([._-].*)?|.*[._-](dockerfile|containerfile)")
_EXACT = re2.compile(r"(?i)dockerfile|containerfile|.*\.(dockerfile|containerfile)")
_FOREIGN_SUFFIXES = (".md", ".py", ".json", ".yaml", ".yml", ".dockerignore")
_FIRST = re2.compile(r"(?i)^(FROM|ARG)[ \t]+\S")
_DIRECTIVE = re2.compile(r"(?i)^#\s*(syntax|escape|check)\s*=\s*(\S+)\s*$")
_WORD = re2.compile(r"^[A-Za-z]+$")
_HEREDOC = re2.compile(r"(?:^|[ \t])[0-9]*<<(-?)[\"']?([A-Za-z_][A-Za-z0-9_]*)[\"']?")
_VARIABLE = re2.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)(?::?([-+])([^{}]*))?\}|([A-Za-z_][A-Za-z0-9_]*))")
_PAIR = re2.compile(r"""([A-Za-z_][A-Za-z0-9_.-]*)=("[^"]*"|'[^']*'|\S*)""")
_DIGEST = re2.compile(r"^[a-z0-9]+:[0-9a-fA-F]{32,128}$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    name: str = "dockerfile"
    version: int = 1
    bounds: Bounds = Bounds()

    def recognises(self, source: Source) -> bool:
        if not _NAME.fullmatch(source.name) or source.name.lower().endswith(_FOREIGN_SUFFIXES):
            return False
        if not source.is_text:
            return False
        return bool(_EXACT.fullmatch(source.name)) or _starts_like_one(source.head)

    def read(self, source: Source) -> tuple[Reading, ...]:
        container, gaps = parse(source.lines, path=source.path, bounds=self.bounds)
        return (Reading(format=self.name, container=container, gaps=gaps),)


def _starts_like_one(head: bytes) -> bool:
    for line in head.decode("utf-8", "replace").splitlines():
        bare = line.strip("\ufeff \t")
        if bare and not bare.startswith("#"):
            return bool(_FIRST.match(bare))
    return False


def parse(
    lines: Sequence[str], *, path: str, bounds: Bounds | None = None
) -> tuple[ContainerFile, tuple[Gap, ...]]:
    """The container file in these lines, and what of it could not be read."""
    limits = bounds or Bounds()
    gaps: list[Gap] = []
    instructions: list[Instruction] = []
    for instruction in _instructions(lines, limits):
        if not _WORD.match(instruction.name):
            detail = f"dockerfile: no instruction: {instruction.name[:40]}"
            gaps.append(Gap(path=path, reason=GapReason.MALFORMED, detail=detail, line=instruction.line))
            break
        if len(instructions) >= limits.max_instructions:
            detail = f"more than {limits.max_instructions} instructions"
            gaps.append(Gap(path=path, reason=GapReason.TOO_LARGE, detail=detail, line=instruction.line))
            break
        instructions.append(instruction)
    container = _container(instructions)
    if not container.bases and not gaps:
        gaps.append(Gap(path=path, reason=GapReason.MALFORMED, detail="dockerfile: no FROM instruction"))
    return container, tuple(gaps)


def _escape(lines: Sequence[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.match(line.lstrip("\ufeff"))
        if match is None:
            return "\\"
        if match.group(1).lower() == "escape" and match.group(2) in {"`", "\\"}:
            return str(match.group(2))
    return "\\"


def _instructions(lines: Sequence[str], bounds: Bounds) -> Iterator[Instruction]:
    escape = _escape(lines)
    last = {line.lstrip("\t"): number for number, line in enumerate(lines)}
    index = 0
    while index < len(lines):
        first = index
        bare = lines[index].strip("\ufeff \t")
        index += 1
        if not bare or bare.startswith("#"):
            continue
        parts: list[str] = []
        line = bare
        while line.endswith(escape) and index < len(lines):
            parts.append(line[:-1].rstrip())
            line, index = _continued(lines, index)
        parts.append(line)
        word, _, value = " ".join(part for part in parts if part).partition(" ")
        if "\t" in word:
            word, _, value = " ".join(part for part in parts if part).partition("\t")
        if word.upper() in {"RUN", "COPY", "ADD"}:
            body, index = _heredocs(value, lines, index, last)
            value = f"{value}\n{body}" if body else value
        yield Instruction(name=word.upper(), value=value.strip()[: bounds.max_value_chars], line=first + 1)


def _continued(lines: Sequence[str], index: int) -> tuple[str, int]:
    # Comments and empty lines inside a continued instruction are dropped and do not end it.
    while index < len(lines):
        bare = lines[index].strip()
        index += 1
        if bare and not bare.startswith("#"):
            return bare, index
    return "", index


def _heredocs(value: str, lines: Sequence[str], index: int, last: Mapping[str, int]) -> tuple[str, int]:
    body: list[str] = []
    for match in _HEREDOC.finditer(value):
        if (
            last.get(match.group(2), -1) < index
        ):  # No such line follows; this keeps hostile files from long searches.
            break
        end = _heredoc_end(lines, index, match.group(2), strip_tabs=bool(match.group(1)))
        if end is None:  # Then it was a shell operator in the text, not a here-document.
            break
        body.extend(lines[index:end])
        index = end + 1
    return "\n".join(body), index


def _heredoc_end(lines: Sequence[str], index: int, word: str, *, strip_tabs: bool) -> int | None:
    for number in range(index, len(lines)):
        line = lines[number].lstrip("\t") if strip_tabs else lines[number]
        if line == word:
            return number
    return None


def _container(instructions: Sequence[Instruction]) -> ContainerFile:
    arguments: dict[str, str] = {}
    local: dict[str, str] = {}
    bases: list[BaseImage] = []
    users: list[tuple[str, int]] = []
    for instruction in instructions:
        match instruction.name:
            case "FROM":
                base, parent = _base(instruction, arguments, bases)
                bases.append(base)
                users.append(users[parent] if parent is not None else ("", 0))
                local = {}
            case "ARG" if not bases:
                arguments.update(_assigned(instruction.value, arguments))
            case "ARG" | "ENV":
                # Inside a stage, an ARG without value takes the one given before the first FROM.
                inherited = {name: arguments[name] for name in instruction.value.split() if name in arguments}
                local.update({**inherited, **_assigned(instruction.value, local)})
            case "USER" if bases:
                user, _ = _filled(instruction.value, ChainMap(local))
                users[-1] = (user, instruction.line)
    user, user_line = users[-1] if users else ("", 0)
    return ContainerFile(
        bases=_with_final(bases), instructions=tuple(instructions), user=user, user_line=user_line
    )


def _with_final(bases: Sequence[BaseImage]) -> tuple[BaseImage, ...]:
    return (*bases[:-1], replace(bases[-1], is_final=True)) if bases else ()


def _assigned(value: str, known: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _PAIR.finditer(value):
        text, is_whole = _filled(match.group(2).strip("\"'"), {**known, **found})
        if is_whole:
            found[match.group(1)] = text
    parts = value.split(None, 1)
    if not found and len(parts) == 2 and "=" not in parts[0]:  # The old form `ENV NAME value`.
        found[parts[0]] = parts[1]
    return found


def _filled(value: str, known: Mapping[str, str]) -> tuple[str, bool]:
    """The text with variables filled in, and whether all of them were known."""
    is_whole = True
    parts: list[str] = []
    at = 0
    for match in _VARIABLE.finditer(value):
        name = match.group(1) or match.group(4)
        operator, word = match.group(2), match.group(3) or ""
        parts.append(value[at : match.start()])
        at = match.end()
        if operator == "+":
            parts.append(word if known.get(name) else "")
        elif known.get(name):
            parts.append(known[name])
        elif operator == "-":
            parts.append(word)
        else:
            is_whole = False
            parts.append(match.group(0))
    parts.append(value[at:])
    return "".join(parts), is_whole


def _base(
    instruction: Instruction, arguments: Mapping[str, str], bases: Sequence[BaseImage]
) -> tuple[BaseImage, int | None]:
    words = [word for word in instruction.value.split() if not word.startswith("--")]
    reference, is_whole = _filled(words[0].strip("\"'") if words else "", arguments)
    alias = words[2] if len(words) >= 3 and words[1].lower() == "as" else ""
    parent = next(
        (n for n in range(len(bases) - 1, -1, -1) if bases[n].alias.lower() == reference.lower() != ""), None
    )
    image, tag, digest = split_image(reference)
    return BaseImage(
        image=image,
        line=instruction.line,
        tag=tag,
        digest=digest,
        alias=alias,
        is_stage=parent is not None,
        is_resolved=is_whole and bool(image),
    ), parent


def split_image(reference: str) -> tuple[str, str, str]:
    """Name, tag and digest of an image reference; a colon before the last slash belongs to a port."""
    rest, _, digest = reference.partition("@")
    if digest and not _DIGEST.match(digest):
        digest = ""
    slash = rest.rfind("/")
    colon = rest.rfind(":")
    if colon > slash and not rest[colon:].startswith(":-"):
        return rest[:colon], rest[colon + 1 :], digest
    return rest, "", digest


READER: Reader = _Reader()
