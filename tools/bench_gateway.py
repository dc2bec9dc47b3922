"""Measures `keelmark serve` with everything on beside a plain proxy and other gateways, on the same upstream in one run.

    make bench-gateway                       # installs the others first, about 1 GB
    python tools/bench_gateway.py --peers nginx,sglang-router --seconds 2

The upstream is a program in C that answers at once, or in a stream: the first token after 50 ms, then 20, 10 ms apart. All
targets run on one core, the load and the upstream on another. Each round starts every target anew, in another order; figures
are medians of the rounds. Processor time is that of all processes of the target. Others at work on the machine stretch
latencies most, so ratios inside one run say more than the figures.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_peers.load import Burst, Goal, TargetError, burst, first_tokens, usage_of
from gateway_peers.targets import CHAT, TARGETS, Bench, Running, Started, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "tools" / "gateway_peers" / "upstream.c"
AT_ONCE = (1, 32, 128)
STREAMS = {1: 10, 10: 4, 100: 2}
OURS, DIRECT = "keelmark", "direct"
MOST_CPU_US, MOST_ADDED_MS, MOST_MIB, MOST_START_S = 100.0, 0.3, 80.0, 1.0
MOST_ADDED_FIRST_MS = {10: 1.0, 100: 12.0}
LEVEL = 0.95
TIMES_LITELLM = 100


@dataclass(slots=True)
class Figures:
    """What all rounds gave for one target."""

    bursts: dict[int, list[Burst]] = field(default_factory=lambda: {each: [] for each in AT_ONCE})
    first_ms: dict[int, list[float]] = field(default_factory=lambda: {each: [] for each in STREAMS})
    resident_mib: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)

    def median(self, at_once: int, of: Callable[[Burst], float]) -> float:
        """The median of one figure."""
        return statistics.median(of(each) for each in self.bursts[at_once])


@contextmanager
def upstream(folder: Path, core: int) -> Iterator[tuple[int, int]]:
    """The model behind all targets: its port and process."""
    compiler = shutil.which("cc")
    if compiler is None:
        raise SystemExit("the upstream is written in C, and there is no `cc`: apt-get install gcc libc6-dev")
    subprocess.run([compiler, "-O2", "-o", str(folder / "upstream"), str(SOURCE)], check=True)
    port = free_port()
    process = subprocess.Popen(["taskset", "-c", str(core), str(folder / "upstream"), str(port)])
    try:
        time.sleep(0.2)
        if process.poll() is not None:
            raise SystemExit("the upstream did not start")
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line."""

    seconds: float
    rounds: int
    load_core: int


def measure(goal: Goal, figures: Figures, asked: Asked) -> None:
    """One round of one target."""
    burst(goal, at_once=8, seconds=1, core=asked.load_core)  # Connections and caches are warm behind it.
    for at_once in AT_ONCE:
        figures.bursts[at_once].append(
            burst(goal, at_once=at_once, seconds=asked.seconds, core=asked.load_core)
        )
    for at_once, times in STREAMS.items():
        figures.first_ms[at_once].append(first_tokens(goal, at_once=at_once, times=times))


def measure_one(started: Started, folder: Path, figures: Figures, *, bench: Bench, asked: Asked) -> None:
    """One round of one target, from its start to its end."""
    with Running(started, folder=folder, core=bench.core) as target:
        measure(target.goal, figures, asked)
        figures.resident_mib.append(usage_of(target.process.pid).resident_mib)
        figures.start_s.append(target.start_s)


def rounds(
    todo: dict[str, tuple[Started, Path]], bench: Bench, model: int, asked: Asked
) -> dict[str, Figures]:
    """All rounds of all targets, which take turns."""
    found = {name: Figures() for name in (DIRECT, *todo)}
    address = ("127.0.0.1", bench.upstream)
    direct = Goal(address=address, path=CHAT, model="small", key="none", process=model)
    names = list(todo)
    for number in range(asked.rounds):
        measure(direct, found[DIRECT], asked)
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if name not in found:
                continue
            try:
                measure_one(*todo[name], found[name], bench=bench, asked=asked)
            except TargetError as error:
                if name == OURS:
                    raise SystemExit(f"{name}: {error}") from error
                print(f"{name} is left out: {error}", file=sys.stderr)
                del found[name]
            else:
                print(f"round {number + 1}: {name}", file=sys.stderr, flush=True)
    return found


