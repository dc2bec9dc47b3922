"""Files that are read line by line are read up to their number of lines, and longer ones are a limit."""

from __future__ import annotations

import pytest

from keelmark.errors import LimitExceededError
from keelmark.formats import checksums, documents
from keelmark.formats.dependencies.limits import Bounds, text_of
from keelmark.formats.source import Source


@pytest.mark.parametrize(("name", "module"), [("README.md", documents), ("SHA256SUMS", checksums)])
def test_lines_up_to_the_bound_are_read_and_more_are_refused(name: str, module) -> None:
    reader = type(module.READER)(bounds=module.Bounds(max_lines=3))
    with Source.of_bytes(b"# x\n" * 3, path=name) as source:
        assert reader.read(source)
    with (
        Source.of_bytes(b"# x\n" * 4, path=name) as source,
        pytest.raises(LimitExceededError, match="3 lines"),
    ):
        reader.read(source)


def test_dependency_files_of_too_many_lines_are_refused() -> None:
    bounds = Bounds(max_lines=3)
    assert text_of(Source.of_bytes(b"a\r\n" * 3, path="yarn.lock"), bounds) == "a\n" * 3
    with pytest.raises(LimitExceededError, match="3 lines"):
        text_of(Source.of_bytes(b"a\r" * 4, path="yarn.lock"), bounds)
