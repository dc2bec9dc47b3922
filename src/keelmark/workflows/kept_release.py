"""Keeps what was released, and puts a folder back as an earlier release speaks of it.

The promises, each with a test:

1. What is put back has the digest that was signed; it is looked at before anything in the folder is touched.
2. Nothing is lost: what was changed or not released is moved to `.keelmark/rolled-back`, never deleted.
3. A missing content changes nothing, and is named.
4. Stopped anywhere, it can be begun again, and ends the same.
5. No link is followed, and nothing outside of the folder is touched.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.signature import Change
from keelmark.deployment.release.subjects import compare
from keelmark.errors import StoreError, UsageError
from keelmark.store.durable import make_folder
from keelmark.store.folder_tree import FolderTree, parts_of
from keelmark.store.kept_files import KEPT_FOLDER, KeptFiles
from keelmark.workflows.release_files import measure

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.deployment.release.history import History
    from keelmark.deployment.release.predicate import StatedRelease
    from keelmark.deployment.release.verification import SignedRelease

__all__ = ["MAX_KEPT_BYTES", "Restored", "Restoring", "keep_contents", "restore", "restoring"]

MAX_KEPT_BYTES = 1024**3
"""Of one release. The largest files are left out first: models have a home of their own as a rule."""

_KEPT_RELEASES = 3
_ASIDE, _STAGED = Path(".keelmark/rolled-back"), Path(".keelmark/staged")
_OWN = frozenset({".keelmark", ".git"})
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """One file or link of a release."""

    path: str
    digest: str
    is_link: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What has to be done so that a folder is as it was released.

    Attributes:
        put: What is put in its place.
        aside: Paths of what is moved away before.
        missing: What is neither there nor kept.
    """

    put: tuple[_Wanted, ...]
    aside: tuple[str, ...]
    missing: tuple[_Wanted, ...]

    @property
    def is_needed(self) -> bool:
        """Whether anything differs."""
        return bool(self.put or self.aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was done.

    Attributes:
        put: Paths of what was put in its place.
        aside: Paths of what was moved away.
        place: Where it was moved to; None when nothing was.
    """

    put: tuple[str, ...]
    aside: tuple[str, ...]
    place: Path | None


def keep_contents(
    root: Path,
    signed: SignedRelease,
    *,
    history: History,
    report: Callable[[str], None] | None = None,
) -> None:
    """Keep what a release speaks of, and forget what none of the newest does that stand unrevoked. Never raises: the release stands.

    Args:
        root: The folder.
        signed: What was released just now.
        history: All releases there are.
        report: Is told what is not kept.
    """
    kept = KeptFiles(root / KEPT_FOLDER)
    try:
        left_out = _keep(root, signed, kept)
        standing = [each for each in history.releases if history.revocation_of(each) is None]
        newest = [signed, *standing[-_KEPT_RELEASES:]]
        kept.forget({each.digest for one in newest for each in _wanted(one.stated)})
    except (OSError, StoreError) as error:
        left_out = [f"what could not be copied ({error})"]
    if left_out and report is not None:
        named = ", ".join(left_out[:_NAMED]) + (", …" if len(left_out) > _NAMED else "")
        report(f"not kept for a roll-back, which has to find them elsewhere: {named}")


def restoring(root: Path, back: StatedRelease) -> Restoring:
    """Compare a folder with an earlier release.

    Raises:
        UsageError: Something lies there that cannot be moved, or a path of the release leads out of the folder.
        TrustError: Files changed while they were read.
        LimitExceededError: There is too much to read.
    """
    found = measure(root)
    if found.others:
        raise UsageError(
            f"`{found.others[0]}` is neither file, folder nor link, or has no name in UTF-8",
            hint="remove it: nobody could tell whether it changed",
        )
    wanted = {each.path: each for each in _wanted(back)}
    for path in wanted:
        if parts_of(path)[0] in _OWN:
            raise UsageError(
                f"the release speaks of `{path}`, which is not restored", hint="bring it back by hand"
            )
    measured = {each.path: each for each in found.measured}
    differences = compare(back.subjects, back.release.contents, measured)
    put = [wanted[each.path] for each in differences if each.change is not Change.ADDED]
    aside = [each.path for each in differences if each.change is not Change.REMOVED]
    kept = KeptFiles(root / KEPT_FOLDER)
    missing = tuple(each for each in put if not kept.holds(each.digest))
    return Restoring(put=tuple(put), aside=tuple(aside), missing=missing)


def restore(root: Path, plan: Restoring, *, leaves: str) -> Restored:
    """Put a folder back.

    Args:
        root: The folder.
        plan: What has to be done.
        leaves: Id of the release that is left, after which the place of what is moved away is called.

    Raises:
        StoreError: A copy was changed, or something could not be moved; begun again, it goes on.
    """
    if plan.missing:
        named = ", ".join(f"`{each.path}` ({each.digest[:16]})" for each in plan.missing[:_NAMED])
        more = f" and {len(plan.missing) - _NAMED} more" if len(plan.missing) > _NAMED else ""
        raise UsageError(
            f"nothing was changed: these contents are not kept: {named}{more}",
            hint="bring them back with these digests, such as from version control, and again",
        )
    place = root / _ASIDE / leaves
    staged = root / _STAGED
    try:
        _fresh(staged)
        kept = KeptFiles(root / KEPT_FOLDER)
        files = [each for each in plan.put if not each.is_link]
        texts = {each.path: kept.text(each.digest) for each in plan.put if each.is_link}
        for number, each in enumerate(files):
            kept.copy(each.digest, staged / str(number))
        # From here on the folder is touched; everything that is put was compared with what was signed.
        with FolderTree(root) as tree:
            if plan.aside:
                for folder in (place.parent, place):
                    make_folder(folder)
                with FolderTree(place) as away:
                    for path in plan.aside:
                        tree.move(path, away)
            for number, each in enumerate(files):
                tree.place(staged / str(number), each.path)
            for path, text in texts.items():
                tree.link(text, path)
        shutil.rmtree(staged)
    except OSError as error:
        raise StoreError(
            f"the folder could not be put back: {error.strerror or error}",
            hint="see to it, and again: it goes on",
        ) from error
    return Restored(
        put=tuple(each.path for each in plan.put), aside=plan.aside, place=place if plan.aside else None
    )


def _keep(root: Path, signed: SignedRelease, kept: KeptFiles) -> list[str]:
    """Copy what is not kept yet, small files first; paths of what is left out."""
    sizes: list[tuple[int, _Wanted]] = []
    for each in _wanted(signed.stated):
        if not each.is_link:
            sizes.append(((root / each.path).lstat().st_size, each))
        elif not kept.holds(each.digest):
            kept.keep_text(os.readlink(os.fsencode(root / each.path)), each.digest)  # noqa: PTH115 - as bytes
    left_out: list[str] = []
    total = 0
    for size, each in sorted(sizes, key=lambda pair: (pair[0], pair[1].path)):
        total += size
        if total > MAX_KEPT_BYTES or not (
            kept.holds(each.digest) or kept.keep(root / each.path, each.digest)
        ):
            left_out.append(f"`{each.path}`")
    return left_out


def _wanted(stated: StatedRelease) -> tuple[_Wanted, ...]:
    contents = stated.release.contents
    links = frozenset(contents.links)
    return tuple(
        _Wanted(path=each.name, digest=each.digest["sha256"], is_link=each.name in links)
        for each in stated.subjects[: contents.files]
    )


def _fresh(folder: Path) -> None:
    """An empty folder; what an earlier try left in it is removed."""
    if not make_folder(folder):
        shutil.rmtree(folder)
        make_folder(folder)
