"""The threats that were accepted are not those that users are told of.

## What it finds

Two differences between the dispositions `accept` of the section `threat_model` and the user notice:

- a threat that is accepted, and that the notice does not tell;
- a statement of the notice about a risk that nobody accepted, or no longer.

An acceptance counts until the day it expires; without such a day it does not count. The notice is every document of that kind
(`docs/user-notice.md`) and the one that `user_notice.path` names. Where there is none in the folder, it is known by
`user_notice.limitations`. A threat is told in one of two ways:

- a heading, an item of a list or the first cell of a row begins with its id, as code or with a colon behind it;
- the notice holds the words that its disposition states as `told`, for users to whom an id says nothing.

A statement is about a risk when it begins with the id of a threat, or is an item of a list under a heading such as *Accepted
risks* or *Residual risks*. Other limitations are left alone. Under such a heading an item may also name the rule of a waiver that
is in force. Waivers that are not told are found by `accepted-risk-not-told`.

## Why it matters

Who accepts a threat accepts it for the users, and they cannot guard themselves against what they do not know. A notice of
risks that nobody accepted has no owner and no end, and nobody looks at it again.

## How to fix

Tell each accepted threat in the notice, and take out what was mitigated since, or accept it with an owner, a reason and a day.

```yaml
threat_model:
  dispositions:
    - {threat: jailbreak, treatment: accept, reason: no right depends on it, owner: Head of Support, expires: 2027-06-30}
    - {threat: answer-believed, treatment: accept, reason: sources are named, owner: Head of Support, expires: 2027-06-30,
       told: an answer may be wrong}
```

```markdown
## Accepted risks

- `jailbreak`: texts that try to change the assistant are not always noticed.
- An answer may be wrong. The article counts.
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.finding import Card
from keelmark.core.outcome import Audience, Severity
from keelmark.core.threat_model import Treatment
from keelmark.design.checks._notice import notice_of, plain
from keelmark.design.threats.library.own import read_own
from keelmark.design.threats.states import current
from keelmark.engine.answers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from keelmark.core.declaration import Declaration
    from keelmark.core.finding import Finding
    from keelmark.core.location import Location
    from keelmark.core.project import Project
    from keelmark.core.threat_model import Disposition
    from keelmark.design.checks._notice import Notice, Statement

CARD = Card(
    id="accepted-threats-not-as-told",
    title="The threats that were accepted are not those that users are told of",
    severity=Severity.MEDIUM,
    recommendations=("P-6", "DEP-4.e"),
    tags=("en-304-223:5.2.4-1",),
    audience=Audience.RISK_OWNER,
    # A notice is no product code, and is what users get.
    weighs_everywhere=True,
    references=(
        "Guidelines for secure AI system development: Take ownership of security outcomes for customers",
    ),
)

_SHOWN = 80


def check(project: Project) -> Iterator[Finding]:
    """Answer for each accepted threat that is not told, and for each statement about a risk that nobody accepted."""
    declaration = project.declaration
    if declaration is None or declaration.threat_model is None:
        yield CARD.not_applicable("no `threat_model` is declared that could accept a threat")
        return
    decided = {entry.threat: entry for entry in declaration.threat_model.dispositions}
    accepted = {
        threat: entry
        for threat, entry in decided.items()
        if entry.treatment is Treatment.ACCEPT and current(entry, project.today) is not None
    }
    notice = notice_of(project)
    untold = [entry for entry in accepted.values() if not _is_told(entry, notice)]
    different = (
        *_not_told(project, declaration, untold, notice),
        *_not_accepted(project, decided, accepted, notice),
    )
    yield from different
    if not different:
        place = notice.places or declaration.at("threat_model", path=project.declaration_path)
        yield CARD.passed(_agreement(len(accepted)), at=place)


def _agreement(count: int) -> str:
    if not count:
        return "no threat is accepted, and no notice tells of one as accepted"
    return f"{counted(count, 'accepted threat')}, each told in the user notice, and no other"


def _is_told(entry: Disposition, notice: Notice) -> bool:
    words = plain(entry.told)
    return bool(words and words in notice.text) or any(
        each.name == entry.threat for each in notice.statements
    )


def _not_told(
    project: Project, declaration: Declaration, untold: list[Disposition], notice: Notice
) -> Iterator[Finding]:
    if not untold:
        return
    if not notice.is_whole:
        names = ", ".join(f"`{entry.threat}`" for entry in untold[:5])
        yield CARD.unknown(
            f"the user notice was not read as a whole, and what was read does not tell {names}",
            fix="Write the notice as Markdown, with headings and less than 2,000 letters below each.",
            at=notice.places,
        )
        return
    where = notice.missing or "docs/user-notice.md"
    for entry in untold:
        missing = (
            "and there is no user notice" if not notice.places else "and the user notice does not tell it"
        )
        yield CARD.failed(
            f"`{entry.threat}` is accepted by {entry.owner} until {entry.expires}, {missing}",
            at=_place(project, declaration, entry),
            fix=f"Tell users in {where}: an item of a list that begins with `{entry.threat}`, or the words of `told`.",
            subject=entry.threat,
        )


def _place(project: Project, declaration: Declaration, entry: Disposition) -> Location:
    model = declaration.threat_model
    index = model.dispositions.index(entry) if model else 0
    return declaration.at(f"threat_model.dispositions[{index}]", path=project.declaration_path)


def _not_accepted(
    project: Project, decided: Mapping[str, Disposition], accepted: Mapping[str, Disposition], notice: Notice
) -> Iterator[Finding]:
    known = {threat.id for threat in read_own().threats} | set(decided)
    for each in (*notice.statements, *notice.declared):
        if each.name in accepted or (each.name not in known and not _stands_alone(each, project, accepted)):
            continue
        told = each.name if each.name in known else each.text[:_SHOWN]
        yield CARD.failed(
            f"users are told that `{told}` is a risk they bear, and {_why(decided.get(each.name))}",
            at=each.at,
            fix="Accept it with an owner, a reason and a day on which that expires, or take it out of the notice.",
            subject=f"told {told}",
        )


def _stands_alone(each: Statement, project: Project, accepted: Mapping[str, Disposition]) -> bool:
    """Whether a statement stands under a heading of accepted risks, and speaks of none of them."""
    if not each.is_of_accepted:
        return False
    waivers = project.declaration.waivers if project.declaration else ()
    in_force = {plain(entry.rule) for entry in waivers if entry.is_current(project.today)}
    text = plain(each.text)
    told = {plain(entry.told) for entry in accepted.values() if entry.told}
    return not any(words in text for words in (*in_force, *told, *accepted))


def _why(entry: Disposition | None) -> str:
    if entry is None:
        return "nobody accepted it"
    if entry.treatment is not Treatment.ACCEPT:
        return f"{entry.owner} decided to {entry.treatment.value} it"
    if entry.expires is None:
        return f"what {entry.owner} accepted has no day on which it expires"
    return f"what {entry.owner} accepted expired on {entry.expires}"
