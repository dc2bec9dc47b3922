"""`keelmark export`: the evaluation dossier of a release for one kind of reader, or a section for a model card."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from keelmark.cli.output import print_text, write_file
from keelmark.cli.progress import watching
from keelmark.cli.signing import open_signer, public_key
from keelmark.core.dossier import Level  # noqa: TC001 - read at run time by the command line
from keelmark.errors import UsageError
from keelmark.report import dossier_console, dossier_json, model_card
from keelmark.workflows.dossier import ExportRequest, public_facts
from keelmark.workflows.dossier import export as export_dossier

__all__ = ["export"]

_WHAT = "keelmark export --dossier public --key key.pem, or keelmark export --model-card --trusted-key key.pem.pub"


def export(  # noqa: PLR0913 - each option of the command is one argument
    path: Path = Path(),
    *,
    dossier: Level | None = None,
    model_card: Annotated[bool, Parameter(negative=())] = False,
    key: str | None = None,
    release: str = "latest",
    trusted_key: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    output: Annotated[Path | None, Parameter(name=("--output", "-o"))] = None,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
    quiet: Annotated[bool, Parameter(name=("--quiet", "-q"), negative=())] = False,
) -> int:
    """Export what was tested of a release, on which digests, with which results: signed, for one kind of reader.

    The release must be valid: its files as they were released, not revoked, not expired.

    Exit codes: 0 exported, 2 could not run.

    Args:
        path: The folder of the project, as it was released.
        dossier: Who will read it: public, customer, authority or sealed (everything). All levels of a release have one root.
        model_card: Print a section in Markdown for a model card instead; nothing is signed.
        key: Private key that signs the dossier: a PEM file, env:NAME, or pkcs11:...; KEELMARK_KEY_PASSWORD holds its password.
        release: The release: its id, the beginning of it, latest, or its file.
        trusted_key: Public key that signed the release, where that is another than --key. May be given several times.
        output: Where to write it, outside of the project; .keelmark/dossiers when not given.
        format: console or json: how to say what was written of a dossier.
        quiet: No progress.
    """
    if (dossier is None) == (not model_card):
        raise UsageError("name one thing to export", hint=_WHAT)
    if model_card and format != "console":
        raise UsageError("a section for a model card is Markdown", hint="leave out --format")
    if not path.is_dir():
        raise UsageError(f"`{path}` is no folder", hint="name the folder of the project")
    with ExitStack() as stack:
        signer = stack.enter_context(open_signer(key)) if key is not None else None
        trusted = tuple(map(public_key, trusted_key))
        if dossier is None:
            known = trusted if signer is None else (signer.public, *trusted)
            return _card(ExportRequest(root=path, release=release, trusted=known), output, quiet=quiet)
        if signer is None:
            raise UsageError("a dossier is signed", hint="name the private key that signs it: --key key.pem")
        request = ExportRequest(root=path, level=dossier, release=release, trusted=trusted, output=output)
        with watching(quiet=quiet) as progress:
            done = export_dossier(request, signer=signer, progress=progress)
    place = str(done.file)
    if format == "json":
        print_text(dossier_json.exported_json(done.dossier, done.stated, place=place, size=done.size))
    else:
        print_text(dossier_console.exported_text(done.dossier, place=place, size=done.size))
    return 0


def _card(request: ExportRequest, output: Path | None, *, quiet: bool) -> int:
    if not request.trusted:
        raise UsageError(
            "whom to trust is not known",
            hint="name the public key of who released: --trusted-key key.pem.pub",
        )
    with watching(quiet=quiet) as progress:
        text = model_card.render(public_facts(request, progress=progress))
    if output is None:
        print_text(text)
    else:
        write_file(output, f"{text}\n")
    return 0
