"""Bounds of reading one Python module."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bounds of one module; reaching one of the first six leaves a gap, the others cut lists and texts.

    Attributes:
        max_characters: Longest source that is parsed.
        max_tokens: Words and marks of a source that is parsed; its tree takes up to one kilobyte for each.
        max_uncounted: Characters of a source whose tokens need no counting.
        max_filled_steps: Places in f-strings, each times the length of its string: the parser's work for them.
        max_nodes: Nodes of the syntax tree that are walked.
        max_functions: Functions whose values are followed.
        max_calls: Calls kept as facts.
        max_items: Routes, tools, prompts, models, endpoints and flows kept, each.
        max_depth: Calls between functions of the module that a value is followed through.
        max_steps: Steps kept of one flow.
        max_taints: Origins that one value may carry.
        max_evaluations: Expressions evaluated while values are followed.
        max_text: Characters of an argument's source text.
        max_name: Characters of a resolved name.
        max_anchor: Characters of an anchor.
        max_prompt: Characters of a prompt.
        max_description: Characters of a tool's description.
    """

    max_characters: int = 2 * 1024**2
    max_tokens: int = 150_000
    max_uncounted: int = 50_000
    max_filled_steps: int = 4_000_000_000
    max_nodes: int = 1_000_000
    max_functions: int = 5_000
    max_calls: int = 6_000
    max_items: int = 2_000
    max_depth: int = 12
    max_steps: int = 12
    max_taints: int = 8
    max_evaluations: int = 400_000
    max_text: int = 200
    max_name: int = 200
    max_anchor: int = 160
    max_prompt: int = 8_000
    max_description: int = 4_000
