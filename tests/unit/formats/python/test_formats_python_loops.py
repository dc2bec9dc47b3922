"""Loops that nothing counts are told from those that end by themselves."""

from __future__ import annotations

import pytest

from keelmark.formats.python.reader import read_code


def endless(code: str) -> list[bool]:
    source = f"import litellm\n{code}"
    module, _ = read_code(source, source.split("\n"))
    return [call.is_endless for call in module.calls if call.name == "litellm.completion"]


@pytest.mark.parametrize(
    ("code", "want"),
    [
        ("while True:\n    litellm.completion()\n", [True]),
        ("while 1:\n    for x in y:\n        litellm.completion()\n", [True]),
        ("n = 0\nwhile True:\n    n += 1\n    if n > 8:\n        break\n    litellm.completion()\n", [False]),
        ("while left():\n    litellm.completion()\n", [False]),
        ("while True:\n    pass\nelse:\n    litellm.completion()\n", [False]),
        ("while True:\n    def later():\n        litellm.completion()\n", [False]),
        ("litellm.completion()\n", [False]),
    ],
)
def test_only_a_loop_without_a_count_is_endless(code: str, want: list[bool]) -> None:
    assert endless(code) == want
