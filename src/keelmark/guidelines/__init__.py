"""The guidelines as packaged data, with their loader."""

from keelmark.guidelines.loader import load

__all__ = ["load"]
