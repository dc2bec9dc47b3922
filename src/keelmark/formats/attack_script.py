"""What script in a page does that no plot or widget does: takes over the kernel, sends off what the session holds, hides itself.

Notebooks are full of script: plots, maps, tables and widgets bring whole libraries along. Script alone is therefore no
attack; told apart is what it reaches and where that goes.
"""

from __future__ import annotations

import ast
import base64
import binascii
import html
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import re2

from keelmark.errors import LimitExceededError
from keelmark.formats.attack_python import PythonAttacks

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Bounds", "attack_in_page", "attack_in_script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one page.

    Attributes:
        max_depth: Pages inside of pages.
        max_pieces: Scripts, handlers and frames of one page that are looked at.
        small: Letters up to which a script is judged as a whole; longer ones are libraries, in which what happens at one
            place has nothing to do with another.
        near: Letters between what belongs together in a long script.
    """

    max_depth: int = 3
    max_pieces: int = 200_000
    small: int = 6_000
    near: int = 300


_SCRIPT = re2.compile(r"(?is)<script\b([^>]*)>(.*?)(?:</script\b|\z)")
_TAG = re2.compile(r"(?is)<([a-z][a-z0-9:-]*)\b((?:[^>\"']|\"[^\"]*\"|'[^']*')*)>?")
_HANDLER = re2.compile(r"(?is)[\s/\"'](on[a-z]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")
_LINK = re2.compile(
    r"(?is)[\s/\"'](href|src|srcdoc|data|action|formaction|xlink:href|content|type|http-equiv)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))"
)
_ACTIVE = re2.compile(
    r"(?i)<script|\bon[a-z]{3,20}\s*=|javascript:|srcdoc|data:text/html|data:image/svg|http-equiv|type\s*=\s*[\"']?password|vbscript:"
    r"|=\s*[\"']?\s*(?:[jv]\s+|[a-z]{0,9}&)"
)
_NO_SCRIPT = re2.compile(
    r"(?i)\btype\s*=\s*[\"']?(?:application/(?:ld\+)?(?:json|vnd)|text/(?:template|plain|html|x-template)|math/tex)"
)
# Elements whose handlers start by themselves, and for which nobody needs more than to hide a broken picture.
_SELF_STARTING = frozenset({"img", "image", "svg", "video", "audio", "source", "body", "input", "details", "object", "embed",
                            "marquee", "style", "link", "animate", "set", "math", "isindex", "select", "textarea"})  # fmt: skip
_STARTERS = frozenset({"onerror", "onload", "onfocus", "ontoggle", "onstart", "onbegin", "onanimationstart", "onloadstart",
                       "onpageshow", "onanimationend", "ontransitionend", "oncanplay", "onloadeddata"})  # fmt: skip
_REACHING = re2.compile(
    r"\b(alert|confirm|prompt|eval|fetch|import|atob|Function|setTimeout|open)\s*\(|XMLHttpRequest|document\.(cookie|write|domain|location)"
    r"|(location|window\.name)\s*=|sendBeacon|\blocation\.(href|assign|replace)|createElement\s*\(\s*[\"'`]script"
)
_KERNEL_CALL = re2.compile(
    r"(?s)(?:\.kernel\.execute|\.requestExecute|\bkernel\.execute|executeCode|execute_code|insert_cell_at_index|\.set_text|kernelExecute)"
    r"\s*\(\s*(?:\{\s*[\"']?code[\"']?\s*:\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)"
)
_CODE_TEXT = re2.compile(r"(?s)(\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.)+'|`[^`]+`)")
_PYTHON_REACH = re2.compile(
    r"(?:^|[\s;!'\"])(?:os\.(?:system|popen|exec\w+)|subprocess\.|!\s*\w|exec\s*\(|eval\s*\(|__import__|pty\.spawn|socket\.socket"
    r"|shutil\.rmtree|urlopen|get_ipython\(\)\.system|from\s+os\s+import|import\s+subprocess|requests\.)"
)
_KERNEL = re2.compile(r"(?s)\bkernel\b.*\.execute\s*\(|requestExecute\b|execute_request|executeCode\b")
_ENCODED_CODE = re2.compile(r"(?:\beval|\bFunction|setTimeout|kernel\.execute)\s*\(\s*(?:window\.)?(?:atob|unescape|decodeURIComponent\s*\(\s*escape"
                            r"|String\.fromCharCode)\s*\(")  # fmt: skip
_TERMINAL = re2.compile(r"(?i)[\"'`/]api/terminals\b|/?terminals/websocket/")
_SERVER = re2.compile(r"(?i)[\"'`/]api/(?:contents|kernels|sessions)\b")
_WRITES = re2.compile(r"(?i)[\"'`](?:PUT|POST|PATCH|DELETE)[\"'`]|\bWebSocket\s*\(|\$\.post\s*\(")
_ADDRESS = (
    r"[\"'`](?:https?:|wss?:)?//(?:[^/\"'`\s@]*@)?(?:[\w-]+(?:\.[\w-]+)+|\[[0-9a-fA-F:]+\]|\$\{)[^\"'`]*"
)
_HELD = r"(?:document\.cookie|localStorage\s*(?:[.\[]\s*(?:getItem|[\"'])|\))|sessionStorage\s*(?:[.\[]|\))|_xsrf|getCookie\s*\(|JSON\.stringify\s*\(\s*(?:window\.)?(?:local|session)Storage)"
_HELD_ANY = re2.compile(_HELD)
_SENDS = (
    r"(?:\bfetch\s*\(\s*|sendBeacon\s*\(\s*|\.open\s*\(\s*[\"'`][A-Za-z]+[\"'`]\s*,\s*|\.src\s*=\s*|\blocation(?:\.href)?\s*=\s*"
    r"|location\.(?:assign|replace)\s*\(\s*|\bWebSocket\s*\(\s*|\$\.(?:get|post|ajax|getJSON)\s*\(\s*(?:\{[^}]{0,80}url\s*:\s*)?|axios\.\w+\s*\(\s*|window\.open\s*\(\s*|\.href\s*=\s*)"
)
_SENT_OFF = re2.compile(_SENDS + _ADDRESS)
_SENT_WITH = re2.compile(rf"(?s){_SENDS}{_ADDRESS}.{{0,300}}?{_HELD}")
_PAGE = re2.compile(
    r"document\.(?:body|documentElement)\.(?:innerHTML|innerText|outerHTML|textContent)|IPython\.notebook\.get_cells|onkeydown|onkeypress|[\"'`]key(?:down|press|up)[\"'`]"
)
_LOADS_SCRIPT = re2.compile(
    r"(?s)createElement\s*\(\s*[\"'`]script[\"'`].{0,400}?\.src\s*=\s*[\"'`]((?:https?:)?//[^\"'`]+)|getScript\s*\(\s*[\"'`]((?:https?:)?//[^\"'`]+)"
    r"|\bimport\s*\(\s*[\"'`]((?:https?:)?//[^\"'`]+)"
)
_BARE_HOST = re2.compile(
    r"(?i)^(?:https?:)?//(?:[^/@]*@)?(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]|0x[0-9a-f]+|[\w.-]*(?:\.oast\.\w+|burpcollaborator\.net|interact\.sh|ngrok(?:-free)?\.(?:io|app)|xss\.\w+|bxss\.me|webhook\.site|requestbin\.\w+|pipedream\.net))(?:[:/]|$)"
)
_LOCAL_HOST = re2.compile(r"(?i)^(?:https?:)?//(?:localhost|127\.|0\.0\.0\.0|\[::1\])")
_MINERS = re2.compile(r"(?i)coinhive|coin-hive|cryptoloot|coinimp|webminepool|deepminer|new\s+CryptoNoter")

_TAKES_KERNEL = "makes the kernel run code that reaches the system"
_SENDS_OFF = "sends what the session of its viewer holds to an address"


def attack_in_page(text: str, *, bounds: Bounds | None = None) -> tuple[str, str]:
    """What markup does when it is shown (a phrase, and the piece that does it); two empty texts when nothing was seen.

    Raises:
        LimitExceededError: More scripts and handlers than are looked at.
    """
    limits = bounds or Bounds()
    return _in_page(text, limits, limits.max_depth)


def _in_page(text: str, limits: Bounds, depth: int) -> tuple[str, str]:
    if depth < 0 or _ACTIVE.search(text) is None:
        return "", ""
    for number, (what, piece) in enumerate(_pieces(text, limits, depth)):
        if what:
            return what, " ".join(piece[:2_000].split())[:200]
        if number >= limits.max_pieces:
            raise LimitExceededError(f"a page has more than {limits.max_pieces} scripts and handlers")
    return "", ""


def _pieces(text: str, limits: Bounds, depth: int) -> Iterator[tuple[str, str]]:
    for match in _SCRIPT.finditer(text):
        attributes, code = match.group(1), match.group(2)
        source = next((value for name, value in _attributes(attributes) if name == "src"), "")
        if source and _BARE_HOST.search(source) and not _LOCAL_HOST.search(source):
            yield "loads script from a bare address", source
        if _NO_SCRIPT.search(attributes) is None:
            yield attack_in_script(code, bounds=limits), code
    markup = _SCRIPT.sub("<script>", text)
    has_password = _PASSWORD.search(markup) is not None
    for match in _TAG.finditer(markup):
        name, attributes = match.group(1).lower(), match.group(2)
        if "=" in attributes:
            yield from _in_element(name, attributes, limits, depth, has_password=has_password)


_PASSWORD = re2.compile(r"(?i)<input\b[^>]*type\s*=\s*[\"']?password")


def _in_element(
    name: str, attributes: str, limits: Bounds, depth: int, *, has_password: bool
) -> Iterator[tuple[str, str]]:
    for match in _HANDLER.finditer(f" {attributes}"):
        code = html.unescape(match.group(2) or match.group(3) or match.group(4) or "")
        if name in _SELF_STARTING and match.group(1).lower() in _STARTERS and _REACHING.search(code):
            yield "starts script as soon as it is shown", code
        yield attack_in_script(code, bounds=limits), code
    found = dict(_attributes(attributes))
    for key, value in found.items():
        plain = html.unescape(value).strip()
        # Browsers skip white space and control bytes inside of the scheme.
        scheme = "".join(letter for letter in plain[:60] if letter > " ").lower()
        if scheme.startswith(("javascript:", "vbscript:")):
            code = plain.partition(":")[2]
            if name in {"iframe", "embed", "object", "form", "svg", "use"} and _REACHING.search(code):
                yield "starts script as soon as it is shown", plain
            yield attack_in_script(code, bounds=limits), plain
        elif key == "srcdoc":
            yield _in_page(plain, limits, depth - 1)
        elif scheme.startswith(("data:text/html", "data:image/svg")):
            yield _in_page(_of_data(plain), limits, depth - 1)
    if name == "form" and has_password and found.get("action", "").startswith(("http:", "https:", "//")):
        yield "asks for a password and sends it to an address", found["action"]
    if (
        name == "meta"
        and found.get("http-equiv", "").lower() == "refresh"
        and "//" in found.get("content", "")
    ):
        yield "leads its viewer to another address", found["content"]


def _attributes(text: str) -> Iterator[tuple[str, str]]:
    for match in _LINK.finditer(f" {text}"):
        yield match.group(1).lower(), match.group(2) or match.group(3) or match.group(4) or ""


def _of_data(address: str) -> str:
    kind, _, content = address.partition(",")
    if ";base64" not in kind.lower():
        return html.unescape(
            content.replace("%3C", "<").replace("%3c", "<").replace("%3E", ">").replace("%3e", ">")
        )
    try:
        return base64.b64decode(content[: 4 * 1024**2], validate=False).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def attack_in_script(code: str, *, bounds: Bounds | None = None) -> str:
    """What a script does that no plot or widget does, as a phrase; "" when nothing was seen."""
    limits = bounds or Bounds()
    if len(code) < 6:
        return ""
    if _ENCODED_CODE.search(code):
        return "runs script that it hides in an encoding"
    if _takes_kernel(code, limits):
        return _TAKES_KERNEL
    if _MINERS.search(code):
        return "mines coins for somebody else"
    if _SENT_WITH.search(code):
        return _SENDS_OFF
    for match in _LOADS_SCRIPT.finditer(code):
        address = match.group(1) or match.group(2) or match.group(3)
        if _BARE_HOST.search(address) and not _LOCAL_HOST.search(address):
            return "loads script from a bare address"
    return _in_small_script(code) if len(code) <= limits.small else ""


def _in_small_script(code: str) -> str:
    if _TERMINAL.search(code):
        return "opens a terminal on the machine of the notebook"
    if _SERVER.search(code) and _WRITES.search(code):
        return "changes files or runs code through the notebook server"
    if _SENT_OFF.search(code) or _held_address(code):
        if _HELD_ANY.search(code):
            return _SENDS_OFF
        if _PAGE.search(code) or _SERVER.search(code):
            return "sends off what its viewer types or sees"
    return ""


_NAMED_ADDRESS = re2.compile(r"(?:=|:)\s*" + _ADDRESS)
_SENDING = re2.compile(_SENDS)


def _held_address(code: str) -> bool:
    """Whether an address that is kept under a name is called, one line apart."""
    return _NAMED_ADDRESS.search(code) is not None and _SENDING.search(code) is not None


def _takes_kernel(code: str, limits: Bounds) -> bool:
    for match in _KERNEL_CALL.finditer(code):
        if _reaches_system(match.group(1)):
            return True
    if len(code) > limits.small or _KERNEL.search(code) is None:
        return False
    return any(_reaches_system(match.group(1)) for match in _CODE_TEXT.finditer(code))


def _reaches_system(literal: str) -> bool:
    """Whether the Python in a literal of a script starts programs or opens connections."""
    text = literal[1:-1].replace("\\n", "\n").replace("\\'", "'").replace('\\"', '"')
    if _PYTHON_REACH.search(f" {text}") is None:
        return False
    attacks = PythonAttacks()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        # Not alone: pieces are put together, or a line for the shell.
        return True
    attacks.follow(tree)
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return bool(attacks.found) or any(
        name.startswith(
            (
                "os.system",
                "os.popen",
                "os.exec",
                "subprocess.",
                "pty.",
                "shutil.rmtree",
                "exec",
                "eval",
                "__import__",
            )
        )
        for name in called
    )
