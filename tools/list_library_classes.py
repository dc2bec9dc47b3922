"""Writes `formats/models/pickle/classes.json`: classes of real libraries that a model may hold, of many versions.

    pip download --no-deps --only-binary=:all: -d wheels torch==2.13.0 transformers ...
    python tools/list_library_classes.py wheels src/keelmark/formats/models/pickle/classes.json

The wheels are read, never installed: their source is parsed, so that no foreign code runs here. A class is listed under
the exact module and name that a pickle would state, in a table:

- `called`: neither its constructor nor what a pickle runs of a finished object (`__setstate__`, `__setitem__`, `append`
  and their like, setters of properties) opens, loads, downloads, imports, evaluates or starts something, or calls what it
  was handed; functions and methods of the same libraries that it calls are followed, others are judged by their names;
- `created`: its constructor may, but what runs of an object that is created without it (`__new__` and a state) does not.

- `named`: functions of some of these libraries that do not reach further, which objects keep as values.

A class is in neither table when that reaches further, or when it stands in a module of tests, commands or tools. Of several
versions of a library the strictest counts.
"""

from __future__ import annotations

import ast
import json
import multiprocessing
import sys
import warnings
import zipfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import re2

sys.path.insert(0, str(Path(__file__).parent))
from library_parts import ONLY, OTHER_PARTS
from library_reach import Kind, Library, is_outside_reaching, read_module

# What a pickle runs of an object: constructors when it is called; state, items, keys of mappings and its end in any case.
_CONSTRUCTORS = ("__init__", "__post_init__", "__attrs_post_init__")
_STATE = (
    "__new__", "__setstate__", "__setattr__", "__getattr__", "__getattribute__", "__setitem__", "__hash__", "__eq__",
    "__del__", "append", "extend", "add",
)  # fmt: skip
# Run only when the object is handed on, by what it is handed to: these are not followed into others.
_LOOKED_AT = (
    "update", "__iadd__", "__getnewargs__", "__getitem__", "__missing__", "__iter__", "__next__", "__contains__", "__len__",
    "__bool__", "__index__", "__int__", "__float__", "__lt__", "__le__", "__gt__", "__ge__", "__ne__", "__add__", "__radd__",
    "__mul__", "__mod__", "__array__", "__length_hint__", "__delitem__", "__delattr__", "keys", "__reversed__", "__bytes__",
    "__format__", "__fspath__",
)  # fmt: skip
_BAD_BASES = frozenset({
    "Process", "Thread", "Popen", "IOBase", "RawIOBase", "TextIOWrapper", "BufferedIOBase", "Handler", "FileHandler",
    "socket", "Server", "ModuleType", "Loader", "Finder", "Unpickler", "NodeVisitor", "Action", "ArgumentParser", "Cmd",
    "BaseHTTPRequestHandler", "Protocol", "ABCMeta", "type", "memmap", "CDLL", "Structure",
})  # fmt: skip
_PLAIN_BASES = frozenset({"object", "ABC", "Generic", "Enum", "dict", "list", "tuple"})
# Reviewed: those of river, torchvision and torch say what counts as an instance or a member, and check types.
_PLAIN_METACLASSES = frozenset(
    {"", "ABCMeta", "EnumMeta", "EnumType", "EstimatorMeta", "StrEnumMeta", "_DataPipeMeta"}
)
# Reviewed: what these do when their objects are made and filled stays with the object, or calls hooks that a program registered.
_REVIEWED = frozenset({
    ("torch.nn.modules.module", "Module"), ("torch.optim.optimizer", "Optimizer"),
    ("matplotlib.artist", "Artist"), ("matplotlib.colors", "Norm"), ("matplotlib.colors", "Colormap"),
    ("matplotlib.colorizer", "ColorizingArtist"), ("matplotlib.colorizer", "Colorizer"), ("matplotlib.text", "Annotation"),
    ("torch_geometric.data.in_memory_dataset", "InMemoryDataset"), ("diffusers.utils.deprecation_utils", "deprecate"),
    ("pandas.core.arraylike", "OpsMixin"), ("pandas.core.arrays._mixins", "NDArrayBackedExtensionArray"),
    ("pandas.core.arrays.arrow.array", "ArrowExtensionArray"), ("pandas.core.arrays.base", "ExtensionArray"),
    ("pandas.core.arrays.datetimelike", "DatetimeLikeArrayMixin"), ("pandas.core.arrays.masked", "BaseMaskedArray"),
    ("pandas.core.indexes.base", "Index"), ("ngboost.ngboost", "NGBoost"),
    ("econml.sklearn_extensions.model_selection", "SingleModelSelector"),
    ("sentence_transformers.base.modules.transformer", "Transformer"),
})  # fmt: skip
# Libraries whose functions people keep in their models, by name.
_FUNCTIONS = frozenset({
    "category-encoders", "feature-engine", "gensim", "imbalanced-learn", "lifelines", "networkx", "nltk", "pandas", "pynndescent",
    "scikit-image", "scikit-learn", "scipy", "shap", "sktime", "statsmodels", "torch", "torch-geometric", "torchmetrics",
    "torchvision", "transformers", "umap-learn",
})  # fmt: skip
_MAX_DEPTH = 12

