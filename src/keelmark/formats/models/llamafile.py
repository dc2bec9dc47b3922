"""llamafile: a program with a model in the archive at its end.

It is a program by design: whoever uses it starts it. The archive is opened by the readers of archives, which name the
program before it; the model inside is read as GGUF. Here it is only said what the file is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.core.facts import ModelFile
from keelmark.formats.models.facts import metadata, reading

if TYPE_CHECKING:
    from keelmark.core.facts import Reading
    from keelmark.formats.source import Source

__all__ = ["READER", "LlamafileReader"]

_PROGRAM = b"MZqFpD"
_END = b"PK\x05\x06"
_TAIL = 66_000
_MARKS = (b".gguf", b".args", b"llamafile")


class LlamafileReader:
    """Recognises llamafiles."""

    name = "llamafile"
    version = 1

    def recognises(self, source: Source) -> bool:
        """The mark of the program, and an archive with a model at the end."""
        if not source.head.startswith(_PROGRAM):
            return False
        tail = source.tail(_TAIL)
        return _END in tail and any(mark in tail for mark in _MARKS)

    def read(self, source: Source) -> tuple[Reading, ...]:
        """Say what it is."""
        del source
        said = metadata([("form", "a program that carries its model")])
        return reading(ModelFile(format="llamafile", metadata=said, can_execute=True))


READER = LlamafileReader()
