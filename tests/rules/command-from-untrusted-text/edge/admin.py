"""A script for the operator: no model and no network can reach it."""

import subprocess
import sys


def main() -> None:
    subprocess.run(f"tar czf backup.tgz {sys.argv[1]}", shell=True, check=True)


if __name__ == "__main__":
    main()
