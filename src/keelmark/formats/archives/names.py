"""What member names mean to those who unpack them: where they lead, and which of them are one on some systems."""

from __future__ import annotations

from dataclasses import dataclass, field

import re2

from keelmark.core.facts import Technique

__all__ = ["Places", "is_interpreted", "leaves", "same_for_some"]

_DRIVE = re2.compile(r"[A-Za-z]:([\\/].*|\.\.[\\/].*|$)")
# Suffixes of what loaders look up by name and follow.
_INTERPRETED = (
    ".pkl", ".pickle", ".json", ".npy", ".h5", ".hdf5", ".py", ".joblib", ".dill", ".yaml", ".yml", ".pt", ".pth", ".ckpt",
    ".bin", ".safetensors", ".onnx", ".pb", ".keras", ".model", ".msgpack", ".gguf", ".jinja", ".so",
)  # fmt: skip


def is_interpreted(name: str) -> bool:
    """Whether loaders follow what stands under such a name."""
    return name.lower().endswith(_INTERPRETED)


def leaves(path: str) -> bool:
    """Whether a path leads out of the folder that it is unpacked to."""
    normal = path.replace("\\", "/")
    return normal.startswith("/") or _is_drive(path) or _depth(normal) < 0


def _is_drive(path: str) -> bool:
    return (
        len(path) > 1
        and path[1] == ":"
        and _DRIVE.fullmatch(path.encode("utf-8", "replace").decode()) is not None
    )


def _depth(path: str) -> int:
    """How deep a path ends; negative as soon as it was above its start."""
    depth = 0
    for part in path.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return depth
        elif part not in {"", "."}:
            depth += 1
    return depth


def same_for_some(name: str) -> str:
    """The name as the most forgiving reader takes it: two names with one form may overwrite each other."""
    parts = [
        part.rstrip(". ")
        for part in name.partition("\0")[0].replace("\\", "/").split("/")
        if part not in {"", "."}
    ]
    return "/".join(parts).casefold()


@dataclass(slots=True)
class Places:
    """Where members and links of one archive lead; asked once for each, in order."""

    _links: set[str] = field(default_factory=set)

    def of_member(self, name: str) -> tuple[Technique, str] | None:
        """What is wrong with the name of a member."""
        if leaves(name):
            return Technique.OUTSIDE_PATH, "unpacking writes it outside of the folder"
        return None

    def of_link(self, name: str, target: str, *, is_hard: bool = False) -> tuple[Technique, str] | None:
        """What is wrong with a link; hard links count from the root of the archive, others from their folder."""
        own = name.strip("/")
        self._links.add(own)
        if leaves(name):
            return self.of_member(name)
        folder = "" if is_hard else own.rpartition("/")[0]
        if target.startswith(("/", "\\")) or _is_drive(target) or _depth(f"{folder}/{target}") < 0:
            return Technique.OUTSIDE_LINK, f"links to `{target[:200]}`, outside of the folder"
        if self._goes_back_behind_a_link(folder, target):
            return (
                Technique.OUTSIDE_LINK,
                f"links to `{target[:200]}`, which leads outside by way of another link",
            )
        return None

    def _goes_back_behind_a_link(self, folder: str, target: str) -> bool:
        walked = [part for part in folder.split("/") if part]
        for part in target.split("/"):
            if part == "..":
                if "/".join(walked) in self._links:
                    return True
                walked = walked[:-1]
            elif part not in {"", "."}:
                walked.append(part)
        return False
