"""`python -m keelmark` is the same as `keelmark`.

`python -m` puts the current folder first on the path of imports, and the current folder is often the one that is judged: a file
`yaml.py` in it would be run. It is taken off the path before anything else is imported.
"""

import os
import sys

if not sys.flags.safe_path and sys.path and sys.path[0] in {"", os.getcwd()}:  # noqa: PTH109 - pathlib is not imported yet
    del sys.path[0]

from keelmark.cli.main import main

if __name__ == "__main__":
    main()
