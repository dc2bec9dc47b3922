"""Keelmark: the Guidelines for secure AI system development as running software.

    >>> import keelmark
    >>> report = keelmark.scan("model.pt")
    >>> report.is_clean

    >>> with keelmark.guarded_loading():
    ...     model = torch.load("model.pt")

Nothing is imported before it is used, so that `import keelmark` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from keelmark.version import __version__

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    from keelmark.core.scan import ScanReport
    from keelmark.errors import UnsafeLoadError
    from keelmark.guard import GuardedLoading

__all__ = ["UnsafeLoadError", "__version__", "guarded_loading", "scan"]


def scan(*paths: str | os.PathLike[str], with_digest: bool = False) -> ScanReport:
    """Scan model files and folders of them, byte by byte; nothing is loaded.

    Args:
        paths: Files and folders.
        with_digest: Whether the report states the SHA-256 of every file.

    Returns:
        The report. `report.is_clean` says whether every artefact was looked at and none is unsafe; `report.files` holds
        one entry per file with its state, findings, and what was not looked at.

    Raises:
        keelmark.errors.UsageError: A path does not exist, or none was named.
    """
    from keelmark.errors import UsageError  # noqa: PLC0415 - see above
    from keelmark.workflows.scan import ScanSettings  # noqa: PLC0415
    from keelmark.workflows.scan import scan as run  # noqa: PLC0415

    if not paths:
        raise UsageError("nothing to scan", hint='name a file or folder: keelmark.scan("model.pt")')
    return run(paths, ScanSettings(with_digest=with_digest))


def guarded_loading(
    *,
    allow: Iterable[str] = (),
    scan: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
) -> GuardedLoading:
    """Hold what is loaded inside of a `with` block against the lists of harmless callables: a seat belt, not a sandbox.

    See `keelmark.guard` for what it does and what it cannot do.

    Args:
        allow: Callables (`module.name`) and other refused actions (`subprocess.Popen`) that are allowed all the same.
        scan: Files or folders that are scanned first; unless they are clean, nothing is loaded.

    Raises:
        UnsafeLoadError: Something was refused, or a file that was to be scanned is not clean.
    """
    from keelmark.guard import GuardedLoading  # noqa: PLC0415 - see above

    return GuardedLoading(allow=allow, scan=scan)


def __getattr__(name: str) -> object:
    if name == "UnsafeLoadError":
        from keelmark.errors import UnsafeLoadError  # noqa: PLC0415 - see above

        return UnsafeLoadError
    raise AttributeError(f"module `keelmark` has no attribute `{name}`")
