"""Chat templates as syntax trees, held to the closed set that formatting a conversation needs; nothing is rendered.

Loaders render the template of a model with Jinja, some of them without a sandbox. A template that only formats needs
variables, tests, filters, loops and the methods of text, lists and mappings. Whatever goes further is one of two things:

- it reaches objects: attributes of the interpreter (`__class__`, `__globals__`, ...), also by the filter `attr`, by
  `map(attribute=...)`, by subscripts and by `str.format`; names count when they are put together from pieces, too;
- it is outside of the set: it includes other files, calls functions that no loader of models offers, names filters or
  tests that Jinja does not have, subscripts with computed text, or loops further than any conversation.

Text outside of tags is what the model reads, and is not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import re2

from keelmark.core.facts import Hazard, Technique
from keelmark.errors import LimitExceededError, ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jinja2 import Environment, nodes

__all__ = ["MAX_CHARACTERS", "Bounds", "hazards_of_template", "too_long"]

MAX_CHARACTERS = 1024**2
"""Characters of a template that are parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one template.

    Attributes:
        max_characters: Longer ones are not parsed: what only formats is never as long. The longest template of a published model has some 20,000.
        max_nodes: Nodes of the tree that are looked at.
        max_repeats: A constant range or repetition above it is no formatting.
    """

    max_characters: int = MAX_CHARACTERS
    max_nodes: int = 200_000
    max_repeats: int = 1_000_000


_INTERNALS = frozenset({
    "mro", "func_globals", "func_code", "gi_frame", "gi_code", "cr_frame", "cr_code", "ag_frame", "f_globals",
    "f_locals", "f_builtins", "f_back", "tb_frame", "tb_next", "im_func", "im_self", "co_code", "co_consts",
})  # fmt: skip
_DUNDER = re2.compile(r"__[a-z_]{2,40}__")
# Fields of `str.format` that go on to an attribute or an item: "{0.x}", "{a[b]}".
_FIELD = re2.compile(r"\{[^{}:!]*[.\[][^{}]*\}")
_FUNCTIONS = frozenset({
    "raise_exception", "strftime_now", "range", "namespace", "dict", "cycler", "joiner", "caller", "loop", "super", "_",
    "gettext", "ngettext", "len", "str", "int", "list", "enumerate", "zip", "get_current_date", "now", "tojson", "bool",
    "float", "set", "sorted", "min", "max", "sum", "any", "all", "isinstance", "type", "print", "debug",
})  # fmt: skip
_METHODS = frozenset({
    # text
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "startswith", "endswith", "replace", "lower", "upper",
    "title", "capitalize", "casefold", "swapcase", "find", "rfind", "index", "rindex", "count", "join", "format", "zfill",
    "removeprefix", "removesuffix", "partition", "rpartition", "ljust", "rjust", "center", "isdigit", "isalpha",
    "isalnum", "isdecimal", "isnumeric", "isspace", "isupper", "islower", "istitle", "expandtabs", "encode", "decode",
    # lists, mappings, sets
    "append", "extend", "insert", "pop", "remove", "reverse", "sort", "copy", "clear", "items", "keys", "values", "get",
    "update", "setdefault", "popitem", "add", "discard", "union",
    # loops, cycles, dates
    "cycle", "changed", "next", "reset", "strftime", "isoformat",
})  # fmt: skip
_FILTERS_OF_LOADERS = frozenset({"fromjson", "from_json", "tojson", "strftime", "b64encode"})
_ATTRIBUTE_FILTERS = frozenset({
    "map", "selectattr", "rejectattr", "sort", "groupby", "sum", "unique", "min", "max", "join", "attr",
})  # fmt: skip


def hazards_of_template(
    text: str, *, subject: str, is_chat: bool = True, bounds: Bounds | None = None
) -> list[Hazard]:
    """What a template does beyond formatting.

    Args:
        text: The template.
        subject: What the template is called: a key of the metadata, a file name.
        is_chat: Whether it is held to the closed set of chat templates; other templates may include files and call
            functions of their application, and are only asked whether they reach objects.
        bounds: Bounds of parsing.

    Returns:
        At most one hazard for each technique, that of the first place, with the source line as its code.

    Raises:
        LimitExceededError: Deeper than is parsed; or longer, and no chat template.
        ParseError: It is no Jinja template.
    """
    limits = bounds or Bounds()
    if len(text) > limits.max_characters:
        if is_chat:
            return [too_long(subject, limits.max_characters)]
        raise LimitExceededError(f"template `{subject}` is longer than {limits.max_characters} characters")
    found: dict[Technique, Hazard] = {}
    lines = text.splitlines() or [""]
    try:
        for technique, detail, line in _Judge(limits).look(_parse(text, subject)):
            if not is_chat and technique is not Technique.TEMPLATE_REACHES_OBJECTS:
                continue
            code = lines[min(max(line, 1), len(lines)) - 1].strip()
            found.setdefault(
                technique,
                Hazard(
                    technique=technique,
                    detail=f"template `{subject}` {detail} (line {line})",
                    subject=subject,
                    code=_around(code, detail),
                ),
            )
    except RecursionError as error:
        raise LimitExceededError(f"template `{subject}` is nested too deeply") from error
    return list(found.values())


def too_long(subject: str, characters: int) -> Hazard:
    """What a chat template is that nobody parses to its end."""
    detail = (
        f"template `{subject}` is longer than {characters} characters, as no template is that only formats"
    )
    return Hazard(technique=Technique.TEMPLATE_OUTSIDE_SET, detail=detail, subject=subject)


_CODE_CHARACTERS = 300


def _around(code: str, detail: str) -> str:
    """The line, or the part of a long one around the name that the detail quotes."""
    if len(code) <= _CODE_CHARACTERS:
        return code
    name = detail.partition("`")[2].partition("`")[0]
    place = max(code.find(name), 0) if name else 0
    start = max(0, place - _CODE_CHARACTERS // 2)
    return code[start : start + _CODE_CHARACTERS]


def _parse(text: str, subject: str) -> nodes.Template:
    from jinja2.exceptions import TemplateSyntaxError  # noqa: PLC0415 - only files with templates pay for it

    try:
        return _environment().parse(text)
    except TemplateSyntaxError as error:
        message = f"template `{subject}` is no Jinja template: {error.message}"
        raise ParseError(message[:300], line=error.lineno) from error


@cache
def _environment() -> Environment:
    from jinja2 import Environment  # noqa: PLC0415 - as above
    from jinja2.ext import Extension  # noqa: PLC0415

    class Generation(Extension):
        """The block with which templates mark what the assistant said."""

        tags = {"generation"}  # noqa: RUF012 - the shape that Jinja asks for

        def parse(self, parser: object) -> list[nodes.Node]:
            next(parser.stream)  # type: ignore[attr-defined]
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)  # type: ignore[attr-defined,no-any-return]

    # The settings with which loaders of models parse; only the parser is used, nothing is compiled or rendered.
    return Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701
        extensions=[Generation, "jinja2.ext.loopcontrols", "jinja2.ext.do"],
    )


@cache
def _filters() -> frozenset[str]:
    return frozenset(_environment().filters) | _FILTERS_OF_LOADERS


@cache
def _tests() -> frozenset[str]:
    return frozenset(_environment().tests)


_Said = tuple[Technique, str, int]
_REACHES, _OUTSIDE = Technique.TEMPLATE_REACHES_OBJECTS, Technique.TEMPLATE_OUTSIDE_SET


class _Judge:
    """Walks one tree."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._own: set[str] = set()
        self._built: set[str] = set()

    def look(self, tree: nodes.Template) -> Iterator[_Said]:
        """What each node says."""
        from jinja2 import nodes as kinds  # noqa: PLC0415 - as above

        self._collect(tree)
        yield from self.loops(tree)
        pending: list[nodes.Node] = [tree]
        for _ in range(self._bounds.max_nodes):
            if not pending:
                return
            node = pending.pop()
            handler = _HANDLERS.get(type(node).__name__)
            if handler is not None:
                for technique, detail in handler(self, node):
                    yield technique, detail, node.lineno
            if not isinstance(node, kinds.Const):
                pending.extend(reversed(list(node.iter_child_nodes())))
        raise LimitExceededError("template has more nodes than are looked at")

    def _collect(self, tree: nodes.Template) -> None:
        """Names that the template defines as macros, and those that it sets to text put together from pieces."""
        from jinja2 import nodes as kinds  # noqa: PLC0415 - as above

        for macro in tree.find_all(kinds.Macro):
            self._own.add(macro.name)
            self._own.update(argument.name for argument in macro.args)
        for assign in tree.find_all(kinds.Assign):
            if isinstance(assign.target, kinds.Name):
                if _is_built(assign.node):
                    self._built.add(assign.target.name)
                if _is_callable(assign.node, self._own):
                    self._own.add(assign.target.name)

    def loops(self, tree: nodes.Template) -> Iterator[_Said]:
        """Loops inside of loops that together go further than any conversation."""
        pending: list[tuple[nodes.Node, int]] = [(tree, 1)]
        for _ in range(self._bounds.max_nodes):
            if not pending:
                return
            node, rounds = pending.pop()
            if type(node).__name__ == "For":
                times = _rounds(node.iter)  # type: ignore[attr-defined]
                if times > 1 and rounds > 1 and rounds * times > self._bounds.max_repeats:
                    yield _OUTSIDE, "loops inside of loops further than any conversation", node.lineno
                    return
                rounds *= max(times, 1)
            pending.extend((child, rounds) for child in node.iter_child_nodes())

    def attribute(self, node: nodes.Getattr) -> Iterator[tuple[Technique, str]]:
        yield from _of_name(node.attr)

    def subscript(self, node: nodes.Getitem) -> Iterator[tuple[Technique, str]]:
        folded = _folded(node.arg)
        if folded is not None:
            yield from _of_name(folded)
        elif _is_built(node.arg) or getattr(node.arg, "name", None) in self._built:
            yield _OUTSIDE, "looks something up by a name that it puts together"

    def constant(self, node: nodes.Const) -> Iterator[tuple[Technique, str]]:
        if isinstance(node.value, str) and _DUNDER.fullmatch(node.value):
            yield from _of_name(node.value)

    def keyword(self, node: nodes.Keyword) -> Iterator[tuple[Technique, str]]:
        yield from _of_name(node.key)

    def concatenation(self, node: nodes.Concat | nodes.Add) -> Iterator[tuple[Technique, str]]:
        folded = _folded(node)
        if folded is not None and _DUNDER.fullmatch(folded):
            yield from _of_name(folded)

    def filter(self, node: nodes.Filter) -> Iterator[tuple[Technique, str]]:
        if node.name not in _filters():
            yield _OUTSIDE, f"uses the filter `{node.name[:80]}`, which no loader has"
        if node.name in _PADDING and any(self._is_huge(argument) for argument in _given(node)):
            yield _OUTSIDE, f"fills text up with `{node.name}` further than any conversation"
        if node.name in _ATTRIBUTE_FILTERS:
            yield from self._names_in(node)

    def _names_in(self, node: nodes.Filter) -> Iterator[tuple[Technique, str]]:
        """Attributes that a filter is told to fetch."""
        given = _given(node)
        texts = [_folded(argument) for argument in given]
        fetches = node.name == "attr" or (node.name == "map" and texts[:1] == ["attr"])
        for argument, text in zip(given, texts, strict=True):
            for part in (text or "").split("."):
                yield from _of_name(part)
            if text is None and (fetches or _is_built(argument)):
                yield _OUTSIDE, f"tells the filter `{node.name}` a name that it puts together"
        if fetches:
            yield _OUTSIDE, "fetches attributes with the filter `attr`"

    def test(self, node: nodes.Test) -> Iterator[tuple[Technique, str]]:
        if node.name not in _tests():
            yield _OUTSIDE, f"uses the test `{node.name[:80]}`, which no loader has"

    def call(self, node: nodes.Call) -> Iterator[tuple[Technique, str]]:
        called = node.node
        kind = type(called).__name__
        name = str(getattr(called, "name", "") or getattr(called, "attr", ""))[:80]
        if kind == "Name":
            if name not in _FUNCTIONS and name not in self._own:
                yield _OUTSIDE, f"calls the function `{name}`, which no loader of models offers"
            if name == "range" and any(self._is_huge(argument) for argument in node.args):
                yield _OUTSIDE, "loops further than any conversation"
        elif kind == "Getattr":
            if name == "format":
                yield from self._format(called)
            if name in _PADDING and any(self._is_huge(argument) for argument in node.args):
                yield _OUTSIDE, f"fills text up with `{name}` further than any conversation"
            if name not in _METHODS and name not in self._own:
                yield _OUTSIDE, f"calls the method `{name}`"
        else:
            yield _OUTSIDE, "calls what it has computed"

    def _format(self, called: nodes.Node) -> Iterator[tuple[Technique, str]]:
        pattern = _folded(getattr(called, "node", called))
        if pattern is None:
            return
        if _DUNDER.search(pattern):
            yield _REACHES, "reaches attributes through `format`"
        elif _FIELD.search(pattern):
            yield _OUTSIDE, "fetches attributes through `format`"

    def _is_huge(self, node: nodes.Node) -> bool:
        value = getattr(node, "value", None)
        if isinstance(value, int):
            return value > self._bounds.max_repeats
        return type(node).__name__ in {"Pow", "Mul"}

    def repetition(self, node: nodes.Mul) -> Iterator[tuple[Technique, str]]:
        sides = (getattr(node.left, "value", None), getattr(node.right, "value", None))
        if any(isinstance(side, int) and side > self._bounds.max_repeats for side in sides):
            yield _OUTSIDE, "repeats further than any conversation"

    def name(self, node: nodes.Name) -> Iterator[tuple[Technique, str]]:
        if _DUNDER.fullmatch(node.name):
            yield from _of_name(node.name)

    def other_file(self, node: nodes.Node) -> Iterator[tuple[Technique, str]]:
        yield _OUTSIDE, f"reads another file (`{type(node).__name__.lower()}`)"


