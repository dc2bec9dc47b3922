"""What outlasts the program that writes it: start-up files, plans of the clock, keys that let somebody in.

Honest notebooks write such files too: a path into `.bashrc`, a magic into the start-up of IPython. What counts is what
they write there.
"""

from __future__ import annotations

import re2

__all__ = ["KEYS", "LASTING", "is_harmful_start", "planned"]

LASTING = re2.compile(
    r"(?i)/?\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv)$|\.ipython/+profile_\w+/+startup/|(?:site|user)customize\.py$"
    r"|site-packages/.*\.pth$|\.config/+(?:autostart|systemd)/|/etc/(?:cron|profile|rc\.local|init\.d|systemd)|/var/spool/cron|LaunchAgents/"
    r"|\.jupyter/+\w+_config\.py$|\.ssh/+(?:authorized_keys2?|rc)$|Start Menu/+Programs/+Startup"
)
"""Files that run, or let somebody in, at the next start."""
KEYS = re2.compile(r"\.ssh/+authorized_keys2?$")
"""Files that let somebody in."""
_KEY = re2.compile(r"\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-\w+|sk-ssh-ed25519\S*)\s+AAAA")
_RUNS = re2.compile(
    r"\b(?:os\.(?:system|popen|exec\w+|spawn\w+|dup2)|subprocess\.\w+|pty\.spawn|socket\.\w+|__import__\s*\(|marshal\.loads|urlopen|requests\.(?:get|post|put)"
    r"|exec\s*\(|eval\s*\(|ctypes\.\w+|importlib\.import_module)"
)
_CLOCK = re2.compile(
    r"^\s*(?:@(?:reboot|hourly|daily|weekly|monthly|yearly|annually|midnight)|(?:[\d*/,-]+\s+){3}(?:(?:[\d*/,-]+|[A-Za-z]{3}[A-Za-z,-]*)\s+){2})\s*(\S.*)$"
)


def is_harmful_start(path: str, text: str) -> bool:
    """Whether what is written into such a file lets somebody in, or starts programs and connections from Python."""
    if KEYS.search(path) is not None:
        return _KEY.search(text) is not None
    is_python = path.endswith((".py", ".pth"))
    return is_python and _RUNS.search(text) is not None


def planned(text: str) -> str:
    """The command of a line for the clock; "" when it is none."""
    match = _CLOCK.search(text)
    return str(match.group(1)) if match is not None else ""
