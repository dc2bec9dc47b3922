"""Topics for rules about texts: words that belong together may stand on two lines."""

from __future__ import annotations

from keelmark.engine.answers import Topic

__all__ = ["topic"]


def topic(name: str, pattern: str) -> Topic:
    """A topic whose pattern reads over line breaks: a blank in it stands for any white space, a dot for any sign."""
    relaxed = pattern.replace("[- ]", r"[-\s]").replace(" ?", r"\s?").replace(" ", r"\s+")
    return Topic(name=name, pattern=f"(?s){relaxed}")
