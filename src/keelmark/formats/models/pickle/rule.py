"""What a rule about a single callable is, and what it may ask of whoever follows the calls of a pickle."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from keelmark.formats.models.pickle.values import Global, Made

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.inspection import Inspection

__all__ = ["Calls", "Rule"]


class Calls(Protocol):
    """Who follows the calls of one pickle, as far as the rules need it."""

    result: Inspection
    data: memoryview
    extensions: dict[int, Global]
    follow: Callable[[memoryview], list[Inspection]]
    offset: int

    def ask(self, module: object, name: object) -> Global:
        """A callable that is imported by its name."""
        ...

    def asked(self, wanted: Global) -> Global:
        """A callable that is imported."""
        ...

    def attribute(self, base: object, name: object) -> object:
        """An attribute of a value."""
        ...

    def bad(self, made: Made, detail: str) -> None:
        """State that arguments make a callable harmful."""
        ...

    def call(
        self,
        callee: object,
        arguments: tuple[object, ...],
        keywords: tuple[tuple[str, object], ...] = (),
        *,
        creates: bool = False,
    ) -> object:
        """What a call gives."""
        ...

    def changed(self, target: object) -> None:
        """State that a class or module is changed."""
        ...

    def plain(self, value: object) -> object:
        """A constant in its shortest form."""
        ...

    def state_set(self, target: object, state: object) -> None:
        """Look at what is set as the state of an object."""
        ...

    def worked_out(self, callee: Global, arguments: tuple[object, ...]) -> object:
        """What a call of constants gives."""
        ...


Rule = Callable[[Calls, Made], object]
"""What the call of a callable gives; what is stated about it goes to who follows the calls."""
