"""The shapes of credentials: reads `secret_rules.yaml` and compiles it once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import re2
import yaml

from keelmark.core.outcome import Confidence

__all__ = ["NamedRule", "PrefixedRule", "Rules", "compiled", "rules"]

_CACHE_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefixedRule:
    """A credential that is known by its fixed beginning."""

    kind: str
    pattern: Any
    behind: int = 0
    entropy: float = 3.0
    check: str = ""
    confidence: Confidence = Confidence.HIGH
    is_address: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRule:
    """A credential that is known by the name it is assigned to and the shape of the value."""

    kind: str
    name: Any
    value: Any
    entropy: float = 3.0
    check: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """All shapes.

    Attributes:
        trigger: Finds every place where a rule of `prefixed` may match.
        prefixed: Rules by the first two characters of their trigger.
        named: Rules for assignments, in order of trial.
        samples: Digests of credentials printed in well-known documentation.
        written: Each rule of `prefixed` as its data say: kind, triggers, pattern; for those that make other patterns of them.
    """

    trigger: Any
    prefixed: dict[bytes, tuple[PrefixedRule, ...]]
    named: tuple[NamedRule, ...]
    samples: frozenset[str]
    written: tuple[tuple[str, tuple[str, ...], str], ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """Names of all kinds of credential with a shape."""
        return frozenset(rule.kind for group in self.prefixed.values() for rule in group) | {
            rule.kind for rule in self.named
        }


def compiled(pattern: str) -> Any:
    """Compile a pattern for bytes; each byte counts as one character, so that no encoding can break it."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.max_mem = _CACHE_BYTES
    return re2.compile(pattern.encode("latin-1"), options)


@cache
def rules() -> Rules:
    """The packaged rules, read and compiled at the first call."""
    text = resources.files("keelmark.detectors").joinpath("secret_rules.yaml").read_text(encoding="utf-8")
    # The loader of libyaml, where PyYAML was built with it, is ten times as fast and as safe.
    tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    triggers: list[str] = []
    prefixed: dict[bytes, list[PrefixedRule]] = {}
    written: list[tuple[str, tuple[str, ...], str]] = []
    for entry in tree["prefixed"]:
        beginnings = entry["trigger"] if isinstance(entry["trigger"], list) else [entry["trigger"]]
        rule = _prefixed(entry)
        written.append((rule.kind, tuple(beginnings), entry["pattern"]))
        triggers += [_with_edge(beginning) for beginning in beginnings]
        for key in {beginning.replace("\\", "")[:2].encode() for beginning in beginnings}:
            prefixed.setdefault(key, []).append(rule)
    return Rules(
        trigger=compiled("|".join(sorted(set(triggers), key=len, reverse=True))),
        prefixed={key: tuple(group) for key, group in prefixed.items()},
        named=tuple(_named(entry) for entry in tree["named"]),
        samples=frozenset(tree["samples"]),
        written=tuple(written),
    )


def _with_edge(trigger: str) -> str:
    return rf"\b(?:{trigger})" if trigger[0].isalnum() else f"(?:{trigger})"


def _prefixed(entry: dict[str, Any]) -> PrefixedRule:
    return PrefixedRule(
        kind=entry["kind"],
        pattern=compiled(entry["pattern"]),
        behind=entry.get("behind", 0),
        entropy=entry.get("entropy", 3.0),
        check=entry.get("check", ""),
        confidence=Confidence(entry.get("confidence", "high")),
        is_address=entry.get("inside") == "url",
    )


def _named(entry: dict[str, Any]) -> NamedRule:
    return NamedRule(
        kind=entry["kind"],
        name=re2.compile(entry["name"]),
        value=re2.compile(entry["value"]),
        entropy=entry.get("entropy", 3.0),
        check=entry.get("check", ""),
    )
