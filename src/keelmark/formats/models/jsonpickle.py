"""Objects that jsonpickle wrote as JSON: reading them imports and calls what they name, as reading a pickle does.

Classes of a project are ordinary there, so only names that are known to do harm are hazards. A call of anything else
that is on no list is named as well, since its arguments come from the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.facts import ModelFile, Reading, Technique
from keelmark.errors import KeelmarkError
from keelmark.formats import strict_json
from keelmark.formats.bytes_pattern import bytes_pattern
from keelmark.formats.models.facts import gap_of
from keelmark.formats.models.hazard_list import HazardList
from keelmark.formats.models.pickle.callables import Danger, judge
from keelmark.formats.models.pickle.values import Global

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.formats.source import Source

__all__ = ["READER", "JsonPickleReader"]

# A key that the library looks for, or the start of one that is written with escapes.
_KEY = bytes_pattern(
    rb"""(?i)"(?:p|\\u0070)(?:y|\\u0079)(?:/|\\/|\\u002f)(?:[a-z0-9]{0,10}\\u00[67][0-9a-f]"""
    rb"""|(?:b64|b85|bytes|function|id|initargs|iterator|mod|newargs|newargsex|newobj|object|property|reduce|ref|repr|seq|set|state|tuple|type)")"""
)
_NAMED = {
    "py/object": "builds an object of",
    "py/function": "imports",
    "py/type": "imports",
    "py/mod": "imports",
}
_CALLED = ("py/function", "py/type", "py/object")
_KEY_MARK = "json://"
_OLD_BUILTINS = "__builtin__."
_MAX_BYTES = 8 * 1024**2
_MAX_ITEMS = 2_000_000
_MAX_SHOWN = 200


class JsonPickleReader:
    """Reads such texts."""

    name = "jsonpickle"
    version = 1

    def recognises(self, source: Source) -> bool:
        """A key of the library in the head."""
        return source.is_text and _KEY.search(source.head) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Judge every name; nothing when no object of the library is there."""
        found = HazardList()
        try:
            value = strict_json.parse(source.data, max_bytes=_MAX_BYTES).value
        except KeelmarkError as error:
            # A page about the library quotes its keys; a document does not break off.
            is_document = source.suffix == ".json" and source.head.lstrip()[:1] in {b"{", b"["}
            return (Reading(format=self.name, gaps=(gap_of(source, error),)),) if is_document else ()
        keys = 0
        for item in _mappings(value):
            keys += _look_at(item, found)
        if not keys:
            return ()
        model = ModelFile(format=self.name, can_execute=bool(found))
        return (Reading(format=self.name, models=(model,), hazards=found.close()),)


def _mappings(value: object) -> Iterator[dict[str, Any]]:
    waiting, left = [value], _MAX_ITEMS
    while waiting and left:
        left -= 1
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
            # Keys that are no text are JSON behind a mark, and are read as the values are.
            waiting.extend(_key(key) for key in item if key.startswith(_KEY_MARK))
        elif isinstance(item, list):
            waiting.extend(item)


def _key(text: str) -> object:
    try:
        return strict_json.parse(
            memoryview(text.removeprefix(_KEY_MARK).encode()), max_bytes=_MAX_BYTES
        ).value
    except (KeelmarkError, UnicodeEncodeError):
        return None


def _look_at(item: dict[str, Any], found: HazardList) -> int:
    """Judge one object of JSON; how many keys of the library it has."""
    count = 0
    for key, deed in _NAMED.items():
        name = item.get(key)
        if isinstance(name, str):
            count += 1
            _named(name, deed, found)
    called = item.get("py/reduce")
    if isinstance(called, list) and called:
        count += 1
        _reduced(called, found)
    text = item.get("py/repr")
    if isinstance(text, str):
        count += 1
        detail = f"the library evaluates the expression `{text[:_MAX_SHOWN]}` when it reads the text"
        found.add(Technique.SERIALISED_CODE, detail, subject=text, code=text.rpartition("/")[2])
    return count


def _global(dotted: str) -> Global:
    name = f"builtins.{dotted.removeprefix(_OLD_BUILTINS)}" if dotted.startswith(_OLD_BUILTINS) else dotted
    module, _, last = name.rpartition(".")
    return Global(module or "builtins", last)


def _named(dotted: str, deed: str, found: HazardList) -> None:
    verdict = judge(_global(dotted))
    if verdict.danger is Danger.DANGEROUS:
        detail = f"the library {deed} `{dotted[:_MAX_SHOWN]}` when it reads the text, which {verdict.reason}"
        found.add(Technique.DANGEROUS_CALLABLE, detail, subject=dotted, code=f"{dotted}(...)")


def _reduced(called: list[Any], found: HazardList) -> None:
    """A function with its arguments, which is called."""
    first = called[0]
    name = next(
        (first[key] for key in _CALLED if isinstance(first, dict) and isinstance(first.get(key), str)), ""
    )
    if not name or judge(_global(name)).danger is not Danger.UNKNOWN:
        return
    detail = f"the library calls `{name[:_MAX_SHOWN]}`, which is on no list, when it reads the text"
    found.add(Technique.UNKNOWN_CALLABLE, detail, subject=name, code=f"{name}(...)")


READER = JsonPickleReader()
