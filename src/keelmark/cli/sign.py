"""`keelmark sign`: sign a model, a dataset or any folder in the OpenSSF model-signing format."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.cli.signing import open_signer, read_bytes
from keelmark.core.clock import SystemClock
from keelmark.report.signature import signed_json, signed_text
from keelmark.trust.certificates import load_certificates
from keelmark.workflows.sign import SignRequest, sign_model

__all__ = ["sign"]


def sign(  # noqa: PLR0913 - each option of the command is one argument
    path: Path,
    *,
    key: str,
    output: Annotated[Path, Parameter(name=("--output", "-o"))] = Path("model.sig"),
    certificate: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    also_key: str | None = None,
    ignore: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
    allow_symlinks: Annotated[bool, Parameter(negative=())] = False,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """Sign a model, a dataset or any folder or file: every file in it, hidden ones included.

    Exit codes: 0 signed, 2 could not run.

    Args:
        path: Folder or file.
        key: Private key: a PEM file, env:NAME for a variable that holds one, or pkcs11:... for one in a device.
            KEELMARK_KEY_PASSWORD holds the password of a file, KEELMARK_PKCS11_PIN the PIN of a device.
        output: The signature file. In the signed folder it is left out of the signature.
        certificate: Certificate of the signer in PEM form, then those of its issuers. May be given several times.
        also_key: A second key that signs as well, such as one of ML-DSA-65; KEELMARK_ALSO_KEY_PASSWORD holds its password.
        ignore: File or folder to leave out of the signature, which names it. May be given several times.
        allow_symlinks: Follow links to files; the signature says so.
        format: console or json.
    """
    certificates = load_certificates(b"\n".join(map(read_bytes, certificate))) if certificate else ()
    with ExitStack() as stack:
        signers = [stack.enter_context(open_signer(key))]
        if also_key is not None:
            second = open_signer(also_key, password="KEELMARK_ALSO_KEY_PASSWORD")  # noqa: S106 - name of a variable
            signers.append(stack.enter_context(second))
        request = SignRequest(path=path, output=output, ignore=ignore, allow_symlinks=allow_symlinks)
        signed = sign_model(request, signers=signers, certificates=certificates, clock=SystemClock())
    shown = signed_json if format == "json" else signed_text
    print_text(shown(signed, place=str(output)))
    return 0
