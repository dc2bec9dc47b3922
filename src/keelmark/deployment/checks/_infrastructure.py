"""What the rules about infrastructure as code share: resources with their attributes, and which ports are open to all."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import FileRole, Resource
from keelmark.core.location import Location
from keelmark.core.outcome import Severity
from keelmark.core.project import Seen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.project import Project

__all__ = ["DATA_PORTS", "Exposure", "Fault", "exposures", "resources", "values", "weight"]

# Ports of stores and model servers; most of them ask nobody who he is.
DATA_PORTS = frozenset(
    {
        1433, 1521, 2375, 3306, 5432, 5984, 6333, 6334, 6379, 7474, 7687, 8123, 8265, 8888, 9042, 9092, 9200, 9300,
        11211, 11434, 19530, 27017,
    }
)  # fmt: skip

_OFFERED_TO_ALL = frozenset({80, 443})
_WORLD = frozenset({"*", "0.0.0.0/0", "::/0", "any", "internet"})
_MAX_PORT = 65_535
_RANGE = re2.compile(r"^\s*(-?\d{1,5})\s*(?:-\s*(\d{1,5}))?\s*$")

Values = dict[str, list[tuple[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that a resource states and should not.

    Attributes:
        what: To follow the name of the resource: "is readable by everybody".
    """

    seen: Seen[Resource]
    line: int
    what: str
    fix: str
    severity: Severity | None = None

    @property
    def name(self) -> str:
        """The resource as its file calls it."""
        return f"{self.seen.fact.kind}.{self.seen.fact.name}"

    @property
    def at(self) -> Location:
        """Where it stands."""
        return Location(path=self.seen.file.path, line=self.line, anchor=f"{self.name} {self.what}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A rule of a firewall that lets the whole internet in.

    Attributes:
        low: First port; None when the ports are an expression that was not evaluated.
        high: Last port.
    """

    seen: Seen[Resource]
    line: int
    low: int | None = None
    high: int | None = None

    @property
    def is_meant(self) -> bool:
        """Whether only the ports of the web are open, which is what a server is for."""
        return self.low is not None and self.low == self.high and self.low in _OFFERED_TO_ALL

    @property
    def words(self) -> str:
        """The ports in words."""
        if (self.low, self.high) == (0, _MAX_PORT):
            return "every port"
        return f"port {self.low}" if self.low == self.high else f"ports {self.low} to {self.high}"

    @property
    def opens_data(self) -> bool:
        """Whether a store or model server is named: every port names none in particular."""
        return self.low is not None and self.low == self.high and self.low in DATA_PORTS


def resources(project: Project) -> tuple[Seen[Resource], ...]:
    """Resources of infrastructure as code; Kubernetes objects are another thing."""
    return tuple(
        Seen(file, reading, resource)
        for file, reading in project.readings
        for resource in reading.resources
        if resource.system in {"terraform", "bicep"} and file.role is not FileRole.VENDORED
    )


def weight(fault: Fault) -> Severity | None:
    """Severity of a fault: its own, low outside what is shipped."""
    return fault.severity if fault.seen.is_product else Severity.LOW


def values(resource: Resource) -> Values:
    """Attributes by their key with numbers left out: `ingress.0.cidr_blocks.1` is one of `ingress.cidr_blocks`."""
    found: Values = defaultdict(list)
    for key, value, line in resource.attributes:
        plain = ".".join(part for part in key.split(".") if not part.isdigit())
        found[plain].append((value, line))
    return found


def exposures(seen: Seen[Resource]) -> Iterator[Exposure]:
    """Each rule of a firewall that admits every address."""
    resource = seen.fact
    kind = resource.kind
    if kind == "aws_security_group":
        for rule in _groups(resource, "ingress").values():
            yield from _aws(seen, rule, "cidr_blocks", "ipv6_cidr_blocks")
    elif kind == "aws_security_group_rule" and _first(values(resource), "type") == "ingress":
        yield from _aws(seen, values(resource), "cidr_blocks", "ipv6_cidr_blocks")
    elif kind == "aws_vpc_security_group_ingress_rule":
        yield from _aws(seen, values(resource), "cidr_ipv4", "cidr_ipv6")
    elif kind == "google_compute_firewall":
        yield from _google(seen)
    else:
        for rule, keys in _azure_rules(resource):
            yield from _azure(seen, rule, keys)


def _azure_rules(resource: Resource) -> Iterator[tuple[Values, tuple[str, ...]]]:
    if resource.kind == "azurerm_network_security_rule":
        yield values(resource), _TERRAFORM
    elif resource.kind == "azurerm_network_security_group":
        yield from ((rule, _TERRAFORM) for rule in _groups(resource, "security_rule").values())
    elif resource.kind.lower() == "microsoft.network/networksecuritygroups":
        yield from ((rule, _BICEP) for rule in _groups(resource, "properties.securityRules").values())


def _groups(resource: Resource, prefix: str) -> Mapping[str, Values]:
    """Attributes of each numbered block below a key."""
    found: dict[str, Values] = {}
    for key, value, line in resource.attributes:
        if not key.startswith(f"{prefix}."):
            continue
        number, _, rest = key[len(prefix) + 1 :].partition(".")
        plain = ".".join(part for part in rest.split(".") if not part.isdigit())
        found.setdefault(number, defaultdict(list))[plain].append((value, line))
    return found


def _first(rule: Values, key: str) -> str:
    return rule[key][0][0] if rule.get(key) else ""


def _world(rule: Values, *keys: str) -> int:
    """Line at which every address is admitted, 0 when none does."""
    return next((line for key in keys for value, line in rule.get(key, ()) if value.lower() in _WORLD), 0)


def _ports(text: str) -> tuple[int | None, int | None]:
    if text.strip() == "*":
        return 0, _MAX_PORT
    match = _RANGE.match(text)
    if not match:
        return None, None
    low = int(match.group(1))
    return low, int(match.group(2) or low)


def _aws(seen: Seen[Resource], rule: Values, *keys: str) -> Iterator[Exposure]:
    line = _world(rule, *keys)
    if not line:
        return
    protocol = _first(rule, "protocol") or _first(rule, "ip_protocol")
    low, high = _ports(_first(rule, "from_port"))[0], _ports(_first(rule, "to_port"))[0]
    if protocol in {"-1", "all"}:
        low, high = 0, _MAX_PORT
    elif protocol.startswith("icmp"):
        return
    yield Exposure(seen=seen, line=line, low=low, high=high)


def _google(seen: Seen[Resource]) -> Iterator[Exposure]:
    rule = values(seen.fact)
    line = _world(rule, "source_ranges")
    # A rule with tags or accounts of senders admits those beside the ranges, so the ranges still count.
    if not line or _first(rule, "direction").upper() == "EGRESS" or _first(rule, "disabled") == "true":
        return
    for allow in _groups(seen.fact, "allow").values():
        protocol = _first(allow, "protocol").lower()
        if protocol == "icmp":
            continue
        for text in [value for value, _ in allow.get("ports", ())] or ["*"]:
            low, high = _ports(text)
            yield Exposure(seen=seen, line=line, low=low, high=high)


_TERRAFORM = ("access", "direction", "source_address_prefix", "source_address_prefixes",
              "destination_port_range", "destination_port_ranges")  # fmt: skip
_BICEP = tuple(
    f"properties.{key}"
    for key in ("access", "direction", "sourceAddressPrefix", "sourceAddressPrefixes",
                "destinationPortRange", "destinationPortRanges")
)  # fmt: skip


def _azure(seen: Seen[Resource], rule: Values, keys: tuple[str, ...]) -> Iterator[Exposure]:
    access, direction, one_source, sources, one_port, ports = keys
    if (_first(rule, access).lower(), _first(rule, direction).lower()) != ("allow", "inbound"):
        return
    line = _world(rule, one_source, sources)
    if not line:
        return
    for text, _ in [*rule.get(one_port, ()), *rule.get(ports, ())]:
        low, high = _ports(text)
        yield Exposure(seen=seen, line=line, low=low, high=high)