_Key = tuple[str, str]
_Node = tuple[_Key | None, _Key, str]
"""A function: the class whose object runs it, where it stands, and its name."""


def read_wheel(path: Path) -> Library:
    """Everything that the source in a wheel defines."""
    warnings.simplefilter("ignore")  # of the sources
    name, version = path.name.split("-")[:2]
    library = Library(name.replace("_", "-").lower(), version.partition("+")[0])
    wanted = ONLY.get(name.lower())
    with zipfile.ZipFile(path) as archive:
        for member in archive.namelist():
            inside = member.partition(".data/purelib/")[2] or member.partition(".data/platlib/")[2] or member
            if not inside.endswith(".py") or OTHER_PARTS.search(inside) or (wanted and not inside.startswith(wanted)):  # fmt: skip
                continue
            module = inside.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if all(part.isidentifier() for part in module.split(".")):
                try:
                    tree = ast.parse(archive.read(member))
                except (SyntaxError, ValueError):
                    continue
                read_module(library, module, tree, is_package=inside.endswith("/__init__.py"))
    return library


@dataclass(slots=True)
class _Called:
    """What a function calls of the libraries that are read, and what it does by itself."""

    reaches: bool = False
    calls_handed: bool = False
    nodes: list[_Node] = field(default_factory=list)


