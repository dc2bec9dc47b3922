"""What Python does that nobody honest writes: runs text that it fetched or decoded, hands a shell away, sends secrets off.

Where values come from is followed through names, from the first cell or line to the last: text out of the network or out
of an encoding that is run, secrets that are sent. Calls alone are no attack: programs start programs and open addresses.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from keelmark.formats.attack_lasting import is_harmful_start, planned
from keelmark.formats.attack_names import (
    CELL_RUNS,
    HIDING,
    HINTS,
    MAGICS,
    NATIVE,
    REACHES,
    RUNS,
    SENDS,
    SHELL_METHODS,
    SHELLS,
    SHOWS,
    UNPICKLES,
)
from keelmark.formats.attack_origins import HOST, Bounds, Origin, Origins
from keelmark.formats.attack_shell import attack_in_shell

__all__ = ["Attack", "Bounds", "PythonAttacks"]

_FETCHING = frozenset({"pandas.read_pickle", "pd.read_pickle"})
_WRITES = frozenset({"write", "writelines", "write_text", "write_bytes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One attack.

    Attributes:
        what: What would happen, as a phrase that follows a subject.
        subject: The callable or kind of attack it is about.
        code: The expression.
        line: Line in the text it was found in.
    """

    what: str
    subject: str
    code: str
    line: int = 0


