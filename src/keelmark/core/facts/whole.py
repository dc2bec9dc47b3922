"""The facts of one file for those who read annotations while the program runs: decoders of what was remembered."""

from __future__ import annotations

from keelmark.core import facts
from keelmark.core.facts import file
from keelmark.core.facts.file import FileFacts

__all__ = ["FileFacts"]

# `file` names its types for checkers alone, so that who scans does not pay for all of them.
vars(file).update((name, getattr(facts, name)) for name in facts.__all__)
