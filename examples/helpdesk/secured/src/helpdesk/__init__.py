"""Answers questions of customers of a web shop from help articles."""

__version__ = "1.0.0"