@dataclass(slots=True)
class PythonAttacks(Origins):
    """Follows values through the texts it is given, in their order.

    Args:
        bounds: Bounds of all texts together.
        found: What was found.
        shown: What is shown to a viewer: `script` or `page`, the text, and the line.
    """

    found: list[Attack] = field(default_factory=list)
    shown: list[tuple[str, str, int]] = field(default_factory=list)
    _names_socket: bool = False

    @staticmethod
    def may_attack(text: str) -> bool:
        """Whether a text names anything that attacks need; without it nobody has to parse it."""
        return HINTS.search(text) is not None

    def follow(self, tree: ast.Module) -> None:
        """Look at one more text."""
        self._block(tree.body)

    def _block(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Import(names=names):
                for item in names:
                    first = item.name.partition(".")[0]
                    self._modules[item.asname or first] = item.name if item.asname else first
            case ast.ImportFrom(module=str(module), names=names, level=0):
                self._modules.update({item.asname or item.name: f"{module}.{item.name}" for item in names})
            case _:
                self._expressions(node)
        for part in ("body", "orelse", "finalbody"):
            inner = getattr(node, part, None)
            if isinstance(inner, list):
                self._block([item for item in inner if isinstance(item, ast.stmt)])
        for handler in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            self._block(handler.body)

    def _expressions(self, node: ast.stmt) -> None:
        """The calls that belong to the statement itself, then the names that it binds."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
                continue
            for inner in ast.walk(child):
                if isinstance(inner, ast.Call):
                    self._call(inner)
        self._names(node)

    def _names(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._bind(target, value)
            case (
                ast.AnnAssign(target=target, value=ast.expr() as value)
                | ast.AugAssign(target=target, value=value)
            ):
                self._bind(target, value, adds=isinstance(node, ast.AugAssign))
            case ast.For(target=target, iter=value):
                self._bind(target, value)
            case ast.With(items=items):
                for item in items:
                    if item.optional_vars is not None:
                        self._bind(item.optional_vars, item.context_expr)
            case ast.FunctionDef(name=name):
                returned = [
                    item.value for item in ast.walk(node) if isinstance(item, ast.Return) and item.value
                ]
                for value in returned:
                    self._origins[f"{name}()"] = self._origins.get(f"{name}()", Origin.NONE) | self._origin(
                        value
                    )

    def _call(self, node: ast.Call) -> None:
        if len(self.found) >= self.bounds.max_found:
            return
        dotted = self._dotted(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        if dotted in RUNS or (method in CELL_RUNS and "get_ipython" in ast.dump(node.func)):
            self._running(node, dotted or method)
        elif dotted in SHELLS or (method in SHELL_METHODS and "get_ipython" in ast.dump(node.func)):
            self._shell(node, dotted or method)
        elif dotted in SENDS or method in {"sendall", "send", "sendto"} or self._is_session(node.func):
            given = self._of_all(arguments, 0)
            if given & (Origin.SECRET | Origin.CLOUD) or (
                given & Origin.TOKEN and self._goes_elsewhere(node)
            ):
                self._add("sends secrets of the machine to an address", dotted or method, node)
        elif dotted in UNPICKLES:
            given = self._of_all(arguments, 0) | (
                self._of_address(node) if dotted in _FETCHING else Origin.NONE
            )
            if given & Origin.OPEN:
                self._add(
                    "unpickles what it fetches without encryption, which anybody on the way can replace",
                    dotted,
                    node,
                )
        elif method in _WRITES and self._origin(node.func.value) & Origin.LASTING:  # type: ignore[attr-defined]
            self._lasting(node, method)
        elif method in NATIVE:
            self._add("puts machine code into memory and runs it", method, node)
        self._hidden(node, dotted)
        self._given_away(node, dotted)
        self._displayed(node, dotted.rpartition(".")[2], method)

    def _goes_elsewhere(self, node: ast.Call) -> bool:
        """Whether the address is known and another than that of the hub whose token is sent."""
        named = [*node.args[:2], *(each.value for each in node.keywords if each.arg == "url")]
        hosts = [match.group(1) for each in named for match in HOST.finditer(self._text(each) or "")]
        return bool(hosts) and not all(host.endswith(("huggingface.co", "hf.co")) for host in hosts)

    def _lasting(self, node: ast.Call, method: str) -> None:
        """What is written into a file that runs, or lets somebody in, at the next start."""
        path = self._lasting_path
        for argument in node.args[:1]:
            text = self._text(argument) or ""
            command = planned(text) or text
            if is_harmful_start(path, text) or attack_in_shell(command):
                self._add(
                    "writes into a file that runs, or lets somebody in, at the next start", method, node
                )

    def _running(self, node: ast.Call, name: str) -> None:
        origin = self._origin(node.args[0]) if node.args else Origin.NONE
        if origin & Origin.FETCHED:
            self._add("runs text that it fetches", name, node)
        elif origin & Origin.DECODED:
            self._add("runs text that it hides in an encoding", name, node)

    def _shell(self, node: ast.Call, name: str) -> None:
        for keyword in node.keywords:
            if keyword.arg in {"stdin", "stdout"} and self._origin(keyword.value) & Origin.SOCKET:
                self._add("hands a shell to another machine", name, node)
                return
        if not node.args:
            return
        first = node.args[0]
        if self._origin(first) & Origin.DECODED:
            self._add("runs a command that it hides in an encoding", name, node)
        elif not isinstance(first, ast.JoinedStr | ast.BinOp) and self._origin(first) & (
            Origin.FETCHED | Origin.SOCKET
        ):
            self._add("runs commands that another machine sends", name, node)
        elif (text := self._command(first, node)) and (reason := attack_in_shell(text)):
            self._add(reason, name, node)

    def _command(self, first: ast.expr, node: ast.Call) -> str:
        """The command line as far as it stands in the text."""
        if isinstance(first, ast.List | ast.Tuple):
            words = [self._text(element) or "" for element in first.elts]
            return words[-1] if len(words) > 1 and words[-2] in {"-c", "/c", "-Command"} else " ".join(words)
        rest = [self._text(argument) or "" for argument in node.args[1:]]
        return " ".join([self._text(first) or "", *rest])

    def _hidden(self, node: ast.Call, dotted: str) -> None:
        """Calls whose target nobody can read off: modules imported in passing, names put together."""
        match node.func:
            case ast.Attribute(value=ast.Call() as inner) if (
                dotted in SHELLS and self._imported(inner) in HIDING
            ):
                self._add("imports a module in passing to run a command", dotted, node)
            case ast.Call(func=ast.Name(id="getattr"), args=[_, wanted, *_]) if not isinstance(
                wanted, ast.Constant
            ):
                if self._text(wanted) in REACHES or self._origin(wanted) & Origin.DECODED:
                    self._add("calls by a name that it puts together", self._text(wanted) or "getattr", node)
            case ast.Call(func=ast.Name(id="getattr"), args=[ast.Call() as inner, wanted, *_]) if (
                self._imported(inner) in HIDING
            ):
                if self._text(wanted) in REACHES:
                    self._add("imports a module in passing to run a command", self._text(wanted) or "", node)

    def _given_away(self, node: ast.Call, dotted: str) -> None:
        if dotted == "socket.socket":
            self._names_socket = True
        first = node.args[0] if node.args else None
        if (dotted == "os.dup2" and first is not None and self._origin(first) & Origin.SOCKET) or (
            dotted == "pty.spawn" and self._names_socket
        ):
            self._add("hands a shell to another machine", dotted, node)

    def _displayed(self, node: ast.Call, name: str, method: str) -> None:
        """What a call shows, or has another language run."""
        kind = SHOWS.get(name, "")
        texts = [self._text(argument) or "" for argument in node.args]
        if method in {"run_cell_magic", "run_line_magic"} and texts:
            kind = MAGICS.get(texts[0], "")
            if kind == "shell" and (reason := attack_in_shell("\n".join(texts[1:]))):
                self._add(reason, texts[0], node)
        if kind in {"script", "page"}:
            values = [*texts, *(self._text(keyword.value) or "" for keyword in node.keywords)]
            self.shown.extend((kind, text, node.lineno) for text in values if text)

    def _add(self, what: str, subject: str, node: ast.AST) -> None:
        try:
            code = " ".join(ast.unparse(node).split())[: self.bounds.max_code]
        except (RecursionError, ValueError):
            code = ""
        if any(each.subject == subject and each.what == what for each in self.found):
            return
        self.found.append(Attack(what=what, subject=subject, code=code, line=getattr(node, "lineno", 0)))
