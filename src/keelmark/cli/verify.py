"""`keelmark verify`: is it what somebody trusted has signed? Offline; what it is given is recognised by content."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from datetime import date
from pathlib import Path  # noqa: TC003 - read at run time by the command line
from typing import Annotated, Literal, assert_never

from cyclopts import Parameter

from keelmark.cli.output import print_text
from keelmark.cli.signing import public_key, read_bytes
from keelmark.core.clock import Clock, FixedClock, SystemClock
from keelmark.errors import UsageError
from keelmark.report import dossier_console, dossier_json, release_console, release_json
from keelmark.report.signature import EXIT_CODES, verified_json, verified_text
from keelmark.trust.certificates import load_certificates
from keelmark.workflows.verify_dossier import VerifyDossierRequest, verify_dossier
from keelmark.workflows.verify_model import Trust, VerifyRequest, verify_model
from keelmark.workflows.verify_release import VerifyReleaseRequest, verify_release
from keelmark.workflows.verify_subject import SubjectKind, subject_of

__all__ = ["verify"]

_Several = Parameter(negative=())


def verify(  # noqa: PLR0913 - each option of the command is one argument
    path: Path,
    folder: Path | None = None,
    *,
    signature: Annotated[Path | None, Parameter(name=("--signature", "-s"))] = None,
    key: Annotated[tuple[str, ...], _Several] = (),
    root: Annotated[tuple[Path, ...], _Several] = (),
    identity: Annotated[tuple[str, ...], _Several] = (),
    also_key: Annotated[tuple[str, ...], _Several] = (),
    allow_unsigned: Annotated[tuple[str, ...], _Several] = (),
    revocations: Annotated[tuple[Path, ...], _Several] = (),
    release: Path | None = None,
    against: Path | None = None,
    as_of: str | None = None,
    verbose: Annotated[bool, Parameter(name=("--verbose", "-v"), negative=())] = False,
    format: Annotated[Literal["console", "json"], Parameter(name=("--format", "-f"))] = "console",  # noqa: A002
) -> int:
    """Verify a model or dataset against its signature, a folder against its release, or a dossier, offline.

    Exit codes: 0 valid, 1 does not verify, 2 could not run, 3 cannot tell.

    Args:
        path: Folder or file of a model or dataset; or a release; or a dossier.
        folder: What the release speaks of; the current folder when not given.
        signature: The signature; when not given, model.sig in the folder or in the current one.
        key: Public key in PEM form, as a file or env:NAME. One of them must have signed. May be given several times.
        root: File of certificates of issuers in PEM form; one must vouch for the signer. May be given several times.
        identity: Name that the signer's certificate must bear (mail, URI, host or common name). May be given several times.
        also_key: Public key that must have signed as well. May be given several times.
        allow_unsigned: File or folder, relative to PATH, that need not be signed; `.` is all. May be given several times.
        revocations: Revocation, later release, or folder of them, to honour beside those that lie by the release. May be given several times.
        release: The release that a dossier should be of, as a file.
        against: Another dossier, which should be of the same release and tell of the same facts.
        as_of: Day at which certificates and releases must be valid (2027-01-31); today when not given.
        verbose: Every difference.
        format: console or json.
    """
    subject = subject_of(path, signature, folder)
    trust = Trust(
        keys=tuple(map(public_key, key)),
        roots=tuple(each for file in root for each in load_certificates(read_bytes(file))),
        identities=identity,
        also_keys=tuple(map(public_key, also_key)),
    )
    clock = _clock(as_of)
    if subject.kind is not SubjectKind.DOSSIER and (release or against):
        raise UsageError(f"`{path}` is no dossier", hint="leave out --release and --against")
    match subject.kind:
        case SubjectKind.DOSSIER:
            if trust.roots or trust.identities or trust.also_keys or allow_unsigned or revocations:
                raise UsageError("a dossier is verified with --key alone", hint="leave out the other options")
            wanted = VerifyDossierRequest(
                file=subject.path, keys=trust.keys, release=release, against=against
            )
            return _dossier(wanted, clock, format=format, verbose=verbose)
        case SubjectKind.RELEASE:
            if trust.roots or trust.identities or allow_unsigned:
                raise UsageError(
                    "a release is verified with keys alone",
                    hint="leave out --root, --identity and --allow-unsigned",
                )
            asked = VerifyReleaseRequest(
                release=subject.signature,
                root=subject.path,
                revocations=revocations,
                keys=trust.keys,
                also_keys=trust.also_keys,
            )
            return _release(asked, clock, format=format, verbose=verbose, as_of=as_of)
        case SubjectKind.MODEL:
            if revocations:
                raise UsageError("only releases are revoked", hint="leave out --revocations")
            request = VerifyRequest(
                path=subject.path,
                signature=subject.signature,
                allow_unsigned=tuple(map(_inside, allow_unsigned)),
            )
            found = verify_model(request, trust, clock=clock)
        case unreachable:
            assert_never(unreachable)
    if as_of is not None:
        found = replace(found, notes=(*found.notes, f"certificates were judged as of {as_of}, not of today"))
    print_text(verified_json(found) if format == "json" else verified_text(found, verbose=verbose))
    return EXIT_CODES[found.outcome]


def _dossier(
    asked: VerifyDossierRequest,
    clock: Clock,
    *,
    format: str,  # noqa: A002
    verbose: bool,
) -> int:
    found = verify_dossier(asked, clock=clock)
    print_text(
        dossier_json.verified_json(found)
        if format == "json"
        else dossier_console.verified_text(found, verbose=verbose)
    )
    return EXIT_CODES[found.outcome]


def _release(
    asked: VerifyReleaseRequest,
    clock: Clock,
    *,
    format: str,  # noqa: A002
    verbose: bool,
    as_of: str | None,
) -> int:
    found = verify_release(asked, clock=clock)
    if as_of is not None:
        found = replace(found, notes=(*found.notes, f"the time was judged as of noon of {as_of}, not of now"))
    print_text(
        release_json.verified_json(found)
        if format == "json"
        else release_console.verified_text(found, verbose=verbose)
    )
    return EXIT_CODES[found.outcome]


def _inside(path: str) -> str:
    # An empty variable in a script must not allow everything.
    if not path or path.startswith("/"):
        raise UsageError(
            f"`{path}` is no path in what is verified", hint="write it relative to PATH; . is all"
        )
    return posixpath.normpath(path)


def _clock(as_of: str | None) -> Clock:
    if as_of is None:
        return SystemClock()
    try:
        return FixedClock.on(date.fromisoformat(as_of))
    except ValueError:
        raise UsageError(f"`{as_of}` is no day", hint="write it like 2027-01-31") from None
