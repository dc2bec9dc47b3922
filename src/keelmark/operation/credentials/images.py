"""Signs images in answers before they leave: those of image tools, and those that stand in texts as `data:` addresses.

The promises, each with a test:

1. No image that is looked for leaves unsigned while signing is on: one that cannot be signed stops the answer.
2. Looked for are results of `image_generation_call` of Responses, whole and streamed, whatever they hold; and whole images of
   known kinds in `data:` addresses in texts of whole answers. An address that is shortened, as examples of code have it, is
   no image. In a text that is streamed nothing is looked for: its beginning left before its end came.
3. Nothing but the image changes, and the number and size of images have bounds.
4. Whoever answers other requests does not wait: signing happens in another thread.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from keelmark.core.image_credential import MadeImage
from keelmark.errors import ScreenedError, TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from keelmark.core.exchange import Exchange
    from keelmark.core.image_credential import ImageSigner

__all__ = ["ImageBounds", "ImageSettings", "Images", "kind_of"]

NOT_SIGNED: Final = "image-not-signed"
_ITEM: Final = "image_generation_call"
_ADDRESS: Final = re.compile(
    r"data:image/[A-Za-z0-9.+-]{1,64};base64,([A-Za-z0-9+/\r\n]*={0,2})", re.IGNORECASE
)
_MARK: Final = "data:image/"
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_BRANDS: Final = {b"avif": "image/avif", b"avis": "image/avif", b"heic": "image/heic", b"heix": "image/heic"}
# How a whole file of the kind ends; some have a few bytes behind it.
_ENDS: Final = {"image/png": b"IEND", "image/jpeg": b"\xff\xd9", "image/gif": b";"}
_END_BYTES: Final = 1024
_MAX_NAME: Final = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings:
    """What images are signed with.

    Attributes:
        certificate: PEM file: the certificate of the signer first, then those of its issuers.
        key: Where its private key (PEM) stands: `env:NAME` or `file:PATH`.
        time_stamp: Address of a time stamp authority (RFC 3161), which is asked for each image; "" for none.
    """

    certificate: str
    key: str
    time_stamp: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageBounds:
    """Bounds of the images in one answer.

    Attributes:
        max_images: In an answer.
        max_bytes: Of one, as a file.
    """

    max_images: int = 16
    max_bytes: int = 32 * 1024**2


class Images:
    """Signs the images of answers.

    Args:
        signer: Signs one.
        system: Name of the system, as it is at the time.
        bounds: Of them.
    """

    __slots__ = ("_bounds", "_signer", "_system")

    def __init__(
        self, signer: ImageSigner, *, system: Callable[[], str], bounds: ImageBounds | None = None
    ) -> None:
        self._signer, self._system, self._bounds = signer, system, bounds or ImageBounds()

    @staticmethod
    def stands_in(body: Any, texts: Sequence[Any]) -> bool:
        """Whether a whole answer may hold an image; cheap, for all those that hold none."""
        if type(body) is dict and any(map(_is_image, body.get("output") or ())):
            return True
        return any(_MARK in each.text.lower() for each in texts if len(each.text) > len(_MARK))

    def sign_whole(self, exchange: Exchange, answer: Any) -> None:
        """Sign the images of a whole answer, which is changed.

        Args:
            exchange: That it answers.
            answer: `body`, `texts` and `replace`, as interfaces read it.

        Raises:
            ScreenedError: One cannot be signed; the answer must not leave.
        """
        about, count = self._about(exchange), 0
        for item in (answer.body.get("output") or ()) if type(answer.body) is dict else ():
            count += self._sign_item(item, about)
            if count > self._bounds.max_images:
                raise ScreenedError(NOT_SIGNED)
        for text in answer.texts:
            signed, found = self._sign_text(text.text, about)
            count += found
            if found:
                answer.replace(text, signed)
            if count > self._bounds.max_images:
                raise ScreenedError(NOT_SIGNED)

    def sign_item(self, exchange: Exchange, item: Any) -> None:
        """Sign the image of one item of a stream, if it holds one.

        Raises:
            ScreenedError: It cannot be signed.
        """
        if _is_image(item):
            self._sign_item(item, self._about(exchange))

    def _sign_item(self, item: Any, about: MadeImage) -> int:
        if not _is_image(item):
            return 0
        item["result"] = self._signed(item["result"], about)
        return 1

    def _sign_text(self, text: str, about: MadeImage) -> tuple[str, int]:
        if _MARK not in text.lower():
            return text, 0
        count = 0

        def signed(match: re.Match[str]) -> str:
            nonlocal count
            encoded = "".join(match[1].split())
            if not self._is_too_large(encoded) and not _is_whole(encoded):
                return match[0]
            count += 1
            if count > self._bounds.max_images:
                raise ScreenedError(NOT_SIGNED)
            before = match[0][: match.start(1) - match.start()]
            return before + self._signed(encoded, about)

        return _ADDRESS.sub(signed, text), count

    def _signed(self, encoded: str, about: MadeImage) -> str:
        """An image in base64, signed.

        Raises:
            ScreenedError: It cannot be signed.
        """
        if self._is_too_large(encoded):
            raise ScreenedError(NOT_SIGNED)
        try:
            image = base64.b64decode(encoded, validate=True)
            kind = kind_of(image)
            if not kind:
                raise ScreenedError(NOT_SIGNED)
            return base64.b64encode(self._signer.sign(image, kind, about)).decode("ascii")
        except (binascii.Error, ValueError, TrustError) as error:
            raise ScreenedError(NOT_SIGNED) from error

    def _is_too_large(self, encoded: str) -> bool:
        return len(encoded) > self._bounds.max_bytes * 4 // 3 + 4

    def _about(self, exchange: Exchange) -> MadeImage:
        route = exchange.route
        return MadeImage(
            system=self._system()[:_MAX_NAME],
            model="" if route is None else route.name[:_MAX_NAME],
            release=exchange.release[:_MAX_NAME],
            request=exchange.id,
        )


def kind_of(image: bytes) -> str:
    """The media type that the first bytes of a file tell; "" when they tell none that can be signed."""
    for beginning, kind in _BEGINNINGS:
        if image.startswith(beginning):
            return kind
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    return _BRANDS.get(image[8:12], "") if image[4:8] == b"ftyp" else ""


def _is_whole(encoded: str) -> bool:
    """Whether base64 holds an image of a known kind, from its beginning to its end."""
    try:
        image = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return False
    kind = kind_of(image)
    if kind == "image/webp":
        return len(image) >= int.from_bytes(image[4:8], "little") + 8
    return bool(kind) and _ENDS.get(kind, b"") in image[-_END_BYTES:]


def _is_image(item: Any) -> bool:
    return (
        type(item) is dict
        and item.get("type") == _ITEM
        and type(item.get("result")) is str
        and bool(item["result"])
    )
