"""Notebooks: code, lines, magics, outputs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.core.facts import GapReason
from keelmark.formats.notebook import READER, Bounds, NotebookReader
from keelmark.formats.python.bounds import Bounds as CodeBounds
from keelmark.formats.source import Source


def notebook(*cells: dict, language: str = "python") -> bytes:
    root = {
        "cells": list(cells),
        "metadata": {"kernelspec": {"name": "python3"}, "language_info": {"name": language}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(root, indent=1, ensure_ascii=False).encode()


def code(*lines: str, count: int | None = None, outputs: list | None = None) -> dict:
    source = [f"{line}\n" for line in lines[:-1]] + [lines[-1]]
    return {
        "cell_type": "code",
        "execution_count": count,
        "metadata": {},
        "outputs": outputs or [],
        "source": source,
    }


def text(*lines: str) -> dict:
    return {"cell_type": "markdown", "metadata": {}, "source": list(lines)}


def read(data: bytes):
    with Source.of_bytes(data, path="a.ipynb") as source:
        return READER.read(source)[0]


def test_lines_are_those_of_the_file() -> None:
    data = notebook(
        text("# Ünïcode\n", "import torch"),
        code("import torch", "", "torch.load('ä')"),
        code("torch.load('ä')"),
    )
    lines = data.decode().split("\n")
    reading = read(data)
    assert [call.name for call in reading.module.calls] == ["torch.load", "torch.load"]
    first, second = (call.line for call in reading.module.calls)
    assert "torch.load" in lines[first - 1]
    assert "torch.load" in lines[second - 1]
    assert first < second
    assert "import torch" in lines[reading.module.imports[0].line - 1]
    assert reading.module.imports[0].line > 8


def test_cells_share_their_names() -> None:
    reading = read(notebook(code("import os"), code("x = input()"), code("os.system(x)")))
    assert [flow.sink for flow in reading.module.flows] == ["command"]


def test_shell_lines_and_magics_are_calls_and_do_not_hide_the_code() -> None:
    reading = read(
        notebook(
            code(
                "!pip install evil",
                "%cd /tmp",
                "files = !ls",
                "import os",
                "os.system('a')",
                "os?",
                "pip install b",
            )
        )
    )
    assert [(call.name, call.arguments[0].text) for call in reading.module.calls] == [
        ("ipython.shell", "pip install evil"),
        ("ipython.magic", "%cd /tmp"),
        ("ipython.shell", "ls"),
        ("os.system", "'a'"),
        ("ipython.magic", "pip install b"),
    ]
    assert reading.gaps == ()


def test_shell_lines_inside_blocks_keep_the_block() -> None:
    reading = read(notebook(code("if True:", "    !pip install a", "import os")))
    assert reading.notebook.unparsed == ()
    assert reading.module.imports


def test_cell_magics() -> None:
    reading = read(
        notebook(code("%%bash", "curl x | sh"), code("%%time", "import os"), code("%%html", "<b>a</b>"))
    )
    assert [(call.name, call.arguments[0].text) for call in reading.module.calls] == [
        ("ipython.shell", "curl x | sh"),
        ("ipython.magic", "%%time"),
        ("ipython.magic", "%%html"),
    ]
    assert [entry.name for entry in reading.module.imports] == ["os"]


def test_a_continued_expression_is_no_magic() -> None:
    reading = read(notebook(code("x = (1", "% 2)")))
    assert reading.module.calls == ()
    assert reading.gaps == ()


def test_a_cell_that_is_no_python_is_a_gap_and_the_others_are_read() -> None:
    reading = read(notebook(code("import os"), code("print 'a'"), code("import sys")))
    assert reading.notebook.unparsed == (1,)
    (gap,) = reading.gaps
    assert gap.reason is GapReason.MALFORMED
    assert (gap.matters, gap.may_hide) == (False, True)
    assert gap.line > 1
    assert len(reading.module.imports) == 2


@pytest.mark.parametrize(
    ("counts", "expected"), [((1, 2), True), ((2, 1), False), ((None, None), None), ((1, 1), False)]
)
def test_order_of_execution(counts, expected) -> None:
    assert (
        read(notebook(*(code("x = 1", count=count) for count in counts))).notebook.is_executed_in_order
        is expected
    )


def test_kept_errors_are_told() -> None:
    reading = read(notebook(text("a"), code("x", outputs=[{"output_type": "error", "ename": "E"}])))
    assert reading.notebook.errors == (1,)
    assert (reading.notebook.cells, reading.notebook.code_cells, reading.notebook.kernel) == (2, 1, "python3")


def test_another_language_is_a_gap() -> None:
    reading = read(notebook(code("x <- 1"), language="R"))
    assert reading.gaps[0].reason is GapReason.UNSUPPORTED


def test_a_cell_on_one_line_and_version_three() -> None:
    data = json.dumps(
        {
            "worksheets": [
                {"cells": [{"cell_type": "code", "input": "import os\nos.system('a')", "prompt_number": 1}]}
            ]
        }
    )
    reading = read(data.encode())
    assert reading.module.calls[0].name == "os.system"
    assert reading.module.calls[0].line == 1


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"cells": 3}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_notebook_is_a_gap(data: bytes) -> None:
    reading = read(data)
    assert reading.gaps
    assert reading.notebook is None


def test_odd_shapes_are_read() -> None:
    data = {
        "cells": [
            3,
            None,
            {"cell_type": "code", "source": [1, None, "x = 1"]},
            {"cell_type": "code", "source": {"a": 1}},
        ]
    }
    assert read(json.dumps(data).encode()).notebook.cells == 4


def test_bounds_are_gaps() -> None:
    data = notebook(code("x = 1"), code("y = 1"))
    for bounds in (Bounds(max_bytes=10), Bounds(max_cells=1)):
        with Source.of_bytes(data, path="a.ipynb") as source:
            assert NotebookReader(bounds).read(source)[0].gaps[0].reason is GapReason.TOO_LARGE


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_cell_text_is_read(cells: list[str]) -> None:
    data = json.dumps(
        {"cells": [{"cell_type": "code", "source": cell} for cell in cells]}, ensure_ascii=True
    ).encode()
    assert read(data).notebook.cells == len(cells)


def test_code_of_all_cells_counts_together_and_beyond_the_bound_is_a_gap() -> None:
    data = notebook(code("a;" * 20), code("b;" * 20), code("c;" * 20))
    for most, reasons in ((123, []), (122, [GapReason.TOO_LARGE])):
        bounds = Bounds(code=CodeBounds(max_tokens=most))
        with Source.of_bytes(data, path="a.ipynb") as source:
            (reading,) = NotebookReader(bounds).read(source)
        assert [gap.reason for gap in reading.gaps] == reasons
        assert reading.notebook.cells == 3
        assert reading.module.lines == (2 if reasons else 3)


def test_many_broken_cells_are_named_and_the_rest_is_counted_among_them() -> None:
    data = notebook(*(code("??? (") for _ in range(40)))
    with Source.of_bytes(data, path="a.ipynb") as source:
        (reading,) = NotebookReader(Bounds(max_gaps=5)).read(source)
    assert len(reading.gaps) == 5
    assert "behind it" in reading.gaps[-1].detail
    assert len(reading.notebook.unparsed) == 40


def test_cells_without_a_source_are_passed_in_time() -> None:
    data = json.dumps({"cells": [{}] * 200_000, "metadata": {}}).encode()
    assert read(data).gaps[0].reason is GapReason.TOO_LARGE