def _of_name(name: str) -> Iterator[tuple[Technique, str]]:
    if _DUNDER.search(name) or name in _INTERNALS:
        yield _REACHES, f"reaches `{name[:80]}`"


_HANDLERS: dict[str, Callable[[_Judge, Any], Iterator[tuple[Technique, str]]]] = {
    "Getattr": _Judge.attribute, "Getitem": _Judge.subscript, "Const": _Judge.constant, "Concat": _Judge.concatenation,
    "Add": _Judge.concatenation, "Filter": _Judge.filter, "Test": _Judge.test, "Call": _Judge.call, "Mul": _Judge.repetition,
    "Name": _Judge.name, "Keyword": _Judge.keyword, "Include": _Judge.other_file, "Import": _Judge.other_file, "FromImport": _Judge.other_file,
    "Extends": _Judge.other_file,
}  # fmt: skip

_PADDING = frozenset({"ljust", "rjust", "center", "zfill", "indent", "batch", "slice", "expandtabs"})
_MAKERS = frozenset({"joiner", "cycler"})
_MAX_ROUNDS = 10**12


def _is_callable(node: nodes.Node, known: set[str]) -> bool:
    """Whether a name that is set to this may be called: another such name, or what Jinja makes for being called."""
    name = str(getattr(node, "name", ""))
    if type(node).__name__ == "Name":
        return name in known
    return type(node).__name__ == "Call" and getattr(node.node, "name", "") in _MAKERS  # type: ignore[attr-defined]


