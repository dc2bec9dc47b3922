"""What each function and class of a wheel calls, as far as its source says; nothing is imported.

Used by `list_library_classes.py`. A function is summed up in what it refers to (functions, classes and methods of the same
libraries, which are followed) and in whether it reaches further by itself: it calls what is known to open, load, download,
import, evaluate or start something, what it was handed, or what it looked up by a name.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field

import re2

__all__ = ["Kind", "Library", "read_module"]

# Called outside of the libraries that are read: a name with one of these words reaches further than the object.
_REACHES = re2.compile(
    r"(?i)(open|exec|eval|import|load|read|write|save|fetch|download|install|spawn|popen|process|thread|system|shell|"
    r"subprocess|socket|connect|request|urlopen|retrieve|compile|ctypes|dlopen|cdll|memmap|fromfile|mkdir|remove|unlink|"
    r"rmtree|rename|pickle|unserialize|deserialize|from_pretrained|hub|snapshot|launch|globals|locals|__import__|"
    r"breakpoint|formula|dmatri|matrices|sympi|parse|expr|query|lambdify|template|render|yaml|json|from_string|from_config|"
    r"resolve|instantiate|by_name|registry|chmod|kill|signal|fork|server|client|session|logger\.add|run\b|call\b|check_output|start\b|submit|"
    r"from_file|filehandler|videocapture|h5py|touch|listdir|scandir|glob\b)"
)
_FINE = frozenset({
    "load_state_dict", "_load_from_state_dict", "register_load_state_dict_pre_hook", "_register_load_state_dict_pre_hook",
    "register_load_state_dict_post_hook", "process_kwargs", "preprocess", "postprocess", "spread", "readonly", "isinstance",
    "already", "is_already", "recall", "threshold", "Threshold", "Spread", "download_mode", "_getattr", "callable",
    "remove_from", "get_input_embeddings", "reopen", "_log_api_usage_once", "add_module", "run_once", "OpenAIGPTConfig",
    "reset_parameters", "RunningMeanStd", "super", "processor_class", "workload", "reload", "payload", "register_buffer",
    "overload", "read_only", "compiled_with_cxx11_abi", "is_compiling", "remove", "process_group", "expression",
})  # fmt: skip
# Modules of which hardly anything is harmless, and what is.
_DENIED_ROOTS = frozenset({
    "os", "sys", "subprocess", "shutil", "socket", "ssl", "urllib", "requests", "httpx", "http", "ftplib", "smtplib",
    "importlib", "pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "ctypes", "cffi", "tempfile", "glob",
    "multiprocessing", "threading", "asyncio", "concurrent", "signal", "runpy", "code", "codeop", "pty", "zipfile",
    "tarfile", "sqlite3", "yaml", "pkgutil", "webbrowser", "inspect", "gc", "builtins", "fileinput", "io", "mmap", "dask",
    "ray", "numexpr", "sympy", "patsy", "formulaic", "jinja2", "huggingface_hub", "fsspec", "boto3", "wandb", "mlflow",
})  # fmt: skip
_ALLOWED = re2.compile(
    r"os\.(path\.(join|basename|dirname|splitext|sep|normpath|split|expanduser|abspath)|cpu_count|getpid|fspath|environ\.get|getenv)"
    r"|sys\.(intern|getsizeof|exc_info|getrecursionlimit)|inspect\.(signature|isclass|isfunction|ismethod|getfullargspec|"
    r"Parameter|Signature|iscoroutinefunction|getargspec|getmro|cleandoc|getdoc|currentframe|stack)|threading\.(local|Lock|RLock|Event|"
    r"get_ident|current_thread|Condition)|io\.(BytesIO|StringIO)|multiprocessing\.(cpu_count|Lock)|gc\.collect|"
    r"joblib\.(cpu_count|effective_n_jobs|hash)|ctypes\.c_\w+|builtins\.\w+|yaml\.YAMLError"
)
# A constructor that is handed one of these may open what it names.
_FILE_NAMES = re2.compile(
    r"(?i)(^|_)(path|paths|file|files|filename|fname|dir|directory|folder|root|url|uri|ckpt|checkpoint|weights_path)$"
)
_FILE = re2.compile(r"(?i)\.(pt|pth|bin|onnx|pkl|h5|yaml|yml|json|txt|zip|gz)$|^https?://")
_BAD_BUILTINS = frozenset({
    "eval", "exec", "compile", "open", "__import__", "input", "breakpoint", "globals", "locals", "exit", "quit", "map",
    "filter",
})  # fmt: skip
_BUILTINS = frozenset(dir(builtins))
_MADE_BY = frozenset({"namedtuple", "_make_tuple_bunch", "make_dataclass", "Enum", "IntEnum", "NamedTuple"})

Reference = tuple[str, str]
"""How something is referred to: `self`, `super` or `name`, and which."""


@dataclass(slots=True)
class Function:
    """What a function refers to, and what it does by itself: it reaches further, or calls what it was handed or looked up.

    `takes_file` says whether it is handed the name of a file.
    """

    reaches: bool = False
    calls_handed: bool = False
    takes_file: bool = False
    refers: set[Reference] = field(default_factory=set)


@dataclass(slots=True)
class Kind:
    """A class: its bases as they are written, resolved as far as its module says, and its methods."""

    bases: list[str]
    metaclass: str
    methods: dict[str, Function]
    setters: list[str]


@dataclass(slots=True)
class Library:
    """All modules of one wheel."""

    name: str
    version: str
    kinds: dict[tuple[str, str], Kind] = field(default_factory=dict)
    functions: dict[tuple[str, str], Function] = field(default_factory=dict)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    tuples: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Scope:
    """A module, and what its names stand for."""

    module: str
    is_package: bool
    imports: dict[str, str]

    def with_imports_of(self, node: ast.AST) -> dict[str, str]:
        """The names of the module, and those that a function imports by itself."""
        inner: list[ast.stmt] = [
            item for item in ast.walk(node) if isinstance(item, ast.Import | ast.ImportFrom)
        ]
        return self.imports | _imports(inner, self.module, is_package=self.is_package)


def read_module(library: Library, module: str, tree: ast.Module, *, is_package: bool) -> None:
    """Add a module to a library."""
    scope = _Scope(module, is_package, _imports(tree.body, module, is_package=is_package))
    library.imports[module] = scope.imports
    for node in _top(tree.body):
        if isinstance(node, ast.ClassDef):
            _read_class(library, scope, node, "")
        elif isinstance(node, ast.Assign):
            if _is_made(node):
                library.tuples.add((module, node.targets[0].id))  # type: ignore[attr-defined]
        else:
            library.functions[module, node.name] = _summary(node, scope, is_method=False)


def _read_class(library: Library, scope: _Scope, node: ast.ClassDef, outer: str) -> None:
    qualified = f"{outer}{node.name}"
    methods: dict[str, Function] = {}
    setters = []
    for item in _top(node.body):
        if isinstance(item, ast.ClassDef):
            _read_class(library, scope, item, f"{qualified}.")
        elif isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            name = item.name
            if any(isinstance(mark, ast.Attribute) and mark.attr == "setter" for mark in item.decorator_list):
                name = f"{name}.setter"
                setters.append(name)
            is_static = any(getattr(mark, "id", "") == "staticmethod" for mark in item.decorator_list)
            methods[name] = _summary(item, scope, is_method=not is_static or name == "__new__")
    metaclass = next((ast.unparse(word.value) for word in node.keywords if word.arg == "metaclass"), "")
    bases = [_target(ast.unparse(base).partition("[")[0], scope.imports) for base in node.bases]
    library.kinds[scope.module, qualified] = Kind(bases, metaclass, methods, setters)


def _top(body: list[ast.stmt]) -> list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign]:
    """What a module or class defines, also behind a condition or a guarded import."""
    found: list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign] = []
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Assign):
            found.append(node)
        elif isinstance(node, ast.If | ast.Try):
            found.extend(_top(node.body) + _top(node.orelse))
            for handler in getattr(node, "handlers", ()):
                found.extend(_top(handler.body))
    return found


def _is_made(node: ast.Assign) -> bool:
    """Whether a class is made by a function under the name that it is kept as."""
    value, kept = node.value, node.targets[0]
    return (
        isinstance(kept, ast.Name)
        and isinstance(value, ast.Call)
        and ast.unparse(value.func).rpartition(".")[2] in _MADE_BY
        and bool(value.args)
        and isinstance(value.args[0], ast.Constant)
        and value.args[0].value == kept.id
    )


def _imports(body: list[ast.stmt], module: str, *, is_package: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in body:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            parts = parts[: len(parts) - node.level + is_package] if node.level else []
            source = ".".join([*parts, node.module] if node.module else parts)
            for alias in node.names:
                if alias.name == "*":
                    found[f"*{source}"] = source
                else:
                    found[alias.asname or alias.name] = f"{source}.{alias.name}"
        elif isinstance(node, ast.If | ast.Try | ast.With):
            found |= _imports(node.body, module, is_package=is_package)
            found |= _imports(getattr(node, "orelse", []), module, is_package=is_package)
    return found


def _target(dotted: str, imports: dict[str, str]) -> str:
    root, _, rest = dotted.partition(".")
    if root not in imports:
        return dotted
    return f"{imports[root]}.{rest}" if rest else imports[root]


def _summary(node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope, *, is_method: bool) -> Function:
    found = Function(takes_file=_takes_file(node))
    given = [item.arg for item in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    given += [item.arg for item in (node.args.vararg, node.args.kwarg) if item]
    own = given[0] if is_method and given else ""
    known = scope.with_imports_of(node)
    running = _running(node)
    inner = {item.name for item in ast.walk(node) if isinstance(item, ast.FunctionDef | ast.ClassDef)}
    local = set(given) | {
        item.id for item in ast.walk(node) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
    }
    names = _Names(own=own, local=local - inner, inner=inner, known=known)
    for item in running:
        if isinstance(item, ast.Call) and not found.reaches:
            _note_call(found, item, names)
    return found


def _running(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.AST]:
    """What runs when a function is called: all in it but functions that it only makes; those it calls by name run too."""
    found: list[ast.AST] = []
    made: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}
    todo: list[ast.AST] = [*function.body]
    while todo:
        item = todo.pop()
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            made[item.name] = item
            todo.extend(item.decorator_list)
            continue
        if isinstance(item, ast.Lambda):
            continue
        found.append(item)
        todo.extend(ast.iter_child_nodes(item))
        if not todo:
            called = {
                each.func.id
                for each in found
                if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)
            }
            for name in called & made.keys():
                todo.extend(made.pop(name).body)
    return found


def _takes_file(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
    return (
        any(_FILE_NAMES.search(each.arg) for each in arguments)
        or any(each.annotation and "Path" in ast.unparse(each.annotation) for each in arguments)
        or any(isinstance(each, ast.Constant) and _FILE.search(str(each.value)) for each in defaults)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """What names stand for in a function: the object itself, what it was handed or made, and what it imports."""

    own: str
    local: set[str]
    inner: set[str]
    known: dict[str, str]


def _note_call(found: Function, call: ast.Call, names: _Names) -> None:
    function = call.func
    if isinstance(function, ast.Name):
        name = function.id
        if name == names.own or name in names.inner:
            return
        if name in names.local:
            found.calls_handed = True
        elif name in {"getattr", "setattr"}:
            found.calls_handed |= len(call.args) > 1 and not _is_own_lookup(call, names.own)
        elif name in names.known:
            _note_name(found, names.known[name])
        elif name in _BUILTINS:
            found.reaches = name in _BAD_BUILTINS
        else:
            found.refers.add(("name", name))
    elif isinstance(function, ast.Attribute):
        _note_attribute(found, function, names)
    elif not (isinstance(function, ast.Call) and ast.unparse(function.func) in {"type", "super"}):
        found.calls_handed = True  # calls what was looked up or made


def _note_attribute(found: Function, function: ast.Attribute, names: _Names) -> None:
    base = ast.unparse(function.value)
    root = base.partition(".")[0]
    if base == names.own or base in {f"{names.own}.__class__", f"type({names.own})"}:
        if function.attr != "__class__":
            found.refers.add(("self", function.attr))
    elif base.startswith("super("):
        found.refers.add(("super", function.attr))
    elif root.isidentifier() and root not in names.local and root in names.known:
        _note_name(found, _target(f"{base}.{function.attr}", names.known))
    elif (
        root.isidentifier()
        and root not in names.local
        and root != names.own
        and base.replace(".", "").isidentifier()
    ):
        found.refers.add(("name", f"{base}.{function.attr}"))
    elif is_outside_reaching(function.attr):
        found.reaches = True


def _note_name(found: Function, dotted: str) -> None:
    if dotted.partition(".")[0] in _DENIED_ROOTS:
        found.reaches = found.reaches or not _ALLOWED.fullmatch(dotted)
    else:
        found.refers.add(("name", dotted))


def is_outside_reaching(name: str) -> bool:
    """Whether something outside of the libraries that are read reaches further, by its last name."""
    last = name.rpartition(".")[2]
    return last not in _FINE and bool(_REACHES.search(last))


def _is_own_lookup(call: ast.Call, own: str) -> bool:
    """Whether an attribute has a constant name, or is one of the object itself."""
    return isinstance(call.args[1], ast.Constant) or ast.unparse(call.args[0]).partition(".")[0] in {
        own,
        "cls",
    }
