"""Words of who calls: principals and how they proved who they are."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

__all__ = ["Principal", "Proof"]


class Proof(StrEnum):
    """How a caller proved who it is."""

    API_KEY = "api-key"
    TOKEN = "token"  # noqa: S105 - the kind of proof, not a token
    CERTIFICATE = "certificate"


class Principal(Struct, frozen=True, kw_only=True):
    """Who calls.

    Attributes:
        id: Of the key, the subject of the token, or the name in the certificate.
        proof: How it was proved.
        team: Whom limits and policies count it with; "" for none.
        tenant: Whose data it may meet; "" for none.
        scopes: What the proof allows; "*" is never implied.
        attributes: Further claims that policies may read, as pairs of name and text.
    """

    id: str
    proof: Proof
    team: str = ""
    tenant: str = ""
    scopes: frozenset[str] = frozenset()
    attributes: tuple[tuple[str, str], ...] = ()
