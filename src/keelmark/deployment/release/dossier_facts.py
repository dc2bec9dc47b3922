"""Facts of a dossier that the release itself states: who holds the release can compare each of them.

Pure, and the same for the same release: names are numbers in the order of the release, so that a name tells nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from keelmark.core.dossier import Fact
from keelmark.deployment.release.subjects import readable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from keelmark.core.release import Release, ReleasedStatement
    from keelmark.deployment.release.predicate import StatedRelease
    from keelmark.trust.statement import Subject

__all__ = ["MAX_SUBJECT_FACTS", "fact", "numbered_facts", "release_facts"]

MAX_SUBJECT_FACTS = 10_000
"""Facts that files are spread over; with more files, each fact holds several."""


def fact(name: str, /, **values: object) -> Fact:
    """A fact of plain values: what is signed knows no fractions and no broken text."""
    return Fact(name=readable(name), value=_plain(msgspec.to_builtins(values)))


def numbered_facts(section: str, rows: Iterable[Mapping[str, object]]) -> Iterable[Fact]:
    """A fact for each row, named by its number."""
    for number, row in enumerate(rows, start=1):
        yield fact(f"{section}/{number:05}", **row)


def release_facts(stated: StatedRelease) -> tuple[Fact, ...]:
    """Everything that the release says of itself."""
    release = stated.release
    files = release.contents.files
    return (
        _summary(release),
        *numbered_facts(
            "signing-keys", ({"keyid": each.keyid, "algorithm": each.algorithm} for each in release.signers)
        ),
        *numbered_facts(
            "signers", ({"name": each.name, "public_key": each.public_key} for each in release.signers)
        ),
        *_contents(release),
        *_statements(release),
        *_accepted(release),
        *_growth(release),
        *_assets(release),
        *_subjects(stated.subjects[:files], frozenset(release.contents.links)),
        *numbered_facts("parts", map(_subject, stated.subjects[files:])),
        *_provenance(release),
    )


def _summary(release: Release) -> Fact:
    return fact(
        "release/summary",
        id=release.id,
        system=release.system,
        system_version=release.system_version,
        verdict=release.verdict,
        profile=release.profile,
        critical=release.critical,
        guidelines=release.guidelines,
        keelmark=release.keelmark,
        assessed=release.evidence.assessed,
        created=release.created,
        not_before=release.not_before,
        expires=release.expires,
        run=release.evidence.run,
    )


def _contents(release: Release) -> Iterable[Fact]:
    contents = release.contents
    yield fact(
        "coverage/released",
        files=contents.files,
        bytes=contents.bytes,
        links=len(contents.links),
        not_assessed=contents.not_assessed_total,
        left_out=[each.path for each in contents.left_out],
    )


def _statements(release: Release) -> Iterable[Fact]:
    kinds: tuple[tuple[str, tuple[ReleasedStatement, ...]], ...] = (
        ("waivers", release.waivers),
        ("attestations", release.attestations),
        ("exceptions", release.not_applicable),
        ("exclusions", release.exclusions),
    )
    for kind, statements in kinds:
        # What an exclusion is about is a path; the others are about a rule or a row of the catalogue.
        is_path = kind == "exclusions"
        for number, each in enumerate(statements, start=1):
            about = {} if is_path else {"about": each.about}
            yield fact(f"{kind}/{number:05}", **about, expires=each.expires, covers=each.covers)
            yield fact(f"statement-reasons/{kind}-{number:05}", reason=each.reason)
            place = {"about": each.about} if is_path else {}
            yield fact(f"statement-owners/{kind}-{number:05}", owner=each.owner, **place)


def _accepted(release: Release) -> Iterable[Fact]:
    for number, each in enumerate(release.accepted_threats, start=1):
        name = f"accepted-threats/{number:05}"
        yield fact(name, threat=each.threat, treatment=each.treatment, expires=each.expires)
        yield fact(f"statement-reasons/accepted-threats-{number:05}", reason=each.reason)
        yield fact(f"statement-owners/accepted-threats-{number:05}", owner=each.owner)


def _growth(release: Release) -> Iterable[Fact]:
    limits = release.envelope
    for origin, each in (
        *(("declared", each) for each in limits.declared),
        *(("computed", each) for each in limits.computed),
    ):
        yield fact(f"growth/{origin}-{each.dimension}", limit=each.limit, now=each.now, beyond_it=each.reason)
    yield fact("growth/surroundings", exposure=limits.exposure, data_classes=limits.data_classes)


def _assets(release: Release) -> Iterable[Fact]:
    for number, each in enumerate(release.assets, start=1):
        yield fact(
            f"assets/{number:05}", kind=each.kind, name=each.name, digest=each.digest, revision=each.revision
        )
        yield fact(f"asset-places/{number:05}", path=each.path)


def _subjects(subjects: tuple[Subject, ...], links: frozenset[str]) -> Iterable[Fact]:
    size = max(1, -(-len(subjects) // MAX_SUBJECT_FACTS))
    rows = [{**_subject(each), "link": each.name in links} for each in subjects]
    groups = (rows[at : at + size] for at in range(0, len(rows), size))
    yield from numbered_facts("subjects", ({"files": group} for group in groups))


def _subject(subject: Subject) -> Mapping[str, object]:
    return {"name": subject.name, "sha256": subject.digest["sha256"]}


def _provenance(release: Release) -> Iterable[Fact]:
    evidence = release.evidence
    yield fact(
        "provenance/evidence",
        tree=evidence.tree,
        findings=evidence.findings,
        json_report=evidence.json_report,
        sarif_report=evidence.sarif_report,
        threats=evidence.threats,
        log=evidence.log,
    )
    yield fact(
        "provenance/release",
        commit=release.contents.commit,
        limited_by=release.limited_by,
        supersedes=release.supersedes,
        not_assessed=release.contents.not_assessed,
    )


def _plain(value: Any) -> Any:
    """Plain values with fractions as text: they have no single spelling in signed JSON."""
    if isinstance(value, dict):
        return {readable(str(key)): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return repr(value)
    return readable(value) if isinstance(value, str) else value
