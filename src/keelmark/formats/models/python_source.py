"""Python source inside of an artefact: what it reaches when it is imported or called. Parsed in bounds, never run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from keelmark.core.facts import Hazard, Technique
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.models.pickle import callables
from keelmark.formats.models.pickle.values import Global
from keelmark.formats.python.tokens import check_size

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "source_hazards"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one source."""

    max_bytes: int = 1024**2
    max_hazards: int = 20


# Ordinary programs of models open files, read the environment and load weights; that alone is no attack.
_USUAL = frozenset({
    "builtins.open", "io.open", "builtins.getattr", "builtins.setattr", "builtins.delattr", "builtins.vars",
    "builtins.globals", "builtins.locals", "builtins.map", "builtins.filter", "builtins.input", "functools.reduce",
    "operator.attrgetter", "operator.methodcaller", "torch.load", "torch.jit.load", "numpy.load", "numpy.save",
    "joblib.load", "pickle.load", "json.load", "itertools.starmap", "os.getcwd", "os.getenv", "os.listdir", "os.makedirs",
    "os.environ.get", "os.cpu_count", "os.getpid", "os.scandir", "os.walk", "os.stat", "os.fspath", "os.mkdir",
    "builtins.exit", "builtins.quit", "builtins.compile", "re.compile", "importlib.import_module",
    "importlib.metadata.version", "pickle.loads", "pickle.dump", "pickle.dumps", "sys.exit", "numpy.loadtxt",
})  # fmt: skip
_USUAL_MODULES = (
    "os.path", "platform", "sys", "glob", "tempfile", "shutil", "zipfile", "tarfile", "asyncio", "concurrent",
    "multiprocessing", "threading", "gc", "logging", "signal", "torch", "numpy", "pandas", "importlib.resources",
    "pkgutil", "importlib.util", "linecache", "mmap", "jinja2", "requests", "urllib.parse",
)  # fmt: skip


def source_hazards(content: memoryview, *, member: str, bounds: Bounds | None = None) -> tuple[Hazard, ...]:
    """What a program would do, or one note that it is there.

    Raises:
        ParseError: It is no Python that can be parsed.
        LimitExceededError: It is too long or too deep to be parsed in bounds.
    """
    limits = bounds or Bounds()
    if len(content) > limits.max_bytes:
        raise LimitExceededError(f"source `{member[:200]}` is longer than {limits.max_bytes} bytes")
    found = [
        Hazard(
            technique=Technique.DANGEROUS_SOURCE,
            detail=f"source that its loader imports calls `{name}`, which {reason}",
            subject=name,
            member=member,
            offset=offset,
            code=code[:300],
        )
        for name, reason, offset, code in _calls(_parsed(bytes(content), member))
    ]
    if found:
        unique = {hazard.subject: hazard for hazard in reversed(found)}
        return tuple(reversed(unique.values()))[: limits.max_hazards]
    return (
        Hazard(
            technique=Technique.EMBEDDED_SOURCE,
            detail="the artefact carries Python source that its loader imports",
            subject=member[:300],
            member=member,
        ),
    )


def _parsed(content: bytes, member: str) -> ast.Module:
    text = content.decode("utf-8", "replace")
    check_size(text, path=member[:200])
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ParseError(f"source `{member[:200]}` is no Python that can be parsed") from error


def _calls(tree: ast.Module) -> Iterator[tuple[str, str, int | None, str]]:
    names = _imported(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        dotted = _dotted(node.func, names)
        reason = _reason(dotted, node)
        if reason:
            yield dotted, reason, None, _shown(node)
    for node in _run_on_import(tree):
        if isinstance(node.func, ast.Name) and node.func.id == "open" and _writes(node):
            yield "builtins.open", "writes a file as soon as it is imported", None, _shown(node)


def _run_on_import(tree: ast.Module) -> Iterator[ast.Call]:
    """Calls that stand outside of every function."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting.extend(ast.iter_child_nodes(node))


def _writes(node: ast.Call) -> bool:
    given = [*node.args[1:2], *(keyword.value for keyword in node.keywords if keyword.arg == "mode")]
    return any(isinstance(mode, ast.Constant) and set(str(mode.value)) & set("wax+") for mode in given)


def _imported(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for item in node.names:
                names[item.asname or item.name.partition(".")[0]] = (
                    item.name if item.asname else item.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({item.asname or item.name: f"{node.module}.{item.name}" for item in node.names})
    return names


def _dotted(node: ast.expr, names: dict[str, str]) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Call):
        inner = _dotted(node.func, names)
        first = node.args[0] if node.args else None
        if inner in {"builtins.__import__", "importlib.import_module"} and isinstance(first, ast.Constant):
            return ".".join([str(first.value), *reversed(parts)])
        return ""
    if not isinstance(node, ast.Name):
        return ""
    base = names.get(node.id, node.id if parts else f"builtins.{node.id}")
    if node.id not in names and parts and node.id != "__builtins__":
        return ""
    return ".".join([base, *reversed(parts)])


def _reason(dotted: str, node: ast.Call) -> str:
    if not dotted or dotted in _USUAL or dotted.startswith(tuple(f"{name}." for name in _USUAL_MODULES)):
        return ""
    if dotted in {"builtins.eval", "builtins.exec", "builtins.__import__"} and _is_constant(node):
        return ""
    module, _, name = dotted.rpartition(".")
    verdict = callables.judge(Global(module, name)) if module else None
    return verdict.reason if verdict is not None and verdict.danger is callables.Danger.DANGEROUS else ""


def _is_constant(node: ast.Call) -> bool:
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and str(first.value).replace(".", "").isidentifier()


def _shown(node: ast.Call) -> str:
    try:
        return ast.unparse(node)[:300]
    except (ValueError, RecursionError):
        return ""
