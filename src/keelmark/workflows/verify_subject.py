"""Recognises by content what somebody asks to verify, so that one command serves them all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from keelmark.errors import UsageError
from keelmark.workflows.verify_dossier import is_dossier_file
from keelmark.workflows.verify_release import is_release

__all__ = ["Subject", "SubjectKind", "subject_of"]

_SIGNATURE = "model.sig"


class SubjectKind(StrEnum):
    """What can be verified."""

    MODEL = "model"
    RELEASE = "release"
    DOSSIER = "dossier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is to be verified.

    Attributes:
        kind: Which verification it needs.
        path: The artefact; the folder, for a release.
        signature: The file with the signature over it; the release or dossier itself.
    """

    kind: SubjectKind
    path: Path
    signature: Path


def subject_of(path: Path, signature: Path | None, folder: Path | None = None) -> Subject:
    """What `keelmark verify` was given.

    Args:
        path: The artefact, a release or a dossier.
        signature: The signature file; when None, it is looked for where signing puts it.
        folder: What the release speaks of; the current folder when None.

    Raises:
        UsageError: There is nothing at `path`, or no signature to be found.
    """
    try:
        if not path.exists():
            raise UsageError(f"`{path}` is not there")
        if signature is None and folder is None and is_dossier_file(path):
            return Subject(kind=SubjectKind.DOSSIER, path=path, signature=path)
        if signature is None and is_release(path):
            return Subject(kind=SubjectKind.RELEASE, path=folder or Path(), signature=path)
        if folder is not None:
            raise UsageError(
                f"`{path}` is no release", hint="keelmark verify RELEASE FOLDER, or keelmark verify MODEL"
            )
        if signature is not None:
            return Subject(kind=SubjectKind.MODEL, path=path, signature=signature)
        places = [
            path / _SIGNATURE if path.is_dir() else path.with_name(f"{path.name}.sig"),
            Path(_SIGNATURE),
        ]
        for place in places:
            if place.is_file():
                return Subject(kind=SubjectKind.MODEL, path=path, signature=place)
    except (OSError, ValueError) as error:
        raise UsageError(f"`{path}` cannot be read") from error
    looked = " and ".join(f"`{place}`" for place in places)
    raise UsageError(f"there is no signature at {looked}", hint="name it with --signature")
