"""Dependency manifests and locks of the package managers; one family per file, nothing resolved or installed."""

from keelmark.formats.dependencies import (
    conda,
    node,
    node_locks,
    others,
    pipfile,
    pyproject,
    python_locks,
    requirements,
    runtime_files,
    setup_files,
)

__all__ = ["READERS"]

READERS = (
    *requirements.READERS,
    *pyproject.READERS,
    *python_locks.READERS,
    *pipfile.READERS,
    *conda.READERS,
    *setup_files.READERS,
    *runtime_files.READERS,
    *node.READERS,
    *node_locks.READERS,
    *others.READERS,
)
