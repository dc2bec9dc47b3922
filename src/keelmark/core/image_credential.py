"""Words of images that models made: what a signature on one says, and the port that signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["ImageSigner", "MadeImage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeImage:
    """What is said of an image that a model made; nothing of who asked for it.

    Attributes:
        system: Name of the system; "" when it has none.
        model: As callers name it.
        release: Id of the release under which it was made; "" without one.
        request: Id of the request that it answers.
    """

    system: str
    model: str
    release: str
    request: str


class ImageSigner(Protocol):
    """Binds to an image, by a signature, what is said of it. It may be asked by several threads."""

    def sign(self, image: bytes, kind: str, about: MadeImage) -> bytes:
        """The image with what is said of it, signed; a signature that it came with is kept below the new one.

        Args:
            image: The file.
            kind: Its media type.
            about: What is said.

        Raises:
            TrustError: It cannot be signed.
        """
        ...
