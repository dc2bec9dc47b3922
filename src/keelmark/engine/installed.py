"""Parts of other distributions that settings name: found by their entry points, and loaded only then.

1. What no settings name is not loaded, so that installing a package never makes anything run.
2. A name that nothing brings, that two distributions bring, or that fails while it is loaded is an error, never silence.
"""

from __future__ import annotations

import difflib
from importlib import metadata

from keelmark.errors import ConfigurationError

__all__ = ["load_named"]


def load_named(group: str, name: str, *, what: str) -> object:
    """What an installed distribution brings under a name; an instance where it brings a class.

    Args:
        group: Of entry points.
        name: Of the entry point.
        what: What it is, for messages.

    Raises:
        ConfigurationError: There is none, there are several, or it cannot be loaded.
    """
    points = list(metadata.entry_points(group=group))
    found = [point for point in points if point.name == name]
    if not found:
        near = difflib.get_close_matches(name, [point.name for point in points], n=1, cutoff=0.6)
        raise ConfigurationError(
            f"there is no {what} `{name}`: no installed package has an entry point `{name}` in `{group}`",
            hint=f"did you mean `{near[0]}`?" if near else "is the package that brings it installed?",
        )
    origins = sorted(point.dist.name if point.dist else "?" for point in found)
    if len(found) > 1:
        raise ConfigurationError(
            f"{what} `{name}` is brought by {' and '.join(origins)}", hint="uninstall all but one of them"
        )
    try:
        loaded = found[0].load()
        return loaded() if isinstance(loaded, type) else loaded
    except (Exception, SystemExit) as error:
        # Foreign code: whatever it raises refuses the start, also when it wants to end the process.
        raise ConfigurationError(
            f"{what} `{name}` of {origins[0]} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
