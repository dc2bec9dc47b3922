"""What the tests of interfaces share: screens of several kinds, requests, and a way through the gateway's parsing."""

import json

from keelmark.core.call import Call
from keelmark.core.exchange import Request
from keelmark.errors import ScreenedError
from keelmark.gateway.apis import routes
from keelmark.gateway.apis.bounds import AnswerBounds, ApiBounds
from keelmark.gateway.apis.interface import apply

BOUNDS = ApiBounds()
ANSWERS = AnswerBounds()


class PassText:
    def feed(self, text: str) -> str:
        return text

    def close(self) -> str:
        return ""


class HoldText:
    """Holds back the last characters, stops at a word, and takes another word out."""

    def __init__(self, width: int, stop: str, hide: str) -> None:
        self.width, self.stop, self.hide = width, stop, hide
        self.held = ""

    def feed(self, text: str) -> str:
        self.held = self._checked(self.held + text)
        if not self.width:
            out, self.held = self.held, ""
            return out
        out, self.held = self.held[: -self.width], self.held[-self.width :]
        return out

    def close(self) -> str:
        out, self.held = self.held, ""
        return out

    def _checked(self, text: str) -> str:
        if self.stop and self.stop in text:
            raise ScreenedError("secret")
        return text.replace(self.hide, "*" * 3) if self.hide else text


class Screens:
    def __init__(self, *, width: int = -1, stop: str = "", hide: str = "", bad_tool: str = "") -> None:
        self.width, self.stop, self.hide, self.bad_tool = width, stop, hide, bad_tool
        self.uses: list = []
        self.tools: list = []

    def text(self, kind, choice):
        return PassText() if self.width < 0 else HoldText(self.width, self.stop, self.hide)

    def tool(self, use):
        self.uses.append(use)
        if self.bad_tool and use.name == self.bad_tool:
            raise ScreenedError("tool-not-allowed")

    def offered(self, tool):
        self.tools.append(tool)
        if self.bad_tool and tool.name == self.bad_tool:
            raise ScreenedError("tool-changed")


JSON_HEADERS = {"host": "gateway", "content-type": "application/json"}


def post(path: str, body, **headers: str) -> Request:
    data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", path=path, headers={**JSON_HEADERS, **named}, body=data)


def parsed(path: str, body, bounds: ApiBounds = BOUNDS, **headers: str) -> Call:
    call = routes.parse(post(path, body, **headers), bounds)
    assert isinstance(call, Call), call
    return call


def refused(path: str, body, bounds: ApiBounds = BOUNDS, **headers: str) -> str:
    decision = routes.parse(post(path, body, **headers), bounds)
    assert not isinstance(decision, Call), decision
    return decision.reason


def interface(path: str, method: str = "POST"):
    found = routes.find(Request(method=method, path=path, headers=JSON_HEADERS))
    assert isinstance(found, routes.Matched), found
    return found.interface


def answered(path: str, call: Call, data: bytes, screens: Screens) -> bytes:
    answer = interface(path).answer(call, data, ANSWERS)
    apply(answer, screens)
    return answer.encode()


def streamed(path: str, call: Call, data: bytes, screens: Screens, *, size: int = 0) -> bytes:
    stream = interface(path).stream(call, screens, ANSWERS)
    size = size or len(data) or 1
    out = b"".join(stream.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + stream.close()


def events(*values, names: bool = False) -> bytes:
    out = []
    for value in values:
        head = f"event: {value['type']}\n" if names else ""
        out.append(f"{head}data: {value if isinstance(value, str) else json.dumps(value)}\n\n")
    return "".join(out).encode()
