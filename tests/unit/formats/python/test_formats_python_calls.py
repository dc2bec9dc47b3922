"""Imports, names and calls."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.errors import LimitExceededError, ParseError
from keelmark.formats.python.bounds import Bounds
from keelmark.formats.python.reader import READER, PythonReader
from keelmark.formats.source import Source


def names(module) -> list[str]:
    return [call.name for call in module.calls]


def test_imports_are_seen_wherever_they_stand(read) -> None:
    module = read(
        """
        import a.b as c
        from .x import y
        from .. import z
        def f():
            import late
        try:
            import fast
        except ImportError:
            from slow import *
        """
    )
    assert {entry.name for entry in module.imports} == {"a.b", ".x.y", "..z", "late", "fast", "slow.*"}


RESOLVED = {
    "import": ("import torch\ntorch.load('m')", "torch.load"),
    "alias": ("import numpy as np\nnp.load('m')", "numpy.load"),
    "from-import": ("from torch import load as l\nl('m')", "torch.load"),
    "assigned-function": ("import torch\nf = torch.load\nf('m')", "torch.load"),
    "instance": (
        "from fastapi import FastAPI\napp = FastAPI()\napp.add_middleware(X)",
        "fastapi.FastAPI.add_middleware",
    ),
    "with": ("import httpx\nwith httpx.Client() as c:\n    c.get('u')", "httpx.Client.get"),
    "self": (
        "import openai\nclass A:\n    def go(self):\n        self.c.chat()\n    def __init__(self):\n        self.c = openai.OpenAI()",
        "openai.OpenAI.chat",
    ),
    "annotated-parameter": (
        "from sqlalchemy.orm import Session\ndef f(db: Session):\n    db.execute('q')",
        "sqlalchemy.orm.Session.execute",
    ),
    "optional-parameter": (
        "from typing import Optional\nfrom x import Y\ndef f(y: Optional[Y] = None):\n    y.go()",
        "x.Y.go",
    ),
    "union-parameter": ("from x import Y\ndef f(y: Y | None):\n    y.go()", "x.Y.go"),
    "classmethod": (
        "from transformers import AutoModel\nm = AutoModel.from_pretrained('a/b')\nm.generate()",
        "transformers.AutoModel.generate",
    ),
    "factory-of-the-module": (
        "import openai\ndef make():\n    return openai.OpenAI()\nc = make()\nc.chat()",
        "openai.OpenAI.chat",
    ),
    "declared-factory": ("from x import Y\ndef make() -> Y:\n    ...\nmake().go()", "x.Y.go"),
    "builtin": ("eval('1')", "builtins.eval"),
    "unknown-receiver": ("def f(db):\n    db.execute('q')", "*.execute"),
    "path-chain": (
        "from pathlib import Path\n(Path('a') / 'b').resolve().read_text()",
        "pathlib.Path.read_text",
    ),
    "defined-below": ("def f():\n    return g.load('m')\nimport torch as g", "torch.load"),
    "inherited": ("from x import Base\nclass A(Base):\n    def f(self):\n        self.go()", "x.Base.go"),
    "relative": ("from .a import b\nb.c()", ".a.b.c"),
    "partial": (
        "import functools, torch\nf = functools.partial(torch.load, weights_only=True)\nf('m')",
        "torch.load",
    ),
    "async-with": (
        "import httpx\nasync def f():\n    async with httpx.AsyncClient() as c:\n        await c.get('u')",
        "httpx.AsyncClient.get",
    ),
}


@pytest.mark.parametrize(("code", "name"), RESOLVED.values(), ids=RESOLVED.keys())
def test_names_are_resolved(read, code: str, name: str) -> None:
    assert name in names(read(code))


SILENT = {
    "own-function": "def eval(x):\n    return x\neval('1')",
    "unwatched-method-of-unknown": "def f(a):\n    a.frobnicate()",
    "shadowed-by-parameter": "import torch\ndef f(torch):\n    torch.frobnicate()",
    "own-class": "class A:\n    def go(self): ...\nA().go()",
    "harmless-builtin": "print(len('a'))",
}


@pytest.mark.parametrize("code", SILENT.values(), ids=SILENT.keys())
def test_calls_of_no_interest_are_left_out(read, code: str) -> None:
    assert read(code).calls == ()


def test_arguments_are_told_as_they_are(read) -> None:
    (call,) = read(
        """
        import m
        NAME = "a" + "b"
        m.f(NAME, f"{NAME}c", -1, m.x, [1, "z"], *rest, key={"k": 1}, flag=True, **more)
        """
    ).calls
    first, second, third, fourth, fifth, rest, key, flag, more = call.arguments
    assert (first.literal, first.is_literal, first.position) == ("ab", True, 0)
    assert second.literal == "abc"
    assert third.literal == -1
    assert (fourth.reference, fourth.is_literal) == ("m.x", False)
    assert fifth.items == ("1", "z")
    assert rest.name == "*"
    assert (key.name, key.items) == ("key", ("k",))
    assert flag.literal is True
    assert more.name == "**"
    assert call.has_unpacked


def test_a_name_assigned_twice_is_no_constant(read) -> None:
    module = read("import m\nA = 'x'\nA = 'y'\nm.f(A)")
    assert not module.calls[0].arguments[0].is_literal


def test_a_call_knows_its_place(read) -> None:
    module = read(
        """
        import m
        class A:
            def f(self):
                with m.lock():
                    if m.ready:
                        x  =  m.go(
                            1)
        """
    )
    call = next(call for call in module.calls if call.name == "m.go")
    assert call.scope == "A.f"
    assert call.target == "x"
    assert call.guards == ("m.lock()", "m.ready")
    assert call.anchor == "x = m.go("
    assert (call.line, call.column) == (7, 23)


def test_decorators_are_marked(read) -> None:
    assert read("import m\n@m.d(1)\ndef f(): ...").calls[0].is_decorator


def test_markers_are_comments_only(read) -> None:
    assert read("x = 1  # TODO: later\ny = '# TODO no'\n# FIXME now\n").markers == (1, 3)


MALFORMED = {
    "python-2": b"print 'hello'\n",
    "breaks-off": b"def f(:\n",
    "bad-indent": b"if a:\nb\n",
    "long-number": b"x = " + b"9" * 10_000,
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_code_that_is_no_python_is_a_gap_that_matters(data: bytes) -> None:
    with Source.of_bytes(data, path="a.py") as source:
        (reading,) = READER.read(source)
    (gap,) = reading.gaps
    assert gap.reason is GapReason.MALFORMED
    assert gap.matters
    assert reading.module is None


def test_the_line_of_a_syntax_error_is_named() -> None:
    with Source.of_bytes(b"x = 1\nprint 'a'\n", path="a.py") as source:
        assert READER.read(source)[0].gaps[0].line == 2


@pytest.mark.parametrize(
    "data",
    [
        b"(" * 5000,
        b"x = " + b"[" * 150 + b"]" * 150,
        b"-" * 3000 + b"1",
        b"a" + b".b" * 3000,
        b"x = " + b"1+" * 5000 + b"1",
    ],
)
def test_deep_nesting_is_a_gap_and_no_crash(data: bytes) -> None:
    with Source.of_bytes(data, path="a.py") as source:
        (reading,) = READER.read(source)
    assert reading.gaps or reading.module


def test_too_long_source_is_a_gap() -> None:
    with Source.of_bytes(b"x = 1\n" * 100, path="a.py") as source:
        (reading,) = PythonReader(Bounds(max_characters=100)).read(source)
    assert reading.gaps[0].reason is GapReason.TOO_LARGE


def test_too_many_nodes_are_a_gap() -> None:
    with Source.of_bytes(b"f(x)\n" * 100, path="a.py") as source:
        (reading,) = PythonReader(Bounds(max_nodes=50)).read(source)
    assert reading.gaps[0].reason is GapReason.TOO_LARGE


def test_too_many_evaluations_are_a_gap_and_the_rest_is_kept() -> None:
    code = b"import os\nfrom openai import OpenAI\nos.system(input())\n" * 30
    with Source.of_bytes(code, path="a.py") as source:
        (reading,) = PythonReader(Bounds(max_evaluations=10)).read(source)
    assert reading.gaps[0].reason is GapReason.TOO_LARGE
    assert reading.module is not None
    assert reading.module.calls


def test_half_characters_in_literals_become_question_marks(read) -> None:
    module = read(r"""
    import m
    PROMPT = 'You are a helper \ud800 of many.'
    m.f('\U0000DFFF', d={'\udc00': 1})
    def f():
        'Doc \ud800'
    """)
    assert module.prompts[0].text == "You are a helper ? of many."
    assert module.calls[0].arguments[0].literal == "?"


def test_invalid_escapes_do_not_warn(read) -> None:
    assert read("x = '\\d'\n").lines == 1


def test_a_script_without_suffix_is_recognised_by_its_first_line() -> None:
    for data, expected in ((b"#!/usr/bin/env python3\n", True), (b"#!/bin/sh\n", False), (b"x", False)):
        with Source.of_bytes(data, path="run") as source:
            assert READER.recognises(source) is expected


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_never_crash(data: bytes) -> None:
    # The engine turns these two errors into gaps.
    suppressed = contextlib.suppress(ParseError, LimitExceededError)
    with Source.of_bytes(data, path="a.py") as source, suppressed:
        READER.read(source)


_PIECES = st.sampled_from(
    [
        "import os\n",
        "x = input()\n",
        "os.system(x)\n",
        "def f(a, *b, c=1, **d):\n    return a\n",
        "f(x)\n",
        "class A(f): y: int = 1\n",
        "@f\ndef g(): yield x\n",
        "x = [i for i in x if i in x]\n",
        "match x:\n    case {'a': b, **c}: f(b)\n",
        "lambda q: eval(q)\n",
        "for x, *y in x: x.a[0] = y\n",
        "with open(x) as (a, b): del a\n",
        "try:\n    f(x)\nexcept* E as e: raise\n",
        "x: int\n",
        "async def h(self): await x; self.y = x\n",
        "x = y = (z := x) if x else {**x, 'role': 'system', 'content': x}\n",
        "f(*x, **x)\n",
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(_PIECES, max_size=12))
def test_any_program_is_read(pieces: list[str]) -> None:
    with Source.of_bytes("".join(pieces).encode(), path="a.py") as source:
        (reading,) = READER.read(source)
    assert reading.module is not None


def test_calling_what_a_loader_gave_is_no_second_load(read) -> None:
    found = read(
        """
        import torch

        model = torch.hub.load("ultralytics/yolov5", "yolov5s")
        results = model("https://example.org/image.jpg")
        """
    )
    assert [call.name for call in found.calls] == ["torch.hub.load", "torch.hub.load.__call__"]
    assert [model.name for model in found.models] == ["ultralytics/yolov5"]


def test_function_with_thousands_of_variables_ends_in_its_bound() -> None:
    # Each use of a variable looks through all of them; evaluations alone (8,000 here) would not count that work.
    lines = "".join(f"    x{number + 1} = x{number} + x0\n" for number in range(2000))
    code = f"import os\nfrom flask import request\ndef act():\n    x0 = request.args['q']\n{lines}    os.system(x0)\n".encode()
    with Source.of_bytes(code, path="app.py") as source:
        (reading,) = PythonReader(Bounds(max_evaluations=20_000)).read(source)
    assert any("too many expressions" in gap.detail and gap.matters for gap in reading.gaps)