def _given(node: nodes.Filter) -> list[nodes.Expr]:
    return [*node.args, *(keyword.value for keyword in node.kwargs)]


def _rounds(node: nodes.Expr) -> int:
    """How often a loop over a range of constants goes round; 0 when it depends on anything else."""
    if type(node).__name__ != "Call" or getattr(node.node, "name", "") != "range":  # type: ignore[attr-defined]
        return 0
    given = node.args[:3]  # type: ignore[attr-defined]
    values = [value for each in given if isinstance(value := getattr(each, "value", None), int)]
    if not values or len(values) < len(given) or 0 in values[2:] or max(map(abs, values)) > _MAX_ROUNDS:
        return 0
    return len(range(*values))


_MAX_FOLDED = 4096


def _folded(node: nodes.Node) -> str | None:
    """The text that an expression of constants amounts to; None when it depends on anything else."""
    kind = type(node).__name__
    if kind == "Const":
        value = getattr(node, "value", None)
        return value[:_MAX_FOLDED] if isinstance(value, str) else None
    if kind == "Add":
        return _joined([node.left, node.right])  # type: ignore[attr-defined]
    if kind == "Concat":
        return _joined(node.nodes)  # type: ignore[attr-defined]
    if kind == "Filter":
        return _filtered(node)  # type: ignore[arg-type]
    return None


