"""What authenticates a caller: judged by name, and by content where the module shows it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import re2

from keelmark.formats.python.names import LOCAL

if TYPE_CHECKING:
    from keelmark.formats.python.index import Index
    from keelmark.formats.python.names import Class, Function, Scope

__all__ = ["Authentication", "is_limit_name", "last_part"]

_NAME = re2.compile(
    r"(?i)(auth|login|logged_?in|current_(active_)?user|active_user|api_?key|token|jwt|bearer|credential|permission"
    r"|verif|validate_request|require[sd]?_(user|role|scope|admin|session|operator|staff|owner|member|editor|moderator|caller|client|customer|tenant)|(operator|staff|admin)s?_only|roles?_(required|accepted)|check_(access|password"
    r"|user|signature|secret|key)|access_control|rbac|hmac|superuser|is_admin|admin_required|principal|get_user\b|identity)"
)
_OTHER = re2.compile(
    r"(?i)(tokeni[sz]|tokens\b|token_(count|limit|usage|text)|count_token|authors?\b|authors?_|login_page|verify_ssl|keyword|num_token)"
)
_SECURITY_CLASSES = re2.compile(
    r"(^|\.)(OAuth2\w*|HTTPBearer|HTTPBasic|HTTPDigest|APIKey(Header|Query|Cookie)|OpenIdConnect|SecurityScopes)$"
)
# Words in the body of a function that looks at credentials and refuses.
_LOOKS = re2.compile(
    r"(?i)(authorization|api[_-]?key|bearer|compare_digest|jwt\.decode|check_password|verify_|decode_token|x-token"
    r"|access_token|auth_token|session\[|session\.get|is_authenticated|credentials|current_user|secret)"
)
_REFUSES = re2.compile(
    r"(?i)(\b(401|403)\b|unauthori[sz]ed|forbidden|not authenticated|permission ?denied|invalid (token|credentials|api key)"
    r"|redirect\(|\babort\()"
)
_OPEN_PERMISSIONS = re2.compile(r"\b(AllowAny|IsAuthenticatedOrReadOnly)\b")
_LIMIT = re2.compile(r"(?i)(limiter\.(shared_)?limit|rate_?limit|throttle|slowapi|RateLimiter)")


def last_part(name: str) -> str:
    """Last part of a dotted name."""
    return name.rpartition(".")[2]


def is_limit_name(text: str) -> bool:
    """Whether a name speaks of a limit on rate or size."""
    return _LIMIT.search(text) is not None


class Authentication:
    """Answers for one module whether something authenticates."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._known: dict[Function, bool] = {}

    def is_name(self, name: str) -> bool:
        """Whether a name reads like authentication."""
        return _NAME.search(name) is not None and _OTHER.search(name) is None

    def by_expression(self, node: ast.expr | None, scope: Scope) -> bool:
        """Whether a dependency, decorator or class authenticates."""
        if node is None:
            return False
        target = node.func if isinstance(node, ast.Call) else node
        name = self._index.resolve(target, scope)
        function = self._index.names.function_of(name)
        if function is not None:
            return self.by_function(function)
        holder = self._index.names.class_of(name)
        if holder is not None:
            return self.by_class(holder)
        if _SECURITY_CLASSES.search(name.removeprefix(LOCAL)):
            return True
        return self.is_name(last_part(name) or self._index.text.segment(target))

    def by_dependency(self, node: ast.expr | None, scope: Scope) -> bool:
        """Whether `Depends(...)` or `Security(...)` authenticates; other expressions do not."""
        if not isinstance(node, ast.Call):
            return False
        name = last_part(self._index.callee.get(node, ""))
        if name == "Security":
            return True
        if name != "Depends":
            return False
        inner = node.args[0] if node.args else next((item.value for item in node.keywords), None)
        return self.by_expression(inner, scope)

    def by_function(self, function: Function) -> bool:
        """Whether a function of the module authenticates."""
        if function not in self._known:
            self._known[function] = False  # a function that calls itself proves nothing
            self._known[function] = self._judge(function)
        return self._known[function]

    def by_class(self, holder: Class) -> bool:
        """Whether a middleware or permission class of the module authenticates."""
        for name in ("dispatch", "__call__", "process_request", "has_permission", "authenticate"):
            method = holder.methods.get(name)
            if method is not None and self._content(method):
                return True
        return any(self.is_name(last_part(base)) for base in holder.bases)

    def by_permissions(self, holder: Class) -> str:
        """Source of the permission classes of a Django view, or of the mixin that asks for a login; "" when none."""
        for name in ("permission_classes", "authentication_classes"):
            value = holder.values.get(name)
            text = self._index.text.segment(value)
            if isinstance(value, ast.List | ast.Tuple) and value.elts and not _OPEN_PERMISSIONS.search(text):
                return f"{name} = {text}"
        mixin = next((base for base in holder.bases if self.is_name(last_part(base))), "")
        return last_part(mixin)

    def in_body(self, function: Function) -> str:
        """Source of the check inside a handler, or ""."""
        for site in function.sites:
            called = self._index.names.function_of(site.name)
            name = last_part(site.name) or _method(site.node)
            if called is not None and called is not function:
                if self.is_name(name) and self.by_function(called):
                    return self._index.text.segment(site.node, limit=120)
            elif site.name.startswith(".") and self.is_name(name):
                return self._index.text.segment(site.node, limit=120)
        if self._content(function):
            return "credentials are checked in the handler"
        return ""

    def _judge(self, function: Function) -> bool:
        if self._content(function):
            return True
        scope = function.scope.parent or function.scope
        for argument, default in function.parameters:
            if any(self.by_dependency(node, scope) for node in dependencies(argument, default)):
                return True
        inner = any(
            self.is_name(last_part(site.name) or _method(site.node)) and not site.name.startswith("fastapi.")
            for site in function.sites
        )
        has_exit = any(isinstance(node, ast.Raise | ast.Return) for node in ast.walk(function.node))
        return self.is_name(function.name) and has_exit and inner

    def _content(self, function: Function) -> bool:
        if isinstance(function.node, ast.Lambda):
            return False
        last = function.node.end_lineno or function.line
        lines = self._index.text.lines[function.line - 1 : min(last, function.line + 200)]
        text = "\n".join(line.split(" #", 1)[0] for line in lines if not line.lstrip().startswith("#"))
        return _LOOKS.search(text) is not None and _REFUSES.search(text) is not None


def dependencies(argument: ast.arg, default: ast.expr | None) -> list[ast.expr]:
    """Expressions that may inject a parameter: its default and the metadata of `Annotated`."""
    found = [default] if default is not None else []
    if isinstance(argument.annotation, ast.Subscript) and isinstance(argument.annotation.slice, ast.Tuple):
        found.extend(argument.annotation.slice.elts[1:])
    return found


def _method(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""
