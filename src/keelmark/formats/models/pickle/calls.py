"""What the calls of a pickle do: which callable is reached in the end, with which arguments, and what it gives back.

Nothing is called. Ladders of attributes, modules imported by name, partial calls and loaders that load in turn are
followed as far as constants allow; what lies beyond is stated as computed.

Rules:
1. A callable that is on no list, or known to run code, is a hazard by its name alone (`Inspection.judge`).
2. A callable of `BY_ARGUMENT` is judged by each use. Used otherwise than by calling it, it is judged by its name.
3. A call of something computed is a hazard.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Technique
from keelmark.errors import ParseError
from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.code import call_text, name_of_code, text_of
from keelmark.formats.models.pickle.endless import is_gone_through
from keelmark.formats.models.pickle.evaluate import Untold, evaluate, is_known, method
from keelmark.formats.models.pickle.handed import handed_on, hooks, parts_of_partial
from keelmark.formats.models.pickle.known import (
    ATTRIBUTE_GETTERS,
    BUILDERS_OF_CODE,
    BY_ARGUMENT,
    HONEST_METHODS,
    ITEM_GETTERS,
    METHOD_CALLERS,
    PARTIALS,
)
from keelmark.formats.models.pickle.rules import RULES
from keelmark.formats.models.pickle.states import look_at_state
from keelmark.formats.models.pickle.values import (
    COMPUTED,
    UNRESOLVED,
    Bound,
    Global,
    Made,
    Module,
    Persistent,
    Span,
    modern,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.formats.models.pickle.inspection import Inspection

__all__ = ["Calls"]

_MAX_PLAIN = 16 * 1024**2
_MAX_APPLIED = 16
_MAX_CHAIN = 64
_MAX_WORK = 128 * 1024**2
_MAX_COMPUTED = 1000
_COST, _COST_OF_FAILURE = 64, 1024**2
_CONSTANTS = (str, bytes, bytearray, int, float, tuple, list, dict, Span, type(None))
_MEMBER = re2.compile(r"[A-Z][A-Z0-9_]*")


class Calls:
    """Follows the calls of one pickle.

    Args:
        result: Takes what is found.
        data: The bytes of the pickle.
        follow: Follows bytes that are handed to a loader.
    """

    def __init__(
        self, result: Inspection, data: memoryview, follow: Callable[[memoryview], list[Inspection]]
    ) -> None:
        self.result = result
        self.data = data
        self.follow = follow
        self.extensions: dict[int, Global] = {}
        self._loose: dict[Global, int] = {}
        self._quiet: set[Global] = set()
        self._left = _MAX_WORK
        self._computed_calls = 0
        self._chain = 0
        self.offset = 0

    # -- asking for callables

    def ask(self, module: object, name: object, *, protocol: int = 4) -> Global:
        """A callable that the loader is asked to import."""
        if isinstance(module, str) and isinstance(name, str):
            wanted = modern(module, name, protocol=protocol)
        else:
            wanted = UNRESOLVED
        return self.asked(wanted)

    def asked(self, wanted: Global) -> Global:
        """Note a callable that is imported, and judge it by its name unless its uses have to be seen."""
        if wanted not in self.result.globals:
            self.result.note(wanted)
            if wanted.dotted in BY_ARGUMENT:
                self._loose[wanted] = 0
            elif self.result.is_quiet(wanted):
                self._quiet.add(wanted)
            else:
                self.result.judge(wanted, offset=self.offset)
        return wanted

    def extension(self, code: object) -> Global:
        """The callable behind a code of the registry of extensions."""
        known = self.extensions.get(code) if isinstance(code, int) else None
        return known or self.asked(Global("copyreg.extension", f"code-{code}"))

    def handed(self, value: object) -> None:
        """Count one more use of a callable that is judged by its uses."""
        if isinstance(value, Global) and value in self._loose:
            self._loose[value] += 1

    def called(self, value: object) -> None:
        """Count a use that was a call straight from the stack; calls through others stay counted as handed on."""
        if isinstance(value, Global) and value in self._loose:
            self._loose[value] -= 1

    def finish(self) -> None:
        """Judge what was used otherwise than by calling it."""
        for wanted, count in self._loose.items():
            if count <= 0 or wanted.dotted in ITEM_GETTERS or wanted.dotted == "builtins.type":
                self.result.cleared[wanted] = None
                continue
            self.result.cleared.pop(wanted, None)
            if callables.judge(wanted).danger is callables.Danger.HARMLESS:
                self.asked(UNRESOLVED)
            self.result.judge(wanted, offset=self.offset)

    # -- calls

    def call(
        self,
        callee: object,
        arguments: tuple[object, ...],
        keywords: tuple[tuple[str, object], ...] = (),
        *,
        creates: bool = False,
    ) -> object:
        """What a call gives.

        Args:
            callee: What is called.
            arguments: In order.
            keywords: By name.
            creates: Whether an object is created without its constructor (`__new__` alone), as most pickles do.

        Raises:
            ParseError: What is called is surely no callable: loaders stop here.
        """
        if isinstance(callee, Global):
            self._constructs(callee, arguments, keywords, creates=creates)
            return self._call_global(callee, arguments, keywords)
        self._chain += 1
        try:
            if self._chain > _MAX_CHAIN:
                return self._computed(callee, arguments, keywords)
            if isinstance(callee, Bound):
                return self._call_bound(callee, arguments, keywords)
            if isinstance(callee, Made):
                return self._call_made(callee, arguments, keywords)
        finally:
            self._chain -= 1
        if isinstance(callee, Persistent | Module) or callee == COMPUTED:
            return self._computed(callee, arguments, keywords)
        raise ParseError("pickle calls what is no callable")

    def _constructs(
        self,
        callee: Global,
        arguments: tuple[object, ...],
        keywords: tuple[tuple[str, object], ...],
        *,
        creates: bool,
    ) -> None:
        """State that a constructor or a function is run of which only the name is known to be harmless."""
        verdict = callables.judge(callee)
        if verdict.is_only_named or (verdict.is_only_created and not creates):
            what = "" if verdict.is_only_named else "the constructor of "
            self.result.add(
                Technique.UNKNOWN_CALLABLE,
                callee.dotted,
                f"loading it runs {what}`{callee.dotted[:160]}`, which is on no list of what may be run",
                offset=self.offset,
                code=self._text(callee, arguments, keywords),
            )

    def _call_global(
        self, callee: Global, arguments: tuple[object, ...], keywords: tuple[tuple[str, object], ...]
    ) -> object:
        self.asked(callee)
        self.result.called[callee] = None
        dotted = callee.dotted
        made = Made(callee, arguments, None, keywords)
        if dotted in BUILDERS_OF_CODE:
            self._code(made)
        elif callee not in self._quiet and callee not in self._loose and not self.result.shows_call(dotted):
            self.result.judge(callee, offset=self.offset, code=self._text(callee, arguments, keywords))
        if name := handed_on(callee, arguments, keywords):
            self.result.add(
                Technique.UNKNOWN_CALLABLE,
                name,
                f"loading it hands `{name[:160]}` to `{dotted[:160]}`, which may call it",
                offset=self.offset,
                code=self._text(callee, arguments, keywords),
            )
        if is_gone_through(dotted, arguments):
            self.result.add(
                Technique.BOMB,
                dotted,
                f"loading it never ends, or fills memory: `{dotted[:160]}` of an iterator without an end",
                offset=self.offset,
                code=self._text(callee, arguments, keywords),
            )
        special = RULES.get(dotted)
        if special is not None:
            return special(self, made)
        return self.worked_out(callee, arguments) if is_known(callee) else made

    def worked_out(self, callee: Global, arguments: tuple[object, ...]) -> object:
        """What a call of constants gives, or what stands for it; all calls together may cost so much and no more."""
        plain = tuple(self.plain(item) for item in arguments)
        self._left -= _COST + sum(len(item) for item in plain if isinstance(item, str | bytes | tuple | list))
        if self._left > 0:
            try:
                value = evaluate(callee, plain)
            except Untold:
                self._left -= _COST_OF_FAILURE
            else:
                self._left -= len(value) if isinstance(value, str | bytes) else 0
                return value
        return Made(callee, arguments)

    def _call_bound(
        self, callee: Bound, arguments: tuple[object, ...], keywords: tuple[tuple[str, object], ...]
    ) -> object:
        if callee.name in {"__getattribute__", "__getattr__"} and arguments:
            return self.attribute(callee.base, arguments[-1])
        if callee.name == "__call__":
            return self.call(callee.base, arguments, keywords)
        try:
            return method(self.plain(callee.base), callee.name, tuple(self.plain(item) for item in arguments))
        except Untold:
            pass
        return self._computed(callee, arguments, keywords)

    def _call_made(
        self, callee: Made, arguments: tuple[object, ...], keywords: tuple[tuple[str, object], ...]
    ) -> object:
        maker = callee.maker
        if maker in PARTIALS:
            function, given, named = parts_of_partial(callee)
            return self.call(function, (*given, *arguments), (*named, *keywords))
        if maker in ATTRIBUTE_GETTERS and len(arguments) == 1:
            found = tuple(self.path(arguments[0], name) for name in callee.arguments)
            return found[0] if len(found) == 1 else found
        if maker in ITEM_GETTERS and len(arguments) == 1 and len(callee.arguments) == 1:
            return RULES["operator.getitem"](self, Made(callee.callee, (arguments[0], callee.arguments[0])))
        if maker in METHOD_CALLERS and len(arguments) == 1 and callee.arguments:
            function = self.attribute(arguments[0], callee.arguments[0])
            return self.call(function, callee.arguments[1:], callee.keywords)
        return self._computed(callee, arguments, keywords)

    def _computed(
        self, callee: object, arguments: tuple[object, ...], keywords: tuple[tuple[str, object], ...]
    ) -> Made:
        self._computed_calls += 1
        if self._computed_calls > _MAX_COMPUTED:
            self.result.left_out += 1
            return Made(callee, arguments, None, keywords)
        subject = text_of(callee, data=self.data)
        self.result.add(
            Technique.COMPUTED_CALLABLE,
            subject,
            "loading it calls something that is only worked out while loading",
            offset=self.offset,
            code=self._text(callee, arguments, keywords),
        )
        return Made(callee, arguments, None, keywords)

    def _text(
        self,
        callee: object,
        arguments: tuple[object, ...],
        keywords: tuple[tuple[str, object], ...] = (),
    ) -> str:
        return call_text(callee, arguments, keywords, data=self.data)

    def bad(self, made: Made, detail: str) -> None:
        """State that a callable gets arguments that make it harmful."""
        self.result.add(
            Technique.DANGEROUS_ARGUMENT,
            made.maker,
            f"loading it calls `{made.maker}` {detail}",
            offset=self.offset,
            code=self._text(made.callee, made.arguments, made.keywords),
        )

    # -- values

    def plain(self, value: object) -> object:
        """A constant in its shortest form: bytes that lie in the file are fetched when they are not too long."""
        length = value.end - value.start if isinstance(value, Span) else 0
        if isinstance(value, Span) and length <= min(_MAX_PLAIN, self._left):
            self._left -= length
            raw = bytes(self.data[value.start : value.end])
            return raw.decode("utf-8", "replace") if value.is_text else raw
        return value

    def attribute(self, base: object, name: object) -> object:
        """What `getattr` gives. It is judged as it is made: whoever is handed it may call it out of sight."""
        if not isinstance(name, str):
            return COMPUTED
        if isinstance(base, Module):
            return self.asked(Global(base.name, name))
        if isinstance(base, Global):
            reached = Global(base.module, f"{base.name}.{name}")
            # Members of enumerations are asked for like that, by a name in capitals; calling one is judged then.
            return reached if _MEMBER.fullmatch(name) and self._is_unknown(reached) else self.asked(reached)
        owner = base.callee if isinstance(base, Made) else None
        if isinstance(owner, Global):
            reached = Global(owner.module, f"{owner.name}.{name}")
            is_honest = name in HONEST_METHODS or callables.is_kept_method(owner, name)
            if not is_honest or not self.result.is_quiet(owner):
                self.result.judge(reached, offset=self.offset)
        elif not isinstance(base, _CONSTANTS):
            subject = text_of(base, data=self.data)
            self.result.add(
                Technique.COMPUTED_CALLABLE,
                subject,
                f"loading it takes `{name[:100]}` of something that is only worked out while loading",
                offset=self.offset,
            )
        return Bound(base, name)

    def _is_unknown(self, reached: Global) -> bool:
        return callables.judge(reached).danger is callables.Danger.UNKNOWN

    def path(self, base: object, path: object) -> object:
        """What `attrgetter` gives: attributes of attributes."""
        if not isinstance(path, str):
            return COMPUTED
        for name in path.split(".")[:_MAX_CHAIN]:
            base = self.attribute(base, name)
        return base

    def _code(self, made: Made) -> None:
        name = name_of_code(made.arguments)
        says = f"carries the code of `{name[:100]}`" if name else "carries code"
        # Says the same with less.
        self.result.hazards.pop((Technique.DANGEROUS_CALLABLE, made.maker), None)
        self.result.add(
            Technique.SERIALISED_CODE,
            made.maker,
            f"it {says}, which `{made.maker}` builds while loading",
            offset=self.offset,
            code=self._text(made.callee, made.arguments, made.keywords),
        )

    def changed(self, target: object) -> None:
        """State that a class, function or module is changed."""
        subject = text_of(target)
        self.result.add(
            Technique.CLASS_CHANGED,
            target.dotted if isinstance(target, Global) else subject,
            f"loading it changes `{subject[:200]}`, which does not belong to the file",
            offset=self.offset,
        )

    def state_set(self, target: object, state: object) -> None:
        """Look at what BUILD sets."""
        if isinstance(target, Global | Module):
            self.changed(target)
            return
        if isinstance(target, Made):
            look_at_state(self, target, state)
        parts = state if isinstance(state, tuple) else (state,)
        for part in parts[:2]:
            names = hooks(part) if isinstance(part, dict) else []
            if names:
                self.result.add(
                    Technique.CLASS_CHANGED,
                    text_of(target)[:200],
                    f"loading it sets `{names[0]}` of an object, which its loader calls next",
                    offset=self.offset,
                )