class Judge:
    """Says of the classes of one library what they reach; other libraries are looked up in their newest version."""

    def __init__(self, library: Library, others: dict[str, Library]) -> None:
        self.library = library
        self._others = others
        self._known: dict[bool, dict[_Node, bool]] = {False: {}, True: {}}
        self._calls: dict[_Node, _Called] = {}
        self._found: dict[tuple[str, str], tuple[str, _Key] | None] = {}
        self._lines: dict[_Key, list[_Key | str]] = {}
        self._roots = {module.partition(".")[0] for module, _ in library.kinds}

    def tables(self) -> dict[str, set[_Key]]:
        """Keys of the classes that are listed: `called`, `created`; and `harmful`, those that are not."""
        found: dict[str, set[_Key]] = {
            "called": set(self.library.tuples),
            "created": set(),
            "harmful": set(),
            "named": set(),
        }
        for key in self.library.kinds:
            if self._has_odd_base(key) or self._runs(key, _STATE) or self._is_odd_looked_at(key):
                found["harmful"].add(key)
            elif self._runs(key, _CONSTRUCTORS) or self._takes_file(key):
                found["created"].add(key)
            else:
                found["called"].add(key)
        if self.library.name in _FUNCTIONS:
            plain = {key for key in self.library.functions if not is_outside_reaching(key[1])}
            found["named"] = {key for key in plain if not self._reaches((None, key, ""), is_strict=None)}
        return found

    def _home(self, module: str) -> Library:
        root = module.partition(".")[0]
        return self.library if root in self._roots else self._others.get(root, self.library)

    def _kind(self, key: _Key) -> Kind | None:
        return self._home(key[0]).kinds.get(key)

    def _find(self, dotted: str, module: str, depth: int = 0) -> tuple[str, _Key] | None:
        """A function or class by its name as seen from a module; re-exports are followed."""
        asked = (dotted, module)
        if asked not in self._found:
            self._found[asked] = None  # for circles, until it is known
            self._found[asked] = self._search(dotted, module, depth)
        return self._found[asked]

    def _search(self, dotted: str, module: str, depth: int) -> tuple[str, _Key] | None:
        for home, name in ((module, dotted), *_splits(dotted)):
            library = self._home(home)
            if (home, name) in library.kinds:
                return "kind", (home, name)
            if (home, name) in library.functions:
                return "function", (home, name)
            outer, _, last = name.rpartition(".")
            if outer and (home, outer) in library.kinds and last in library.kinds[home, outer].methods:
                return "method", (home, name)
            first, _, rest = name.partition(".")
            again = library.imports.get(home, {}).get(first, "")
            if again and depth < _MAX_DEPTH and again != dotted:
                found = self._find(f"{again}.{rest}" if rest else again, home, depth + 1)
                if found:
                    return found
            for starred, source in library.imports.get(home, {}).items():
                if starred.startswith("*") and depth < _MAX_DEPTH and source != home:
                    found = self._find(name, source, depth + 1)
                    if found:
                        return found
        return None

    def _bases(self, key: _Key) -> list[_Key | str]:
        """Bases as keys where they are found, else as they are written."""
        kind = self._kind(key)
        found: list[_Key | str] = []
        for base in kind.bases if kind else ():
            known = self._find(base, key[0])
            found.append(known[1] if known and known[0] == "kind" and known[1] != key else base)
        return found

    def _line(self, key: _Key, depth: int = 0) -> list[_Key | str]:
        """A class and all that it inherits from."""
        if key not in self._lines:
            line: list[_Key | str] = [key]
            self._lines[key] = line
            for base in self._bases(key) if depth < _MAX_DEPTH else ():
                line.extend(self._line(base, depth + 1) if isinstance(base, tuple) else [base])
        return self._lines[key]

    def _has_odd_base(self, key: _Key) -> bool:
        for item in self._line(key):
            if isinstance(item, str):
                if item.rpartition(".")[2] in _BAD_BASES:
                    return True
            elif (kind := self._kind(item)) and kind.metaclass.rpartition(".")[2] not in _PLAIN_METACLASSES:  # fmt: skip
                return True
        return False

    def _runs(self, key: _Key, methods: tuple[str, ...]) -> bool:
        setters = {name for item in self._line(key) if isinstance(item, tuple) and (kind := self._kind(item)) for name in kind.setters}  # fmt: skip
        wanted = (*methods, *setters) if methods is _STATE else methods
        is_strict = methods is _CONSTRUCTORS
        return any(
            self._reaches(node, is_strict=is_strict) for name in wanted if (node := self._method(key, name))
        )

    def _takes_file(self, key: _Key) -> bool:
        """Whether a constructor is handed the name of a file."""
        nodes = [node for name in _CONSTRUCTORS if (node := self._method(key, name))]
        return any(self._home(place[0]).kinds[place].methods[name].takes_file for _, place, name in nodes)

    def _is_odd_looked_at(self, key: _Key) -> bool:
        """Whether what runs when an object is handed on reaches further by itself."""
        for item in self._line(key):
            kind = self._kind(item) if isinstance(item, tuple) else None
            methods = kind.methods if kind else {}
            for name in _LOOKED_AT:
                function = methods.get(name)
                if function and (
                    function.reaches or any(is_outside_reaching(last) for _, last in function.refers)
                ):
                    return True
        return False

    def _method(self, key: _Key, name: str, *, after: _Key | None = None) -> _Node | None:
        """The method that an object runs; `after` starts behind the class that calls `super()`."""
        line = [item for item in self._line(key) if isinstance(item, tuple)]
        if after in line:
            line = line[line.index(after) + 1 :]
        for item in line:
            kind = self._kind(item)
            if kind and name in kind.methods:
                return key, item, name
        return None

    def _reaches(self, start: _Node, *, is_strict: bool | None) -> bool:
        """Whether a function or anything that it calls reaches further.

        Calling what one was handed counts wherever it happens in a constructor, whose arguments a pickle chooses; of what
        runs of a finished object, in the method itself (False); of a function that nothing calls, nowhere (None).
        """
        known = self._known[bool(is_strict)]
        if is_strict is False and self._called(start).calls_handed:
            return True
        seen, todo = {start}, [start]
        while todo:
            node = todo.pop()
            if known.get(node) is False:
                continue
            called = self._called(node)
            if known.get(node) or called.reaches or (is_strict and called.calls_handed):
                known[node] = known[start] = True
                return True
            todo.extend(set(called.nodes) - seen)
            seen.update(called.nodes)
        known.update(dict.fromkeys(seen, False))
        return False

    def _called(self, node: _Node) -> _Called:
        """What a function calls, and what it does by itself."""
        if node not in self._calls:
            self._calls[node] = self._call(node)
        return self._calls[node]

    def _call(self, node: _Node) -> _Called:
        key, place, name = node
        if place in _REVIEWED:
            return _Called()
        home = self._home(place[0])
        function = home.functions[place] if name == "" else home.kinds[place].methods[name]
        found = _Called(function.reaches, function.calls_handed)
        for how, what in function.refers:
            self._resolve(found, how, what, (key, place))
        return found

    def _resolve(self, found: _Called, how: str, what: str, seen_from: tuple[_Key | None, _Key]) -> None:
        """Add what one reference of a function stands for."""
        key, place = seen_from
        if how in {"self", "super"}:
            node = self._method(key, what, after=place if how == "super" else None) if key else None
            if node:
                found.nodes.append(node)
                return
            outside = [item for item in self._line(key) if isinstance(item, str)] if key else ["?"]
            is_own = all(item.rpartition(".")[2] in _PLAIN_BASES for item in outside)
            found.calls_handed |= how == "self" and is_own
            found.reaches |= is_outside_reaching(what)
            return
        known = self._find(what, place[0])
        if known is None:
            found.reaches |= is_outside_reaching(what)
            return
        sort, at = known
        if sort == "function":
            found.nodes.append((None, at, ""))
        elif sort == "method":
            outer, _, last = at[1].rpartition(".")
            found.nodes.append((key or (at[0], outer), (at[0], outer), last))
        else:
            found.nodes.extend(
                node for name in (*_CONSTRUCTORS, "__new__") if (node := self._method(at, name))
            )


