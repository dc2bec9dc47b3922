"""Keelmark: the Guidelines for secure AI system development as running software."""

__all__ = ["__version__"]

__version__ = "0.1.0"
