"""Path patterns as people write them: `**` crosses folders, `*` and `?` do not."""

from __future__ import annotations

from functools import lru_cache

__all__ = ["matches"]


def matches(pattern: str, path: str) -> bool:
    """Whether a relative POSIX path matches a pattern.

    A pattern without a slash matches the name in any folder; one that names a folder matches everything below it.
    Matching takes time linear in the product of both lengths: no pattern can make it explode.
    """
    clean = pattern.strip().removeprefix("./").rstrip("/")
    if not clean:
        return False
    parts = tuple(path.split("/"))
    if "/" not in clean and clean != "**":
        return any(_part(clean, part) for part in parts)
    wanted = tuple(clean.split("/"))
    return _parts(wanted, parts) or _parts((*wanted, "**"), parts)


def _parts(wanted: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    row = [True] + [False] * len(parts)
    for want in wanted:
        if want == "**":
            reached = False
            following = []
            for state in row:
                reached = reached or state
                following.append(reached)
            row = following
        else:
            row = [False] + [state and _part(want, part) for state, part in zip(row, parts, strict=False)]
    return row[-1]


@lru_cache(maxsize=4096)
def _part(want: str, part: str) -> bool:
    row = [True] + [False] * len(part)
    for char in want:
        if char == "*":
            reached = False
            following = []
            for state in row:
                reached = reached or state
                following.append(reached)
            row = following
        else:
            row = [False] + [state and char in {"?", own} for state, own in zip(row, part, strict=False)]
    return row[-1]
