"""Verifies a model or dataset against its signature, offline.

Rules; a pass needs all of them:

1. Whom to trust comes from the verifier alone: keys, or certificates of issuers. What a signature says of itself never counts.
2. The signature is checked before anything that it says is read.
3. Every file on disk is one that was signed, unless the verifier named it; what the signature leaves out is no exception.
4. Every file that was signed is there, unchanged.
5. What cannot be checked here is unknown, never a pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.outcome import Outcome
from keelmark.core.signature import Change, Difference, ModelVerification, SignerIdentity
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.trust import bundle as bundles
from keelmark.trust import statement as statements
from keelmark.trust.certificates import verify_chain
from keelmark.trust.keys import PublicKey
from keelmark.trust.model_manifest import COMPAT_TYPE, SINGLE_FILE, Manifest, is_under, manifest_of
from keelmark.workflows.model_files import Span, digest_spans, list_files, relative_to_model
from keelmark.workflows.sign import identity_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from keelmark.core.clock import Clock
    from keelmark.trust.bundle import Bundle
    from keelmark.trust.model_manifest import Resource
    from keelmark.trust.statement import Statement
    from keelmark.workflows.model_files import Entry, Listing

__all__ = ["Trust", "VerifyRequest", "read_signature", "verify_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom the verifier trusts.

    Attributes:
        keys: One of them must have signed.
        roots: DER forms of issuers: one must vouch for the signer.
        identities: When there are any, the signer's certificate must bear one of these names.
        also_keys: Each of them must have signed as well.
    """

    keys: tuple[PublicKey, ...] = ()
    roots: tuple[bytes, ...] = ()
    identities: tuple[str, ...] = ()
    also_keys: tuple[PublicKey, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyRequest:
    """What to verify.

    Attributes:
        path: The folder or file.
        signature: The signature file.
        allow_unsigned: Files and folders in `path`, relative to it, that need not be signed; `.` is all.
    """

    path: Path
    signature: Path
    allow_unsigned: tuple[str, ...] = ()


class _Unknown(Exception):  # noqa: N818 - not an error: an answer
    """It cannot be told here."""


def read_signature(file: Path) -> bytes:
    """The bytes of a signature file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(bundles.BundleBounds().max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it cannot be a path"
        raise UsageError(f"`{file}` cannot be read: {reason}", hint="name it with --signature") from error


def verify_model(request: VerifyRequest, trust: Trust, *, clock: Clock) -> ModelVerification:
    """Say whether a model is what somebody trusted has signed.

    Args:
        request: What to verify.
        trust: Whom to trust.
        clock: The moment at which certificates must be valid.

    Raises:
        UsageError: Nobody is trusted, or a file cannot be read.
        TrustError: A file changed while it was read.
        LimitExceededError: There is too much to read.
    """
    if not trust.keys and not trust.roots:
        raise UsageError(
            "nobody is trusted", hint="name a public key with --key, or a certificate with --root"
        )
    data = read_signature(request.signature)
    notes: list[str] = []
    try:
        bundle = bundles.parse(data)
        signers, statement = _believed(bundle, trust, clock, notes)
        manifest = manifest_of(statement)
    except _Unknown as unknown:
        return ModelVerification(outcome=Outcome.UNKNOWN, reasons=(str(unknown),))
    except (ParseError, TrustError) as error:
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return ModelVerification(outcome=Outcome.FAIL, reasons=(reason,))
    return _compare(request, manifest, signers, notes)


def _believed(
    bundle: Bundle, trust: Trust, clock: Clock, notes: list[str]
) -> tuple[tuple[SignerIdentity, ...], Statement]:
    """Who signed, and what. Nothing is read from the payload before a trusted signature over it was found."""
    if bundle.envelope.payload_type != statements.PAYLOAD_TYPE:
        raise TrustError(f"signature is over `{bundle.envelope.payload_type[:200]}`, not over a statement")
    signer, key = _signer(bundle, trust, clock, notes)
    is_signed = bundles.key_signed(bundle, key)
    is_compat = not is_signed and bundles.key_signed_compat(bundle, key)
    if not is_signed and not is_compat:
        raise TrustError("the signature does not hold", hint="it, or what it signs, was changed")
    for other in trust.also_keys:
        if not bundles.key_signed(bundle, other):
            raise TrustError(f"the key {other.keyid[:16]} ({other.algorithm}) did not sign as well")
    statement = statements.parse(bundle.envelope.payload)
    if is_compat and statement.predicate_type != COMPAT_TYPE:
        raise TrustError("signed in the faulty way of version 0.2, but not of that version")
    if statement.predicate_type == COMPAT_TYPE:
        notes.append("made with version 0.2 of the format, which was experimental: sign anew")
    return (signer, *(identity_of(other) for other in trust.also_keys)), statement


def _signer(bundle: Bundle, trust: Trust, clock: Clock, notes: list[str]) -> tuple[SignerIdentity, PublicKey]:
    for key in trust.keys:
        # The hint tells keys apart; a wrong one means that somebody wrote to the file.
        is_named = bundle.hint in {"", key.hint}
        if is_named and (bundles.key_signed(bundle, key) or bundles.key_signed_compat(bundle, key)):
            _check_identities((), trust)
            return identity_of(key), key
    if bundle.certificates and bundle.log_entries:
        raise _Unknown(
            "signed through Sigstore: its short-lived certificate needs the roots of Sigstore and its"
            " transparency log, which are not checked here; verify it with the model-signing program"
        )
    if not bundle.certificates or not trust.roots:
        if not trust.keys:
            raise TrustError(
                "signed with a plain key, not with a certificate", hint="name the key with --key"
            )
        raise TrustError(
            "none of the trusted keys signed this",
            hint="signed with a certificate: --root names its issuer"
            if bundle.certificates
            else "check the key",
        )
    found = verify_chain(bundle.certificates, roots=trust.roots, at=clock.now())
    _check_identities(found.names, trust)
    notes.append("whether the certificate was revoked is not checked")
    return identity_of(found.key, found), found.key


def _check_identities(names: Sequence[str], trust: Trust) -> None:
    if trust.identities and not set(trust.identities) & set(names):
        wanted, found = ", ".join(trust.identities), ", ".join(names) or "a plain key without a name"
        raise TrustError(f"signed by {found}, not by {wanted}"[:400])


def _compare(
    request: VerifyRequest, manifest: Manifest, signers: tuple[SignerIdentity, ...], notes: list[str]
) -> ModelVerification:
    how = manifest.serialization
    own = relative_to_model(request.path, request.signature) if request.path.is_dir() else None
    passed_over = (own,) if own and own not in {each.path for each in manifest.resources} else ()
    listing = list_files(request.path, ignore=passed_over, follow=how.allow_symlinks)
    allowed, unsigned = _unsigned(listing, manifest, frozenset(request.allow_unsigned))
    missing, spans = _spans(listing, manifest)
    digests = digest_spans(
        request.path, [span for span, _ in spans], algorithm=how.hash_type, follow=how.allow_symlinks
    )
    changed = {
        span.entry.path: "its content is another"
        for (span, resource), digest in zip(spans, digests, strict=True)
        if digest != resource.digest
    }
    if list_files(request.path, ignore=passed_over, follow=how.allow_symlinks) != listing:
        raise TrustError("files came, went or changed while they were read", hint="wait until nobody writes")
    differences = [
        *(Difference(change=Change.CHANGED, path=path, detail=words) for path, words in changed.items()),
        *(each for each in missing if each.path not in changed),
        *unsigned,
    ]
    reasons = _reasons(manifest, listing)
    compared = {span.entry.path: span.entry.size for span, _ in spans}
    return ModelVerification(
        outcome=Outcome.FAIL if differences or reasons else Outcome.PASS,
        reasons=reasons,
        differences=tuple(sorted(differences, key=lambda each: (each.change, each.path))),
        signers=signers,
        name=manifest.name,
        digest=manifest.digest,
        files=len(compared),
        size=sum(compared.values()),
        allowed=allowed,
        notes=tuple(notes),
    )


def _reasons(manifest: Manifest, listing: Listing) -> tuple[str, ...]:
    """Why it is no pass, apart from single files."""
    if not manifest.resources:
        return ("the signature covers no file at all",)
    was_file = manifest.resources[0].path == SINGLE_FILE
    if was_file and listing.root.is_dir():
        return (f"a single file was signed, called `{manifest.name[:200]}`: name it, not its folder",)
    if not was_file and not listing.root.is_dir():
        return (f"a folder was signed, called `{manifest.name[:200]}`: name it, not a file",)
    return ()


def _unsigned(
    listing: Listing, manifest: Manifest, allow: frozenset[str]
) -> tuple[tuple[str, ...], list[Difference]]:
    """What lies in the folder without being signed: what the verifier allows, and the rest."""
    signed = {each.path for each in manifest.resources}
    left_out = frozenset(manifest.serialization.ignore_paths)
    allowed: list[str] = []
    differences: list[Difference] = []
    kinds = (
        (Change.ADDED, [entry.path for entry in listing.files], "it was not signed"),
        (Change.LINK, listing.links, "symbolic links are not followed: what is behind them is not signed"),
        (Change.SPECIAL, listing.others, "neither a file nor a folder, or a name that is no UTF-8"),
    )
    for change, paths, words in kinds:
        for path in paths:
            if path in signed and change is Change.ADDED:
                continue
            # A link in the place of a signed file is never allowed: it is a changed file.
            if is_under(path, allow) and path not in signed:
                allowed.append(path)
            elif is_under(path, left_out) and change is Change.ADDED:
                differences.append(
                    Difference(
                        change=Change.LEFT_OUT, path=path, detail="the signer left it out of the signature"
                    )
                )
            else:
                differences.append(Difference(change=change, path=path, detail=words))
    return tuple(allowed), differences


def _spans(listing: Listing, manifest: Manifest) -> tuple[list[Difference], list[tuple[Span, Resource]]]:
    """What must be read, and the signed files for which that is in vain."""
    on_disk = {entry.path: entry for entry in listing.files}
    elsewhere = {*listing.links, *listing.others}
    ends = {each.path: each.end for each in manifest.resources}
    differences: list[Difference] = []
    spans: list[tuple[Span, Resource]] = []
    for path, end in ends.items():
        entry = on_disk.get(path)
        if entry is None and path not in elsewhere:
            differences.append(
                Difference(change=Change.REMOVED, path=path, detail="it was signed and is gone")
            )
        elif entry is not None and end is not None and end != entry.size:
            words = f"it has {entry.size} bytes, not {end}"
            differences.append(Difference(change=Change.CHANGED, path=path, detail=words))
    unread = {each.path for each in differences}
    for resource in manifest.resources:
        entry = on_disk.get(resource.path)
        if entry is not None and resource.path not in unread:
            spans.append((_span(entry, resource), resource))
    return differences, spans


def _span(entry: Entry, resource: Resource) -> Span:
    return Span(entry=entry, start=resource.start or 0, end=resource.end)