def _splits(dotted: str) -> list[tuple[str, str]]:
    parts = dotted.split(".")
    return [(".".join(parts[:at]), ".".join(parts[at:])) for at in range(len(parts) - 1, 0, -1)]


def strictest(judged: list[dict[str, set[_Key]]]) -> dict[str, set[_Key]]:
    """Tables of all versions in one: what reaches further in one of them is listed as such."""
    harmful = set().union(*(tables["harmful"] for tables in judged))
    created = set().union(*(tables["created"] for tables in judged)) - harmful
    called = set().union(*(tables["called"] for tables in judged)) - harmful - created
    named = set().union(*(tables["named"] for tables in judged))
    return {"called": called, "created": created, "named": named}


def _version(library: Library) -> tuple[int, ...]:
    return tuple(int(part) for part in re2.findall(r"\d+", library.version)[:4])


def _tables_of(work: tuple[Library, dict[str, Library]]) -> dict[str, set[_Key]]:
    return Judge(*work).tables()


def libraries(wheels: Path) -> tuple[dict[str, list[str]], dict[str, set[_Key]]]:
    """Versions of each library, and the tables of all."""
    with multiprocessing.Pool() as pool:
        read = pool.map(read_wheel, sorted(wheels.glob("*.whl")), chunksize=1)
    read.sort(key=lambda library: (library.name, _version(library)))
    newest = {module.partition(".")[0]: library for library in read for module in library.imports}
    versions: dict[str, list[str]] = defaultdict(list)
    judged = []
    for library in read:
        judged.append(_tables_of((library, newest)))
        versions[library.name].append(library.version)
        print(library.name, library.version, *(f"{len(keys)} {kind}" for kind, keys in judged[-1].items()), file=sys.stderr)  # fmt: skip
    return versions, strictest(judged)


def main(wheels: Path, target: Path) -> None:
    """Read every wheel of a folder, write the tables."""
    write(target, *libraries(wheels))


def write(target: Path, versions: dict[str, list[str]], tables: dict[str, set[_Key]]) -> None:
    """Write the tables, one module on a line."""
    parts = [_object("libraries", {name: sorted(found) for name, found in versions.items()})]
    for kind, keys in tables.items():
        by_module: dict[str, list[str]] = defaultdict(list)
        for module, name in sorted(keys):
            by_module[module].append(name)
        parts.append(_object(kind, by_module))
    target.write_text("{\n" + ",\n".join(parts) + "\n}\n", "utf-8")


def _object(name: str, rows: dict[str, list[str]]) -> str:
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(rows[key])}" for key in sorted(rows))
    return f" {json.dumps(name)}: {{\n{lines}\n }}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