def print_tables(found: dict[str, Figures]) -> None:
    """Three tables: requests, streams, processes."""
    head = " / ".join(map(str, AT_ONCE))
    print(f"\nAnswers in JSON; at {head} requests at once\n")
    print("| | requests/s | p50 ms | p99 ms | added p50 ms | CPU us/request | MiB | start s | failed |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name, figures in found.items():
        columns = [
            row(f"{figures.median(each, lambda one: one.per_s):,.0f}" for each in AT_ONCE),
            row(_ms(figures.median(each, lambda one: one.p50_us) / 1e3) for each in AT_ONCE),
            row(_ms(figures.median(each, lambda one: one.p99_us) / 1e3) for each in AT_ONCE),
            "" if name == DIRECT else row(_ms(_added(found, name, each)) for each in AT_ONCE),
            row(f"{figures.median(each, lambda one: one.cpu_us):,.0f}" for each in AT_ONCE),
            f"{statistics.median(figures.resident_mib):.0f}" if figures.resident_mib else "",
            f"{statistics.median(figures.start_s):.2f}" if figures.start_s else "",
            str(sum(one.failed for bursts in figures.bursts.values() for one in bursts)),
        ]
        print(f"| {name} | {' | '.join(columns)} |")
    print(f"\nFirst token of streams, p50 ms; at {' / '.join(map(str, STREAMS))} streams at once\n")
    print("| | first token | added |\n| --- | ---: | ---: |")
    for name, figures in found.items():
        first = row(f"{statistics.median(figures.first_ms[each]):.1f}" for each in STREAMS)
        added = "" if name == DIRECT else row(f"{_added_first(found, name, each):.1f}" for each in STREAMS)
        print(f"| {name} | {first} | {added} |")


def print_aims(found: dict[str, Figures]) -> None:
    """Whether each aim was met, and by how much."""
    ours = found[OURS]
    cpu = max(ours.median(each, lambda one: one.cpu_us) for each in AT_ONCE)
    rows = [
        ("CPU us/request, dearest", cpu, "at most", MOST_CPU_US),
        ("added p50 ms at 1", _added(found, OURS, 1), "at most", MOST_ADDED_MS),
        ("MiB per worker", statistics.median(ours.resident_mib), "at most", MOST_MIB),
        ("start s", statistics.median(ours.start_s), "at most", MOST_START_S),
        *(
            (f"added first token ms at {each}", _added_first(found, OURS, each), "at most", most)
            for each, most in MOST_ADDED_FIRST_MS.items()
        ),
    ]
    for name, least in (("tensorzero", 1.0), ("sglang-router", LEVEL), ("litellm", TIMES_LITELLM)):
        if name in found:
            rows += [
                (f"requests/s beside {name} at {each}", _times(ours, found[name], each), "at least", least)
                for each in AT_ONCE
            ]
    print("\n| aim | wanted | found | |\n| --- | ---: | ---: | --- |")
    for what, figure, sense, bound in rows:
        is_met = figure <= bound if sense == "at most" else figure >= bound
        print(f"| {what} | {sense} {bound:g} | {figure:.2f} | {'met' if is_met else 'MISSED'} |")


def row(cells: Iterator[str]) -> str:
    """Figures of one cell."""
    return " / ".join(cells)


def _ms(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def _times(ours: Figures, others: Figures, at_once: int) -> float:
    return ours.median(at_once, lambda one: one.per_s) / others.median(at_once, lambda one: one.per_s)


def _added(found: dict[str, Figures], name: str, at_once: int) -> float:
    mine, direct = (found[each].median(at_once, lambda one: one.p50_us) for each in (name, DIRECT))
    return (mine - direct) / 1e3


def _added_first(found: dict[str, Figures], name: str, at_once: int) -> float:
    mine, direct = (statistics.median(found[each].first_ms[at_once]) for each in (name, DIRECT))
    return mine - direct


def main() -> None:
    """Set everything up, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--peers", default=",".join(name for name in TARGETS if name != OURS))
    parser.add_argument(
        "--place", type=Path, default=ROOT / ".bench" / "gateway", help="environments of others"
    )
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measure")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    for program, package in (("wrk", "wrk"), ("taskset", "util-linux")):
        if shutil.which(program) is None:
            raise SystemExit(f"there is no `{program}`: apt-get install {package}")
    wanted = [OURS, *(each for each in asked.peers.split(",") if each)]
    if unknown := [each for each in wanted if each not in TARGETS]:
        raise SystemExit(f"`{unknown[0]}` is none of {', '.join(TARGETS)}")
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as made, upstream(Path(made), cores[0]) as (port, model):
        bench = Bench(folder=Path(made), place=asked.place.resolve(), upstream=port, core=cores[-1])
        todo: dict[str, tuple[Started, Path]] = {}
        for name in wanted:
            folder = bench.folder / name
            folder.mkdir()
            started = TARGETS[name](bench, folder)
            if started is None:
                print(f"{name} is not installed and not measured", file=sys.stderr)
            else:
                todo[name] = (started, folder)
        print(
            f"load before: {os.getloadavg()[0]:.1f} on {len(cores)} cores; seconds: {asked.seconds:g}, rounds: {asked.rounds}"
        )
        choices = Asked(seconds=asked.seconds, rounds=asked.rounds, load_core=cores[0])
        found = rounds(todo, bench, model, choices)
    print(f"load after: {os.getloadavg()[0]:.1f}")
    print_tables(found)
    print_aims(found)


if __name__ == "__main__":
    main()
