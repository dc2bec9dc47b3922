"""What calls of single well-known callables give, and with which arguments they are harmful."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.formats.models.pickle.callers import CALLERS
from keelmark.formats.models.pickle.contents import CONTENTS
from keelmark.formats.models.pickle.lookups import LOOKUPS

if TYPE_CHECKING:
    from keelmark.formats.models.pickle.rule import Rule

__all__ = ["RULES"]

RULES: dict[str, Rule] = {**LOOKUPS, **CALLERS, **CONTENTS}
"""Dotted name to what its call gives, and what is stated about it."""
