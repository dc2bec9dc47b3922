"""Assesses Keelmark itself and holds the result against what is known and declared to be so.

The verdict on ourselves is what it is: this check fails when a failure blocks that nobody waived, when a check crashed, or
when a file of ours could not be read. Recommendations that only a running service can settle stay unknown and are counted.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Assess, print the first lines, judge."""
    import msgspec  # noqa: PLC0415 - a script

    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        program = [
            sys.executable,
            "-m",
            "keelmark",
            "assess",
            str(ROOT),
            "--no-write",
            "--no-plugins",
            "--quiet",
        ]
        done = subprocess.run(
            [*program, "--format", "console", "--format", f"json={report}"],
            check=False,
            capture_output=True,
            text=True,
        )
        print(done.stdout)
        if done.returncode not in {0, 1, 3}:
            print(done.stderr, file=sys.stderr)
            return 1
        found = msgspec.json.decode(report.read_bytes())
    blocking = [entry for entry in found["findings"] if entry["blocking"]]
    crashed = [entry for entry in found["findings"] if "the rule failed" in entry["message"]]
    unread = [entry for entry in found["not_looked_at"] if entry["matters"]]
    for entry in [*blocking, *crashed]:
        place = entry["locations"][0]["path"] if entry["locations"] else ""
        print(f"{entry['severity']}: {entry['rule']}: {place} {entry['message']}", file=sys.stderr)
    for entry in unread:
        print(f"not looked at: {entry['path']}: {entry['reason']}", file=sys.stderr)
    unknown = sum(row["status"] == "unknown" for row in found["coverage"]["recommendations"])
    print(f"verdict {found['verdict']}; {unknown} recommendations unknown; {len(blocking)} failures block")
    return 1 if blocking or crashed or unread else 0


if __name__ == "__main__":
    raise SystemExit(main())
