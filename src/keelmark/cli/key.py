"""`keelmark key`: make keys for signing."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - read at run time by the command line
from typing import Annotated, Literal

from cyclopts import App, Parameter

from keelmark.cli.commands import COMMANDS
from keelmark.cli.output import print_text
from keelmark.cli.signing import ask_twice, open_signer
from keelmark.report.sanitise import terminal_name
from keelmark.workflows.key_files import make_key, public_path

__all__ = ["key"]

_COMMAND = next(command for command in COMMANDS if command.name == "key")

key = App(name="key", help=_COMMAND.summary, help_epilogue=_COMMAND.epilogue)


@key.command
def new(
    *,
    output: Annotated[Path, Parameter(name=("--output", "-o"))],
    algorithm: Literal["p256", "p384", "ed25519", "ml-dsa-65"] = "p256",
    no_password: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Make a key: the private one, encrypted, for its owner alone; the public one beside it. Never overwrites.

    Args:
        output: File of the private key; the public one gets `.pub` behind its name.
        algorithm: p256 and p384 (ECDSA) are what other model-signing programs verify.
        no_password: Leave the private key open to whoever reads the file. Else KEELMARK_KEY_PASSWORD holds the password, or it is asked for.
    """
    made = make_key(output, algorithm=algorithm, password=None if no_password else ask_twice())
    print_text(
        f"made {terminal_name(str(output))} (private: keep it) and {terminal_name(str(public_path(output)))}"
        f" (public: give it to those who verify)\n  key {made.keyid[:16]} ({made.algorithm})"
    )
    return 0


@key.command
def public(source: str) -> int:
    """Print the public key of a private one.

    Args:
        source: Private key: a PEM file, env:NAME, or pkcs11:... for one in a device.
    """
    with open_signer(source) as signer:
        print_text(signer.public.pem)
    return 0