def _joined(parts: list[nodes.Expr], between: str = "") -> str | None:
    texts = [_folded(part) for part in parts]
    return None if None in texts else between.join(text for text in texts if text is not None)[:_MAX_FOLDED]


def _filtered(node: nodes.Filter) -> str | None:
    if node.node is None:
        return None
    if node.name == "join" and type(node.node).__name__ in {"List", "Tuple"}:
        between = _folded(node.args[0]) if node.args else ""
        return None if between is None else _joined(node.node.items, between)  # type: ignore[attr-defined]
    text = _folded(node.node)
    if text is None:
        return None
    plain = {"reverse": text[::-1], "lower": text.lower(), "upper": text.upper(), "trim": text.strip(), "string": text,
             "safe": text}  # fmt: skip
    if node.name == "replace" and len(node.args) >= 2:
        old, new = _folded(node.args[0]), _folded(node.args[1])
        return text.replace(old, new)[:_MAX_FOLDED] if old and new is not None else None
    return plain.get(node.name)


_BUILDING_FILTERS = frozenset({"join", "format", "reverse", "replace", "list", "first", "last", "map"})
_BUILDING_METHODS = frozenset({"join", "format", "replace"})


def _is_built(node: nodes.Node) -> bool:
    """Whether an expression puts a name together.

    Numbers that are added up do not count, nor does text of the conversation that is looked up in a table of the
    template: it takes pieces of the template's own that look like a name of the interpreter, or nothing but pieces.
    """
    kind = type(node).__name__
    if kind == "Concat":
        return True
    if kind == "Filter":
        builds = getattr(node, "name", "") in _BUILDING_FILTERS
    elif kind == "Call":
        builds = getattr(getattr(node, "node", None), "attr", "") in _BUILDING_METHODS
    else:
        builds = kind in {"Add", "Mod", "Mul"}
    if not builds:
        return False
    pieces = _pieces(node)
    if any("__" in piece for piece in pieces) or (
        kind == "Add" and any(piece[:1] == "_" for piece in pieces)
    ):
        return True
    return bool(pieces) and not _has_names(node)


def _pieces(node: nodes.Node) -> list[str]:
    from jinja2 import nodes as kinds  # noqa: PLC0415 - as above

    keys = [keyword.key for keyword in node.find_all(kinds.Keyword)]
    return [*keys, *(each.value for each in node.find_all(kinds.Const) if isinstance(each.value, str))]


def _has_names(node: nodes.Node) -> bool:
    from jinja2 import nodes as kinds  # noqa: PLC0415 - as above

    return any(name.name not in _FUNCTIONS for name in node.find_all(kinds.Name))
