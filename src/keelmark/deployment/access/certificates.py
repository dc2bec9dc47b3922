"""Client certificates: who calls is said by an exact table of names, and by nothing in the certificate itself.

The server verifies the chain before it hands the name on. A name that stands in no row proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.principal import Principal, Proof
from keelmark.deployment.access.scopes import check_scopes
from keelmark.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CertificateSettings", "certificate_principals"]

_MAX_ROWS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSettings:
    """One certificate, and who calls with it.

    Attributes:
        subject: Name in the certificate, exactly as the server hands it on.
        id: Who calls.
        team: Whom limits and policies count it with.
        tenant: Whose data it may meet.
        scopes: What it allows at most.
    """

    subject: str
    id: str
    team: str = ""
    tenant: str = ""
    scopes: tuple[str, ...] = ()


def certificate_principals(rows: Iterable[CertificateSettings]) -> Mapping[str, Principal]:
    """Names of certificates to who calls.

    Raises:
        ConfigurationError: A row names nobody, a name stands twice, a scope is none, or there are too many rows.
    """
    found: dict[str, Principal] = {}
    for row in rows:
        if not row.subject or not row.id:
            raise ConfigurationError("a certificate needs a subject and an id")
        if row.subject in found:
            raise ConfigurationError(f"certificate `{row.subject}` stands twice")
        if len(found) >= _MAX_ROWS:
            raise ConfigurationError(f"more than {_MAX_ROWS} certificates")
        found[row.subject] = Principal(
            id=row.id,
            proof=Proof.CERTIFICATE,
            team=row.team,
            tenant=row.tenant,
            scopes=check_scopes(row.scopes),
            attributes=(("subject", row.subject),),
        )
    return found
