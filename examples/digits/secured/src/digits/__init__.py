"""Reads one handwritten digit from an 8x8 image."""

__version__ = "1.0.0"
