"""Releases for people: what was signed, whether it holds, which there are. All foreign text is cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.asset import AssetKind
from keelmark.core.facts import FileRole
from keelmark.core.outcome import Outcome
from keelmark.core.release import ReleaseState
from keelmark.engine.roles import role_of
from keelmark.report.sanitise import terminal, terminal_name
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from keelmark.core.release import (
        EnvelopeLimit,
        Release,
        ReleasedStatement,
        ReleaseVerification,
        Revocation,
    )
    from keelmark.core.signature import Difference

__all__ = ["differences_text", "made_text", "revoked_text", "rolled_back_text", "shown_text", "verified_text"]

_HEADS = {Outcome.PASS: "VALID", Outcome.FAIL: "NOT VALID", Outcome.UNKNOWN: "CANNOT TELL"}
_SHOWN = 20
_UNPINNED = 5
_PARTS = (("prompt:", "prompt"), ("tool:", "tool"))


def made_text(
    release: Release, *, place: str, is_pending: bool, is_reused: bool, parts: Sequence[str]
) -> str:
    """What was signed just now.

    Args:
        release: The release.
        place: Where it lies.
        is_pending: Whether a signature is missing.
        is_reused: Whether it rests on an assessment of earlier today.
        parts: Names of the subjects that are parts of files.
    """
    head = "PENDING: a second signature is missing" if is_pending else "RELEASED"
    lines = [f"{head}  {_named(release)}", *_told(release, parts), f"  in          {terminal_name(place)}"]
    if is_reused:
        lines.append("  evidence    of an earlier run of today, signed with this key; nothing changed since")
    if is_pending:
        lines.append(f"Next: keelmark release --sign {terminal_name(place)} --key SECOND-KEY")
    else:
        lines.append(f"Next: keelmark verify {terminal_name(place)} . --key PUBLIC-KEY")
    return "\n".join(lines)


def shown_text(release: Release, *, state: str, parts: Sequence[str]) -> str:
    """Everything of one release, signatures unchecked."""
    lines = [f"{terminal_name(state)}  {_named(release)}", *_told(release, parts)]
    evidence = release.evidence
    lines.append(f"  evidence    run {terminal_name(evidence.run)}, tree {terminal_name(evidence.tree)}")
    if evidence.log is not None:
        lines.append(f"  log         entry {evidence.log.index} of {terminal_name(evidence.log.origin)}")
    lines.extend(_statements("waiver", release.waivers))
    lines.extend(_statements("attested", release.attestations))
    lines.extend(_statements("exception", release.not_applicable))
    lines.extend(_statements("exclusion", release.exclusions))
    lines.extend(
        f"  threat      {terminal_name(each.threat)}: {terminal_name(each.treatment)} by {terminal_name(each.owner)}:"
        f" {terminal(each.reason)}"
        for each in release.accepted_threats
    )
    lines.extend(_limit("declared", each) for each in release.envelope.declared)
    lines.extend(_limit("computed", each) for each in release.envelope.computed)
    lines.append("  signatures are not checked here: keelmark verify RELEASE . --key PUBLIC-KEY")
    return "\n".join(lines)


def verified_text(found: ReleaseVerification, *, verbose: bool = False) -> str:
    """The answer of `verify`: the verdict first, then each reason."""
    return "\n".join(_verified(found, verbose=verbose))


def differences_text(differences: Sequence[Difference], *, verbose: bool = False) -> str:
    """Why nobody signed a second time: the files are not those that the first one signed."""
    head = f"NOT SIGNED  {count(len(differences), 'file')} not as the first signer released"
    return "\n".join([head, *_differences(differences, verbose=verbose)])


def rolled_back_text(
    *,
    leaves: Release,
    back: Release,
    made: Release | None,
    put: Sequence[str],
    aside: Sequence[str],
    places: Sequence[str],
) -> str:
    """What a roll-back did, or would do.

    Args:
        leaves: The release that is left.
        back: The earlier one.
        made: The new one; None when nothing was done.
        put: Paths of what is put back.
        aside: Paths of what is moved away.
        places: Where the new release lies, and where things were moved to.
    """
    would = "" if made is not None else "would be "
    head = "ROLLED BACK" if made is not None else "NOTHING DONE"
    lines = [f"{head}  {_named(back)}", f"  from        {terminal_name(leaves.id)}, {would}revoked"]
    lines.append(f"  to          {terminal_name(back.id)}")
    if made is not None:
        lines.append(f"  id          {terminal_name(made.id)}")
        lines.append(
            f"  valid       {_moment(made.not_before)} to {_moment(made.expires)} ({terminal(made.limited_by)})"
        )
    for word, paths in ((f"{would}put back", put), (f"{would}moved away", aside)):
        named = ", ".join(terminal_name(each) for each in paths[:_SHOWN])
        more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
        lines.append(f"  {count(len(paths), 'file')} {word}{': ' if paths else ''}{named}{more}")
    lines.extend(f"  in          {terminal_name(each)}" for each in places)
    return "\n".join(lines)


def revoked_text(revocation: Revocation, *, place: str) -> str:
    """What was revoked just now."""
    return (
        f"REVOKED  {terminal_name(revocation.release)} by {terminal_name(revocation.owner)}: {terminal(revocation.reason)}\n"
        f"  in          {terminal_name(place)}\n"
        "  give this file to everybody who verifies the release: keelmark verify RELEASE . --revocations FILE"
    )


def _verified(found: ReleaseVerification, *, verbose: bool) -> Iterator[str]:
    release = found.release
    state = "" if found.state is ReleaseState.VALID else f"  {found.state}"
    what = f"  {_named(release)}" if release else ""
    yield f"{_HEADS[found.outcome]}{state}{what}"
    for reason in found.reasons:
        yield f"  {terminal(reason)}"
    yield from _differences(found.differences, verbose=verbose)
    if release is not None:
        yield f"  compared    {count(found.files, 'file')} ({found.size} bytes)"
        yield f"  valid       {_moment(release.not_before)} to {_moment(release.expires)} ({terminal(release.limited_by)})"
        if release.reinstates is not None:
            yield f"  reinstates  {terminal_name(release.reinstates.id)}"
    names = {each.keyid: each.name for each in release.signers} if release else {}
    for signer in found.signers:
        who = terminal_name(names.get(signer.keyid, "somebody it does not name"))
        yield f"  signed by   {who} (key {signer.keyid[:16]}, {signer.algorithm})"
    for each in found.ignored:
        yield f"  not covered {terminal_name(each.path)}: {terminal(each.reason)}"
    for note in found.notes:
        yield f"  note: {terminal(note)}"


def _differences(differences: Sequence[Difference], *, verbose: bool) -> Iterator[str]:
    limit = len(differences) if verbose else _SHOWN
    for each in differences[:limit]:
        yield f"  {each.change:<10}  {terminal_name(each.path)}  ({terminal(each.detail)})"
    if len(differences) > limit:
        yield f"  … and {len(differences) - limit} more; --verbose shows all"


def _told(release: Release, parts: Sequence[str]) -> Iterator[str]:
    contents = release.contents
    yield f"  id          {terminal_name(release.id)}"
    until = f"{_moment(release.not_before)} to {_moment(release.expires)}"
    yield f"  valid       {until} ({terminal(release.limited_by)})"
    inside = [count(sum(each.startswith(start) for each in parts), word) for start, word in _PARTS]
    files = count(contents.files - len(contents.links), "file")
    yield f"  covers      {files} ({contents.bytes} bytes), {count(len(contents.links), 'link')}, {', '.join(inside)}"
    for each in contents.left_out:
        commit = f", commit {terminal_name(contents.commit) or 'not known'}" if each.path == ".git" else ""
        yield f"  not covered {terminal_name(each.path)}: {terminal(each.reason)}{commit}"
    if contents.not_assessed_total:
        named = ", ".join(terminal_name(each.path) for each in contents.not_assessed[:3])
        more = ", …" if contents.not_assessed_total > 3 else ""
        yield f"  not assessed, though covered: {count(contents.not_assessed_total, 'file')}: {named}{more}"
    if unpinned := _unpinned(release):
        named = ", ".join(terminal_name(each) for each in unpinned[:_UNPINNED])
        more = ", …" if len(unpinned) > _UNPINNED else ""
        yield f"  no pin      {count(len(unpinned), 'tool')} whose definition is made when a program runs: {named}{more}"
    yield f"  rests on    {_grounds(release)}"
    for signer in release.signers:
        yield f"  signer      {terminal_name(signer.name)} (key {signer.keyid[:16]}, {terminal_name(signer.algorithm)})"
    if release.supersedes:
        yield f"  supersedes  {terminal_name(release.supersedes)}"
    if release.reinstates is not None:
        yield f"  reinstates  {terminal_name(release.reinstates.id)}, and rests on the assessment of then"


def _unpinned(release: Release) -> list[str]:
    """Names of tools of which no definition is known: the release cannot hold them to any."""
    tools = [
        each
        for each in release.assets
        if each.kind == AssetKind.TOOL.value and role_of(each.path) is FileRole.PRODUCT
    ]
    return sorted({each.name for each in tools} - {each.name for each in tools if each.digest})


def _grounds(release: Release) -> str:
    told = (
        (release.waivers, "waiver"),
        (release.attestations, "attestation"),
        (release.not_applicable, "exception"),
        (release.exclusions, "exclusion"),
        (release.accepted_threats, "accepted threat"),
    )
    return ", ".join(count(len(each), word) for each, word in told if each) or "findings alone"


def _statements(word: str, statements: Sequence[ReleasedStatement]) -> Iterator[str]:
    for each in statements:
        until = f" until {each.expires.isoformat()}" if each.expires else ""
        yield f"  {word:<11} {terminal_name(each.about)}{until} by {terminal_name(each.owner)}: {terminal(each.reason)}"


def _limit(word: str, limit: EnvelopeLimit) -> str:
    upto = f"up to {terminal_name(limit.limit)}" if limit.limit else "no limit found"
    reason = f": {terminal(limit.reason)}" if limit.reason else ""
    return f"  {word:<11} {terminal_name(limit.dimension)} {upto}{reason}"


def _named(release: Release) -> str:
    version = f" {terminal_name(release.system_version)}" if release.system_version else ""
    return f"{terminal_name(release.system)}{version}"


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
