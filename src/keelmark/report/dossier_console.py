"""Dossiers for people: what was exported, and what verifying one says. All foreign text is cleaned."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from keelmark.core.dossier import DossierState
from keelmark.core.outcome import Outcome
from keelmark.report.sanitise import terminal, terminal_name
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.dossier import Dossier, DossierVerification, Level

__all__ = ["exported_text", "verified_text"]

_HEADS = {Outcome.PASS: "VALID", Outcome.FAIL: "NOT VALID", Outcome.UNKNOWN: "CANNOT TELL"}
_SHOWN = 20


def exported_text(dossier: Dossier, *, place: str, size: int) -> str:
    """What was written just now."""
    release = dossier.facts["release/summary"]
    hidden = Counter(each.needs for each in dossier.hidden)
    lines = [
        f"EXPORTED  {_named(release['system'], release['system_version'])}, {dossier.level} dossier",
        f"  release     {terminal_name(dossier.release)}",
        f"  shows       {_shown(len(dossier.facts), hidden)}",
        f"  root        {dossier.root}",
        f"  in          {terminal_name(place)} ({size} bytes)",
        f"Next: keelmark verify {terminal_name(place)} --key PUBLIC-KEY",
    ]
    return "\n".join(lines)


def verified_text(found: DossierVerification, *, verbose: bool = False) -> str:
    """The answer of `verify`: the verdict first, then each reason."""
    return "\n".join(_verified(found, verbose=verbose))


def _verified(found: DossierVerification, *, verbose: bool) -> Iterator[str]:
    stated = found.statement
    what = f"  {terminal_name(found.system)}, {stated.level} dossier" if found.system and stated else ""
    state = "" if found.state is DossierState.VALID else f"  {found.state}"
    yield f"{_HEADS[found.outcome]}{state}{what}"
    reasons = found.reasons if verbose else found.reasons[:_SHOWN]
    for each in reasons:
        yield f"  {terminal(each)}"
    if len(reasons) < len(found.reasons):
        yield f"  … and {len(found.reasons) - len(reasons)} more; --verbose shows all"
    if stated is not None:
        yield f"  release     {terminal_name(stated.release)}"
        yield f"  digest      {stated.release_digest}"
        yield f"  shows       {_shown(found.shown, found.hidden or {})}"
        yield f"  root        {stated.root}"
        yield f"  made        {stated.made:%Y-%m-%d %H:%M} UTC by Keelmark {terminal_name(stated.keelmark)}"
    for signer in found.signers:
        yield f"  signed by   key {signer.keyid[:16]} ({terminal_name(signer.algorithm)})"
    if found.against is not None:
        yield f"  the same as the {found.against} dossier: one release, one root, the same facts"
    for each in found.notes:
        yield f"  note: {terminal(each)}"


def _shown(shown: int, hidden: Mapping[Level, int]) -> str:
    if not hidden:
        return f"{count(shown, 'fact')}, hides none"
    parts = ", ".join(f"{number:,} need {level}" for level, number in sorted(hidden.items()))
    return f"{count(shown, 'fact')}, hides {sum(hidden.values()):,} ({parts})"


def _named(system: str, version: str) -> str:
    return f"{terminal_name(system)} {terminal_name(version)}".rstrip()
