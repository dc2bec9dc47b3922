"""A text that must not be seen: it prints as `***`."""

from __future__ import annotations

__all__ = ["Secret"]


class Secret:
    """A password, a PIN, a key. Nothing that prints, formats, compares or copies it shows what it is."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """What it is; call it where it is used, and nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("secrets are not written down")

    def __bool__(self) -> bool:
        return bool(self._value)
