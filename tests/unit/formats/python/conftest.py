"""Reads code from a string."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from keelmark.formats.python.reader import read_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from keelmark.core.facts import Module


@pytest.fixture
def read() -> Callable[[str], Module]:
    def _read(code: str) -> Module:
        text = textwrap.dedent(code)
        module, gaps = read_code(text, text.split("\n"), path="app.py")
        assert gaps == ()
        return module

    return _read
