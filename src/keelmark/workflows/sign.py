"""Signs a model, a dataset, or any other folder or file, in the OpenSSF model-signing format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.signature import SignedModel, SignerIdentity
from keelmark.errors import TrustError, UsageError
from keelmark.trust import bundle, statement
from keelmark.trust.certificates import check_usage, signer_of
from keelmark.trust.model_manifest import Manifest, Resource, Serialization, statement_of
from keelmark.workflows.model_files import Span, digest_spans, list_files, relative_to_model
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.clock import Clock
    from keelmark.trust.certificates import SignerCertificate
    from keelmark.trust.keys import PublicKey, Signer
    from keelmark.workflows.model_files import Listing

__all__ = ["SignRequest", "identity_of", "sign_model"]

_NAMED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """What to sign.

    Attributes:
        path: The folder or file.
        output: The signature file; in the signed folder it is left out of the signature.
        ignore: Files and folders in `path` to leave out. The signature names them.
        allow_symlinks: Follow links to files; the signature says so.
    """

    path: Path
    output: Path
    ignore: tuple[Path, ...] = ()
    allow_symlinks: bool = False


def sign_model(
    request: SignRequest, *, signers: Sequence[Signer], certificates: Sequence[bytes] = (), clock: Clock
) -> SignedModel:
    """Sign every file, hidden ones and those of version control included, and write the signature.

    Args:
        request: What to sign.
        signers: Who signs; the first is the one that other tools look at.
        certificates: DER forms, that of the first signer first.
        clock: Says whether the certificate is valid.

    Raises:
        UsageError: Nothing to sign, links or other things that cannot be signed, or the place of the signature is taken.
        TrustError: The key does not fit the certificate, or a file changed while it was read.
        LimitExceededError: There is too much to read.
    """
    certificate = _checked(certificates, signers[0], clock)
    _check_place(request.output)
    ignored = _ignored(request)
    listing = list_files(request.path, ignore=ignored, follow=request.allow_symlinks)
    _check_listing(listing)
    spans = [Span(entry=entry) for entry in listing.files]
    digests = digest_spans(request.path, spans, algorithm="sha256", follow=request.allow_symlinks)
    if list_files(request.path, ignore=ignored, follow=request.allow_symlinks) != listing:
        raise TrustError("files came, went or changed while they were read", hint="wait until nobody writes")
    manifest = Manifest(
        name=request.path.resolve().name,
        resources=tuple(
            Resource(path=entry.path, digest=digest)
            for entry, digest in zip(listing.files, digests, strict=True)
        ),
        serialization=Serialization(allow_symlinks=request.allow_symlinks, ignore_paths=ignored),
    )
    payload = statement.encode(statement_of(manifest))
    made = bundle.sign(statement.PAYLOAD_TYPE, payload, signers=signers, certificates=certificates)
    try:
        write_whole(request.output, bundle.encode(made))
    except OSError as error:
        raise UsageError(f"`{request.output}` cannot be written: {error.strerror}") from error
    return SignedModel(
        name=manifest.name,
        digest=manifest.digest,
        files=len(listing.files),
        size=sum(entry.size for entry in listing.files),
        left_out=ignored,
        signers=tuple(
            identity_of(signer.public, None if place else certificate) for place, signer in enumerate(signers)
        ),
    )


def identity_of(key: PublicKey, certificate: SignerCertificate | None = None) -> SignerIdentity:
    """Who a signer is."""
    if certificate is None:
        return SignerIdentity(algorithm=key.algorithm, keyid=key.keyid)
    return SignerIdentity(
        algorithm=key.algorithm,
        keyid=key.keyid,
        subject=certificate.subject,
        names=certificate.names,
        issuer=certificate.issuer,
        fingerprint=certificate.fingerprint,
        not_after=certificate.not_after,
    )


def _checked(certificates: Sequence[bytes], signer: Signer, clock: Clock) -> SignerCertificate | None:
    """The signer's certificate, when nobody would refuse what is signed with it."""
    if not certificates:
        return None
    certificate = signer_of(certificates[0])
    if certificate.key.keyid != signer.public.keyid:
        raise TrustError(
            "the certificate is not that of the key", hint="the first certificate is that of the signer"
        )
    check_usage(certificates[0])
    if not certificate.not_before <= clock.now() <= certificate.not_after:
        raise TrustError(
            f"the certificate is valid from {certificate.not_before.date().isoformat()}"
            f" to {certificate.not_after.date().isoformat()}, not now",
            hint="have it renewed",
        )
    return certificate


def _check_place(output: Path) -> None:
    """A signature replaces one that is there, and nothing else."""
    try:
        if output.is_dir():
            raise UsageError(f"`{output}` is a folder", hint="name a file: --output model.sig")
        if not output.parent.is_dir():
            raise UsageError(f"`{output.parent}` is no folder")
        if output.is_file() and output.stat().st_size:
            with output.open("rb") as stream:
                is_signature = bundle.is_bundle(stream.read(bundle.BundleBounds().max_bytes))
            if not is_signature:
                raise UsageError(f"`{output}` is there, and is no signature", hint="name another file")
    except OSError as error:
        raise UsageError(f"`{output}` cannot be written: {error.strerror}") from error


def _ignored(request: SignRequest) -> tuple[str, ...]:
    """Paths that the signature leaves out: those asked for, and the signature itself."""
    found = []
    for each in request.ignore:
        inside = relative_to_model(request.path, each)
        if inside in {None, "."} or not each.exists():
            raise UsageError(f"`{each}` does not lie in `{request.path}`", hint="leave out what is in there")
        found.append(str(inside))
    own = relative_to_model(request.path, request.output) if request.path.is_dir() else None
    return tuple(dict.fromkeys([*([own] if own else []), *found]))


def _check_listing(listing: Listing) -> None:
    if listing.links:
        raise UsageError(
            f"{_names(listing.links)}: symbolic links are not signed",
            hint="replace them by files, or give --allow-symlinks (links to files only), or --ignore them",
        )
    if listing.others:
        raise UsageError(
            f"{_names(listing.others)}: neither a file nor a folder, or a name that is no UTF-8",
            hint="remove or rename it, or --ignore it",
        )
    if not listing.files:
        raise UsageError(f"`{listing.root}` holds no file", hint="name what is to be signed")


def _names(paths: Sequence[str]) -> str:
    shown = ", ".join(f"`{each}`" for each in paths[:_NAMED])
    return shown if len(paths) <= _NAMED else f"{shown} and {len(paths) - _NAMED} more"
