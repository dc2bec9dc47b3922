"""Opens what a file holds, one archive inside of the other, and reads every member as if it lay in the folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from keelmark.core.facts import Gap, GapReason, Hazard, Reading, Technique
from keelmark.engine.credentials import secrets_of
from keelmark.engine.executables import HEAD, Cargo
from keelmark.engine.freight import freight_of
from keelmark.engine.reading import read_with
from keelmark.engine.unmarked import is_wrapped, unmarked
from keelmark.errors import KeelmarkError
from keelmark.formats.archives.container import Budget, Container, reason_of
from keelmark.formats.source import HEAD_BYTES, Reader, Source
from keelmark.formats.unclaimed import gap_of_unclaimed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.archives.container import Member, Opened

__all__ = ["Nested", "open_members"]

# An archive that holds itself is small; longer ones end with the budget.
_MAX_COMPARED = 4 * 1024**2
_MAX_NAME = 200
# Members that are configurations and notes for people, and not data.
_MAX_TEXT = 256 * 1024
# Members with objects in which credentials may stand; longer ones are numbers.
_MAX_BINARY = 1024**2
# Suffixes of lists of requirements.
# What installing an archive runs.
_INSTALLER = "setup.py"
_LISTS = frozenset({".txt", ".yaml", ".yml"})


@dataclass(slots=True, kw_only=True)
class Nested:
    """What was met below one file.

    Attributes:
        readings: Of the containers themselves and of every member that a reader recognised; the hazards in them name
            the member, gaps stand in `gaps`.
        opened: Whether a container opened the file, so that nobody has to say that it was not looked into.
    """

    readings: list[Reading] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    opened: bool = False


def open_members(
    source: Source,
    readings: Sequence[Reading],
    *,
    readers: Sequence[Reader],
    containers: Sequence[Container],
    budget: Budget | None = None,
) -> Nested:
    """Read every member of an archive, and of the archives inside.

    Args:
        source: The file.
        readings: What readers made of it as a whole; members they cover are not read again.
        readers: Readers for members.
        containers: Those that can open archives, asked in this order; all that recognise a file open it.
        budget: What may be unpacked; a fresh one by default.

    Raises:
        OSError: The file went away or cannot be read.
    """
    walk = _Walk(path=source.path, readers=readers, containers=containers, budget=budget or Budget())
    walk.found.opened = walk.descend(source, readings, trail=(), above=())
    if walk.is_padding(source.size) and walk.found.readings:
        first = walk.found.readings[0]
        detail = f"{walk.stuffed} bytes that are nothing known come out of {source.size}; they serve nothing but to exhaust"
        hazard = Hazard(technique=Technique.BOMB, detail=detail, subject="padding")
        walk.found.readings[0] = replace(first, hazards=(*first.hazards, hazard))
    return walk.found


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One file while everything below it is met; a trail is the names of the members that lead to a place."""

    path: str
    readers: Sequence[Reader]
    containers: Sequence[Container]
    budget: Budget
    found: Nested = field(default_factory=Nested)
    stuffed: int = 0

    def is_padding(self, packed: int) -> bool:
        """Whether what nobody recognises is far more than the file, and more than any content shrinks to."""
        limits = self.budget.limits
        is_much = self.stuffed > limits.padding_bytes and self.stuffed > limits.padding_ratio * packed
        return is_much or (self.stuffed >= limits.dense_bytes and self.stuffed > limits.dense_ratio * packed)

    def descend(
        self,
        source: Source,
        readings: Sequence[Reading],
        *,
        trail: tuple[str, ...],
        above: tuple[Source, ...],
    ) -> bool:
        """Open one file with every container that recognises it; whether one did."""
        covered = frozenset(name for reading in readings for name in reading.covers)
        is_artefact = any(reading.models for reading in readings)
        was_opened = False
        for container in self.containers:
            opened = self._open(container, source, trail)
            if opened is None:
                continue
            was_opened = True
            if self._goes_too_deep(source, trail, above, opened):
                break
            self._meet(opened, trail, (*above, source), covered, is_artefact=is_artefact)
        if not was_opened and not readings and is_wrapped(source):
            return self._unwrap(source, trail, above)
        return was_opened

    def _unwrap(self, source: Source, trail: tuple[str, ...], above: tuple[Source, ...]) -> bool:
        """Open a file that nobody claims and that something known comes out of; whether there is any."""
        wrapping = unmarked(source, readers=self.readers, containers=self.containers)
        opened = self._open(wrapping, source, trail) if wrapping is not None else None
        if opened is None:
            return False
        if not self._goes_too_deep(source, trail, above, opened):
            self._meet(opened, trail, (*above, source), frozenset(), is_artefact=False)
        return True

    def _meet(
        self,
        opened: Opened,
        trail: tuple[str, ...],
        above: tuple[Source, ...],
        covered: frozenset[str],
        *,
        is_artefact: bool,
    ) -> None:
        cargo = Cargo(is_artefact=is_artefact)
        for member in self._members(opened, trail):
            inner = (*trail, member.name[:_MAX_NAME])
            if member.name in covered:
                self._covered(member, inner, cargo)
            else:
                self._member(member, inner, above, cargo)
        hazards = (*opened.hazards, *cargo.close())
        self._keep(Reading(format=opened.format, hazards=hazards), trail)
        self.found.gaps.extend(self._placed(gap, trail) for gap in opened.gaps)

    def _open(self, container: Container, source: Source, trail: tuple[str, ...]) -> Opened | None:
        try:
            return container.open(source, self.budget) if container.recognises(source) else None
        except KeelmarkError as error:
            self._miss(trail, reason_of(error), error.message)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - an edge: whatever a container does, the answer becomes unknown
            self._miss(trail, GapReason.CRASHED, f"{container.name}: {type(error).__name__}")
        return None

    def _goes_too_deep(
        self, source: Source, trail: tuple[str, ...], above: tuple[Source, ...], opened: Opened
    ) -> bool:
        if any(_is_same(source, other) for other in above):
            hazard = Hazard(
                technique=Technique.BOMB,
                detail="the archive holds itself, and whoever unpacks all of it never ends",
            )
            self._keep(Reading(format=opened.format, hazards=(hazard,)), trail)
            return True
        if len(trail) >= self.budget.limits.max_depth:
            depth = self.budget.limits.max_depth
            detail = (
                f"archives are nested more than {depth} deep, which serves nothing but to hide what is inside"
            )
            hazard = Hazard(technique=Technique.BOMB, detail=detail, subject="depth")
            self._keep(Reading(format=opened.format, hazards=(hazard,)), trail)
            self._miss(trail, GapReason.TOO_DEEP, "archives are nested too deeply")
            return True
        return False

    def _members(self, opened: Opened, trail: tuple[str, ...]) -> Iterator[Member]:
        """Members until the container or the budget ends them; each reason is a gap."""
        try:
            for member in opened.members:
                self.budget.meet()
                yield member
        except KeelmarkError as error:
            self._miss(trail, reason_of(error), error.message)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            self._miss(trail, GapReason.CRASHED, f"{opened.format}: {type(error).__name__}")

    def _member(
        self, member: Member, trail: tuple[str, ...], above: tuple[Source, ...], cargo: Cargo
    ) -> None:
        try:
            source = self._source(member, trail)
        except KeelmarkError as error:
            self._miss(trail, reason_of(error), error.message)
            return
        with source:
            cargo.meet(member.name, source.head[:HEAD])
            self._read(source, trail, above, cargo)

    def _covered(self, member: Member, trail: tuple[str, ...], cargo: Cargo) -> None:
        """A member that the reader of the archive followed: only what the loader does not look at is left to see."""
        try:
            head = member.start(HEAD)
            cargo.meet(member.name, head, is_covered=True)
            if _is_storage(member.name) or member.size > (_MAX_BINARY if b"\x00" in head else _MAX_TEXT):
                return
            # One whose length nobody states is looked at as far as another one would be.
            content = member.start(_MAX_BINARY) if member.size < 0 else bytes(member.load())
            with Source.of_bytes(content, path=f"{self.path}!{'!'.join(trail)}") as source:
                cargo.carry(_at(secrets_of(source), member.name))
        except KeelmarkError:
            # Its reader met the same, and has said so.
            return

    def _source(self, member: Member, trail: tuple[str, ...]) -> Source:
        """The member as a file; one whose length nobody states is unpacked unless it is short."""
        head = member.start(HEAD_BYTES)
        size, load = member.size, member.load
        if size < 0 and len(head) == HEAD_BYTES:
            content = load()
            size = len(content)

            def load() -> memoryview:
                return content

        return Source.of_member(
            path=f"{self.path}!{'!'.join(trail)}", size=max(size, len(head)), head=head, load=load
        )

    def _read(self, source: Source, trail: tuple[str, ...], above: tuple[Source, ...], cargo: Cargo) -> None:
        gaps: list[Gap] = []
        known = len(self.found.gaps)
        readings = [item for reader in self.readers for item in read_with(reader, source, gaps)]
        gaps.extend(gap for reading in readings for gap in reading.gaps)
        cargo.models += any(reading.models for reading in readings)
        if readings:
            readings.extend(freight_of(source, readings))
        elif source.size <= _MAX_TEXT and cargo.may_be_artefact:
            cargo.carry(_at(secrets_of(source), trail[-1]))
        if source.name == _INSTALLER and not readings:
            from keelmark.engine.beside import attacks_in  # noqa: PLC0415 - hardly an archive is installed

            hazards = tuple(attacks_in(source))
            if hazards:
                self._keep(Reading(format="python", hazards=hazards), trail)
        if cargo.is_artefact and source.suffix in _LISTS:
            from keelmark.engine.beside import requirements_of  # noqa: PLC0415 - hardly an artefact has requirements

            cargo.carry(_at(tuple(requirements_of(source)), trail[-1]))
        was_opened = self.descend(source, readings, trail=trail, above=above)
        if not readings and not was_opened:
            self.stuffed += source.size
        is_named = readings or was_opened or gaps or len(self.found.gaps) > known
        if not is_named and (unclaimed := gap_of_unclaimed(source, in_archive=True)):
            gaps.append(unclaimed)
        for reading in readings:
            self._keep(reading, trail)
        self.found.gaps.extend(self._placed(gap, trail) for gap in gaps)

    def _keep(self, reading: Reading, trail: tuple[str, ...]) -> None:
        """Keep a reading with its hazards at their place below the file, without what speaks of files in a folder."""
        hazards = tuple(
            replace(hazard, member="!".join(part for part in (*trail, hazard.member) if part))
            for hazard in reading.hazards
        )
        self.found.readings.append(Reading(format=reading.format, models=reading.models, hazards=hazards))

    def _placed(self, gap: Gap, trail: tuple[str, ...]) -> Gap:
        detail = ": ".join(part for part in ("!".join(trail), gap.detail) if part)
        return replace(gap, path=self.path, detail=detail)

    def _miss(self, trail: tuple[str, ...], reason: GapReason, detail: str) -> None:
        self.found.gaps.append(self._placed(Gap(path=self.path, reason=reason, detail=detail), trail))


def _at(hazards: tuple[Hazard, ...], name: str) -> tuple[Hazard, ...]:
    return tuple(replace(hazard, member=name[:_MAX_NAME]) for hazard in hazards)


def _is_storage(name: str) -> bool:
    # Numbers of one tensor each: there may be thousands of them.
    return name.rpartition("/")[2].isdigit()


def _is_same(one: Source, other: Source) -> bool:
    return (
        one.size == other.size <= _MAX_COMPARED
        and one.head == other.head
        and bytes(one.data) == bytes(other.data)
    )
