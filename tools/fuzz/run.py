"""Runs one target of fuzzing, or all of them, for some time.

    python tools/fuzz/run.py http_request --seconds 300
    python tools/fuzz/run.py all --seconds 60

With atheris installed (it is no dependency), coverage guides what is tried; without it, inputs are mutated from the seeds of the
target, repeatably. A broken promise ends the run with exit code 1 and a file that holds the input:

    python tools/fuzz/run.py http_request --input crash-http_request.bin
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

try:
    import atheris
except ImportError:
    atheris = None

from tools.fuzz.core import mutated  # noqa: E402 - found by what stands above

TARGETS = (
    "answers", "api_key", "gateway_yaml", "http_answer", "http_request", "interfaces", "jwt", "leases", "limits", "sse", "streams", "strict_json",
)  # fmt: skip
"""Names of all targets, which are modules beside this one."""


class Target(Protocol):
    """What a target is: a module with inputs to begin with, words to put in, and a promise to be kept for any bytes."""

    SEEDS: Sequence[bytes]
    WORDS: Sequence[bytes]

    def one(self, data: bytes) -> None:
        """Raises when a promise is broken."""
        ...


def target_of(name: str) -> Target:
    """The target of a name."""
    return cast("Target", importlib.import_module(f"tools.fuzz.{name}"))


def loop(name: str, *, seconds: float, seed: int, most: int = 0) -> int:
    """Try seeds, then what is mutated of them, for some time; how many were tried.

    Args:
        name: Of the target.
        seconds: For how long; 0 for as many as `most` says.
        seed: Of chance.
        most: At most so many; 0 for no end.

    Raises:
        Exception: A promise is broken; the input stands in its notes.
    """
    target = target_of(name)
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    ends = time.monotonic() + seconds
    tried = 0
    todo = list(target.SEEDS)
    while (not most or tried < most) and (todo or not seconds or time.monotonic() < ends):
        data = todo.pop(0) if todo else mutated(chance, target.SEEDS, target.WORDS)
        try:
            target.one(data)
        except Exception as error:
            error.add_note(f"input of {name}: {data!r}")
            raise
        tried += 1
    return tried


def _guided(name: str, seconds: float) -> None:
    """As libFuzzer does it; it ends the process."""
    with atheris.instrument_imports(include=["keelmark"]):
        target = target_of(name)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        corpus = folder / "corpus"
        corpus.mkdir()
        for number, data in enumerate(target.SEEDS):
            (corpus / str(number)).write_bytes(data)
        words = folder / "words"
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.WORDS))
        options = (
            f"-max_total_time={seconds:g}",
            "-max_len=8192",
            f"-artifact_prefix=crash-{name}-",
            "-timeout=20",
        )
        atheris.Setup([sys.argv[0], str(corpus), f"-dict={words}", *options], target.one)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _mutated(names: Sequence[str], asked: argparse.Namespace) -> int:
    for name in names:
        begun = time.monotonic()
        try:
            tried = loop(name, seconds=asked.seconds, seed=asked.seed)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            traceback.print_exception(error)
            return 1
        took_s = time.monotonic() - begun
        print(f"{name}: {tried:,} inputs in {took_s:.0f} s, no promise broken", flush=True)
    return 0


def main() -> int:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", choices=(*TARGETS, "all"))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--input", type=Path, help="try the bytes of this file alone")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    asked = parser.parse_args()
    if asked.input:
        target_of(asked.target).one(asked.input.read_bytes())
        return 0
    if atheris is not None and not asked.plain and asked.target != "all":
        _guided(asked.target, asked.seconds)
    return _mutated(TARGETS if asked.target == "all" else (asked.target,), asked)


if __name__ == "__main__":
    sys.exit(main())
