"""What following one pickle brought to light: the callables it asks for, those it calls, and what that would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from keelmark.core.facts import Hazard, Technique
from keelmark.errors import KeelmarkError, LimitExceededError
from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.values import UNRESOLVED, Global

__all__ = ["Inspection"]

_MAX_GLOBALS = 10_000
_MAX_HAZARDS = 100
_MAX_NAME = 200
_BY_NAME = (Technique.DANGEROUS_CALLABLE, Technique.UNKNOWN_CALLABLE, Technique.COMPUTED_CALLABLE)


@dataclass(slots=True, kw_only=True)
class Inspection:
    """What one pickle asks for.

    Attributes:
        is_foreign: Whether a callable is imported by the loader; those that the format itself defines are not.
        globals: Callables in order of the stream, without repeats.
        called: Those that are called (REDUCE, NEWOBJ, OBJ, INST).
        cleared: Those that are harmful only with some arguments and were given others.
        hazards: What loading would do, one for each technique and subject.
        left_out: Hazards beyond the bound.
        protocol: Highest protocol announced; -1 when none is.
        end: Place after the last byte read.
        is_complete: Whether STOP was reached.
        error: What ended the walk early.
        root: The value at STOP.
        tensors: (element type, count of elements) of each torch tensor rebuilt.
        arrays: Elements of arrays that lie between the opcodes.
        storages: Keys of the torch storages referred to.
        has_persistent: Whether objects outside of the stream are referred to.
        has_wrapper: Whether arrays lie between the opcodes for the loader of joblib, and opcodes for any other.
    """

    is_foreign: Callable[[Global], bool] = lambda _: True
    globals: dict[Global, None] = field(default_factory=dict)
    called: dict[Global, None] = field(default_factory=dict)
    cleared: dict[Global, None] = field(default_factory=dict)
    hazards: dict[tuple[Technique, str], Hazard] = field(default_factory=dict)
    left_out: int = 0
    protocol: int = -1
    end: int = 0
    operations: int = 0
    is_complete: bool = False
    error: KeelmarkError | None = None
    root: object = None
    tensors: list[tuple[str, int]] = field(default_factory=list)
    arrays: list[tuple[str, int]] = field(default_factory=list)
    storages: dict[str, None] = field(default_factory=dict)
    has_persistent: bool = False
    has_wrapper: bool = False

    def note(self, wanted: Global) -> None:
        """Keep a callable in the list of those asked for.

        Raises:
            LimitExceededError: More than are kept.
        """
        self.globals[wanted] = None
        if len(self.globals) > _MAX_GLOBALS:
            raise LimitExceededError(f"pickle asks for more than {_MAX_GLOBALS} callables")

    def judge(self, wanted: Global, *, offset: int, code: str = "") -> None:
        """State the hazard of a callable that is not known to be harmless; a call says more than an import."""
        if self.is_quiet(wanted):
            return
        verdict = callables.judge(wanted)
        does = "calls" if code else "imports"
        if wanted == UNRESOLVED:
            self.add(
                Technique.COMPUTED_CALLABLE,
                wanted.dotted,
                f"loading it {does} something whose name is computed while loading",
                offset=offset,
                code=code,
            )
        elif verdict.danger is callables.Danger.DANGEROUS:
            detail = f"loading it {does} `{_short(wanted.dotted)}`, which {verdict.reason}"
            self.add(Technique.DANGEROUS_CALLABLE, wanted.dotted, detail, offset=offset, code=code)
        else:
            detail = f"loading it {does} `{_short(wanted.dotted)}`, which is on no list of harmless callables"
            self.add(Technique.UNKNOWN_CALLABLE, wanted.dotted, detail, offset=offset, code=code)

    def is_quiet(self, wanted: Global) -> bool:
        """Whether naming it need not be stated."""
        if not self.is_foreign(wanted):
            return True
        verdict = callables.judge(wanted)
        return verdict.danger is callables.Danger.HARMLESS or verdict.is_only_named

    def shows_call(self, subject: str) -> bool:
        """Whether a call of it is stated already."""
        return any(
            hazard.code
            for technique in _BY_NAME
            if (hazard := self.hazards.get((technique, subject))) is not None
        )

    def add(self, technique: Technique, subject: str, detail: str, *, offset: int, code: str = "") -> None:
        """State a hazard once; one with a call takes the place of one without."""
        key = (technique, subject)
        known = self.hazards.get(key)
        if known is None and len(self.hazards) >= _MAX_HAZARDS:
            self.left_out += 1
        elif known is None or (code and not known.code):
            self.hazards[key] = Hazard(
                technique=technique, detail=detail, subject=subject[:400], offset=offset, code=code
            )

    def absorb(self, other: Inspection, *, offset: int | None = None) -> None:
        """Take over what another walk found; `offset` is its place here, None when places mean the same."""
        for wanted in other.globals:
            self.note(wanted)
        self.called.update(other.called)
        self.cleared.update(other.cleared)
        self.left_out += other.left_out
        self.tensors.extend(other.tensors)
        self.arrays.extend(other.arrays)
        for hazard in other.hazards.values():
            placed = hazard if offset is None else replace(hazard, offset=offset)
            self.add(
                placed.technique,
                placed.subject,
                placed.detail,
                offset=placed.offset or 0,
                code=placed.code,
            )


def _short(name: str) -> str:
    return name if len(name) <= _MAX_NAME else f"{name[:_MAX_NAME]}..."
