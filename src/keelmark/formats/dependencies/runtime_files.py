"""Files that fix the Python that runs a project: `.python-version` of pyenv and uv, `runtime.txt` of platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import re2

from keelmark.core.facts import Manifest
from keelmark.formats.dependencies.limits import reading, text_of
from keelmark.formats.source import decode

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READERS", "RuntimeReader"]

# The file holds a version and nothing else; a longer one is something of another kind that bears the name.
_MAX_BYTES = 1_000
_WRITTEN = {
    ".python-version": re2.compile(r"^\s*(?:cpython-|python-)?(3)\.(\d{1,2})(?:\.\d{1,3})?\s*$"),
    "runtime.txt": re2.compile(r"^\s*python-(3)\.(\d{1,2})(?:\.\d{1,3}|\.x)?\s*$"),
}


class RuntimeReader:
    """Reads the one version of Python that such a file names."""

    name = "python-version"
    version = 1

    def recognises(self, source: Source) -> bool:
        """By name, and by holding one version of CPython."""
        pattern = _WRITTEN.get(source.name)
        if pattern is None or source.size > _MAX_BYTES or not source.is_text:
            return False
        return pattern.match(decode(source.head, path=source.path)) is not None

    def read(self, source: Source) -> tuple[Reading, ...]:
        """A manifest that asks for this line of Python and for no package."""
        match = _WRITTEN[source.name].match(text_of(source))
        runtime = f"=={match.group(1)}.{match.group(2)}.*" if match else ""
        manifest = Manifest(format="python-version", ecosystem="pypi", is_lock=False, runtime=runtime)
        return (reading(source, manifest),)


READERS = (RuntimeReader(),)
