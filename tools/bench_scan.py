"""Measures `keelmark scan` beside the scanners people use today, on the same files in one run.

    make bench-scan                       # sets up each scanner in an environment of its own, then measures
    python tools/bench_scan.py --files    # found and false alarms alone
    python tools/bench_scan.py --small    # two thousand small files alone
    python tools/bench_scan.py --large    # large files alone
    python tools/bench_scan.py --peers "" # keelmark alone

Files: the corpus of the tests (harmful files with harmless payloads, and their clean twins), generated anew. Large
files: containers and pickles beside SHA-256 over the same bytes. Each scanner runs in a process of its own; where a
figure is cheap it is the median of several. This says nothing about machines other than the one it ran on, ratios say
more than seconds.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import importlib
import json
import os
import pkgutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from scan_peers.files import large_files, small_files

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
WORKER = ROOT / "tools" / "scan_peers" / "worker.py"
PLACE = ROOT / ".bench"
PEERS = {
    "hayward": ("hayward==1.4.1",),
    "picklescan": ("picklescan==1.0.5",),
    "fickling": ("fickling==0.1.12", "typing_extensions"),
    "modelscan": ("modelscan==0.8.8",),
    "modelaudit": ("modelaudit==0.2.54",),
}
_FILE_SECONDS = 120.0
_RUNS = 3
PLACES: list[Path] = []
ENVIRONMENT = {
    **os.environ,
    "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "MODELAUDIT_NO_TELEMETRY": "1",
    "NO_ANALYTICS": "1",
}


@dataclass(slots=True)
class Score:
    """What one scanner said of many files."""

    import_s: float = 0.0
    verdicts: dict[str, str] = field(default_factory=dict)
    cpu_s: dict[str, float] = field(default_factory=dict)
    peak_mib: int = 0


def python_of(peer: str) -> Path:
    """The interpreter of a scanner's own environment, made when it is not there."""
    if peer.startswith("keelmark"):
        return Path(sys.executable)
    folder = PLACES[-1] / peer
    python = folder / "bin" / "python"
    if not _is_there(python, PEERS[peer][0]):
        print(f"setting up {PEERS[peer][0]} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS[peer]], check=True)
    return python


def _is_there(python: Path, wanted: str) -> bool:
    name, _, version = wanted.partition("==")
    code = f"import importlib.metadata as m; raise SystemExit(m.version({name!r}) != {version!r})"
    return (
        python.exists()
        and subprocess.run([python, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0
    )


def ask(peer: str, files: Sequence[Path]) -> Score:
    """Let one scanner look at files; one that dies or hangs is started again behind the file that did it."""
    score = Score()
    left = list(files)
    while left:
        with tempfile.TemporaryFile("w+") as listed, tempfile.TemporaryFile("w+") as said:
            listed.write("".join(f"{file}\n" for file in left))
            listed.seek(0)
            process = subprocess.Popen(
                [python_of(peer), WORKER, peer],
                stdin=listed,
                stdout=said,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
            )
            _wait(process, said)
            said.seek(0)
            done = sum(
                _take(json.loads(line), score) for line in said.read().splitlines() if line.startswith("{")
            )
        if done >= len(left):
            break
        score.verdicts[str(left[done])] = "skipped"  # it crashed or hung here
        score.cpu_s[str(left[done])] = _FILE_SECONDS
        left = left[done + 1 :]
    return score


def _wait(process: subprocess.Popen[bytes], said: IO[str]) -> None:
    size, since = -1, time.monotonic()
    while process.poll() is None:
        time.sleep(0.05)
        now = os.fstat(said.fileno()).st_size
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > _FILE_SECONDS:
            process.kill()
            process.wait()


def _take(line: dict, score: Score) -> bool:
    if "import_s" in line:
        score.import_s = line["import_s"]
    if "verdict" not in line:
        return False
    score.verdicts[line["path"]] = line["verdict"]
    score.cpu_s[line["path"]] = line["cpu_s"]
    score.peak_mib = max(score.peak_mib, line["peak_mib"])
    return True


def corpus(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the corpus of the tests: harmful files and their clean twins."""
    sys.path.insert(0, str(ROOT))
    package = importlib.import_module("tests.corpus")
    made: dict[str, list[Path]] = {"malicious": [], "benign": []}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"tests.corpus.{info.name}")
        for kind, files in made.items():
            for name, data in getattr(module, kind, dict)().items():
                # Some are known by their names alone, which the technique before them would hide.
                technique, _, own = name.rpartition("__") if kind == "malicious" else ("", "", name)
                file = folder / kind / info.name / technique / own
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                files.append(file)
    return made["malicious"], made["benign"]


def compare(peers: Sequence[str]) -> None:
    """Found, false alarms, skipped, seconds, memory."""
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as place:
        malicious, benign = corpus(Path(place))
        print(f"\n{len(malicious)} harmful files, {len(benign)} clean twins\n")
        print(
            "| scanner | found | false alarms | harmful skipped | clean skipped | CPU s | median ms | import s | peak MiB |"
        )
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
        for peer in peers:
            score = ask(peer, [*malicious, *benign])
            bad = [score.verdicts.get(str(file), "skipped") for file in malicious]
            good = [score.verdicts.get(str(file), "skipped") for file in benign]
            spent = sorted(score.cpu_s.values())
            print(
                f"| {peer} | {bad.count('found') / len(bad):.1%} | {good.count('found') / len(good):.1%} "
                f"| {bad.count('skipped')} | {good.count('skipped')} | {sum(spent):.1f} "
                f"| {1000 * spent[len(spent) // 2]:.2f} | {score.import_s:.2f} | {score.peak_mib} |",
                flush=True,
            )
            if peer == "keelmark":
                missed = [file for file, verdict in zip(malicious, bad, strict=True) if verdict != "found"]
                alarmed = [file for file, verdict in zip(benign, good, strict=True) if verdict != "clean"]
                for file in (*missed, *alarmed):
                    print(f"  {file.relative_to(place)}: {score.verdicts.get(str(file))}", file=sys.stderr)


def measure_small(peers: Sequence[str]) -> None:
    """Wall and CPU seconds of 2,000 small files in one process, its start included; medians of fresh processes."""
    print("\n| scanner, 2,000 small files | wall s | CPU s | peak MiB |")
    print("| --- | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as place:
        folder = Path(place)
        files = small_files(folder)
        program = [sys.executable, "-m", "keelmark", "scan", place]
        runs = [_timed(program) for _ in range(_RUNS * 2 + 1)]
        print(f"| `keelmark scan` | {_middle(runs)} |", flush=True)
        for peer in peers:
            listed = "".join(f"{file}\n" for file in files).encode()
            runs = [_timed([python_of(peer), WORKER, peer], listed) for _ in range(_RUNS)]
            print(f"| {peer}, called from Python | {_middle(runs)} |", flush=True)


def _timed(command: Sequence[str | Path], given: bytes = b"") -> tuple[float, float, float]:
    """Wall and CPU seconds and peak memory of one program."""
    with tempfile.TemporaryFile() as listed:
        listed.write(given)
        listed.seek(0)
        began = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=listed, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT
        )
        peak = 0.0
        while True:
            # What the system says at the end includes the memory of this program, which started it.
            peak = max(peak, _peak_mib(process.pid))
            done, status, used = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, peak


def _peak_mib(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def _middle(runs: Sequence[tuple[float, float, float]]) -> str:
    wall, cpu, peak = (statistics.median(column) for column in zip(*runs, strict=True))
    return f"{wall:.2f} | {cpu:.2f} | {peak:.0f}"


def measure_large(peers: Sequence[str]) -> None:
    """CPU seconds and peak memory on large files, beside SHA-256 of the same bytes; medians of fresh processes."""
    columns = ("keelmark with digest", *peers)
    print("\n| file | SHA-256 s | " + " | ".join(f"{column} s, MiB" for column in columns) + " |")
    print("| --- | ---: |" + " ---: |" * len(columns))
    with tempfile.TemporaryDirectory(prefix="bench-scan-") as place:
        for name, file in large_files(Path(place)):
            hashed = statistics.median(_hashed(file) for _ in range(_RUNS))
            cells = [f"{hashed:.2f}", _cell("keelmark-digest", file, _RUNS)]
            cells += [_cell(peer, file, _RUNS if peer == "keelmark" else 1) for peer in peers]
            print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
            file.unlink()


def _hashed(file: Path) -> float:
    began = time.process_time()
    with file.open("rb") as stream:
        hashlib.file_digest(stream, "sha256")
    return time.process_time() - began


def _cell(peer: str, file: Path, runs: int) -> str:
    scores = [ask(peer, [file]) for _ in range(runs)]
    spent = statistics.median(score.cpu_s[str(file)] for score in scores)
    verdict = scores[0].verdicts[str(file)]
    told = "" if verdict == "clean" else f" ({verdict})"
    return f"{spent:.3f}, {max(score.peak_mib for score in scores)}{told}"


def main() -> int:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", action="store_true", help="found and false alarms alone")
    parser.add_argument("--small", action="store_true", help="2,000 small files alone")
    parser.add_argument("--large", action="store_true", help="large files alone")
    parser.add_argument("--peers", default=",".join(PEERS), help="comma-separated; empty for keelmark alone")
    parser.add_argument("--place", type=Path, default=PLACE, help="where the environments of the others are")
    chosen = parser.parse_args()
    PLACES.append(chosen.place)
    peers = ["keelmark", *filter(None, chosen.peers.split(","))]
    # As pip leaves it; without, each start would compile what it imports where nothing may write byte code.
    compileall.compile_dir(ROOT / "src", quiet=1)
    everything = not (chosen.files or chosen.small or chosen.large)
    for is_asked, measure in (
        (chosen.files, compare),
        (chosen.small, measure_small),
        (chosen.large, measure_large),
    ):
        if is_asked or everything:
            measure(peers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
