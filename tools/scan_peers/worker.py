"""Runs one scanner over files, inside of its own environment, and prints one JSON line per file.

Called by tools/bench_scan.py as `python worker.py PEER < paths`. A line says `found`, `clean` or `skipped` (the scanner
said that it did not look, or failed), and the seconds of that file. The first line says how long the import took.
"""

import contextlib
import io
import json
import resource
import sys
import time
import zipfile
from pathlib import Path


def keelmark(*, with_digest=False):
    from keelmark import scan

    def look(path):
        state = str(scan(path, with_digest=with_digest).state)
        # "no artefact" was looked at, too: it holds nothing that a loader loads.
        return {"unsafe": "found", "clean": "clean", "no-artefact": "clean"}.get(state, "skipped")

    return look


def keelmark_digest():
    return keelmark(with_digest=True)


def hayward():
    from hayward import ModelFileScanner, Severity, is_coverage_gap

    scanner = ModelFileScanner()

    def look(path):
        findings = list(scanner.scan_file(path))
        # Its command fails from "high" on; what it calls a gap in coverage is no finding.
        grave = [
            each
            for each in findings
            if each.severity in {Severity.CRITICAL, Severity.HIGH} and not is_coverage_gap(each)
        ]
        if grave:
            return "found"
        return "skipped" if any(map(is_coverage_gap, findings)) else "clean"

    return look


def picklescan():
    from picklescan.scanner import scan_file_path

    def look(path):
        result = scan_file_path(path)
        if result.infected_files or result.issues_count:
            return "found"
        return "clean" if result.scanned_files and not result.scan_err else "skipped"

    return look


def fickling():
    from fickling.analysis import Severity
    from fickling.loader import scan_file, scan_zip_archive

    def look(path):
        if zipfile.is_zipfile(path):
            results = list(scan_zip_archive(path, graceful=True).values())
        else:
            results = [scan_file(path, graceful=True)]
        # Without results it found no pickle, and its severity speaks of that alone.
        if any(each.results and each.severity is not Severity.LIKELY_SAFE for each in results):
            return "found"
        return "skipped" if not results or any(each.errors for each in results) else "clean"

    return look


def modelscan():
    from modelscan.modelscan import ModelScan

    def look(path):
        with contextlib.redirect_stdout(io.StringIO()):
            report = ModelScan().scan(path)
        if report["summary"]["total_issues"]:
            return "found"
        return (
            "clean" if report["summary"]["scanned"]["total_scanned"] and not report["errors"] else "skipped"
        )

    return look


def modelaudit():
    from modelaudit.core import scan_model_directory_or_file

    def look(path):
        result = scan_model_directory_or_file(path)
        # Its command fails on warnings and above.
        if any(
            str(issue.severity).rpartition(".")[2].lower() in {"warning", "critical"}
            for issue in result.issues
        ):
            return "found"
        return "clean" if result.files_scanned and not result.has_errors else "skipped"

    return look


def peak_mib():
    """Peak memory of this program alone; what `getrusage` says includes that of whoever started it."""
    try:
        with Path("/proc/self/status").open() as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main():
    began = time.perf_counter()
    peer = sys.argv[1].replace("-", "_")
    known = (keelmark, keelmark_digest, hayward, picklescan, fickling, modelscan, modelaudit)
    look = {each.__name__: each for each in known}[peer]()
    print(json.dumps({"import_s": time.perf_counter() - began}), flush=True)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        began = time.process_time()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                verdict = look(
                    path if peer in {"keelmark", "keelmark_digest", "hayward", "modelscan"} else str(path)
                )
        except Exception as error:  # a scanner that fails has not looked
            verdict = "skipped"
            print(
                json.dumps({"error": f"{type(error).__name__}: {error}"[:200], "path": str(path)}), flush=True
            )
        spent = time.process_time() - began
        peak = peak_mib()
        print(
            json.dumps({"path": str(path), "verdict": verdict, "cpu_s": spent, "peak_mib": peak}), flush=True
        )


if __name__ == "__main__":
    main()
