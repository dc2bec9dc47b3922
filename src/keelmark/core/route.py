"""Words of what callers can reach: routes to models and servers, as the operator configures them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keelmark.core.call import Api

__all__ = ["Route", "RouteKind"]


class RouteKind(StrEnum):
    """What stands behind a route."""

    MODEL = "model"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One model or server that callers can name.

    Attributes:
        name: As callers name it.
        kind: What it is.
        upstream: Name of the upstream it is asked through.
        asset: Name of the model or server in the inventory of the release.
        revision: Revision that the upstream serves, as the operator states it; "" when none is stated.
        fingerprint: What answers say of the system that made them, where the interface tells; "" when it is not compared.
        upstream_name: Name that the upstream knows it by; "" for the same.
        apis: Interfaces that it is reached by.
        data_class: Class of the data that may be sent to it; "" when none was stated.
        path: Path at the upstream, for predict interfaces and servers; "" for the one of the interface.
        tenant: Whose it is, for policies; "" where it is nobody's in particular.
    """

    name: str
    kind: RouteKind
    upstream: str
    asset: str
    revision: str = ""
    fingerprint: str = ""
    upstream_name: str = ""
    apis: frozenset[Api] = frozenset()
    data_class: str = ""
    path: str = ""
    tenant: str = ""
