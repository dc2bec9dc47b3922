"""Exports the evaluation dossier of a release: what was tested, on what, and what came of it, for one kind of reader.

The promises, each with a test:

1. There is no dossier of a release that is not valid here and now, nor of a run that it does not sign.
2. All levels of a release have one root, whenever they are exported: the salts follow from a secret that is made once and
   signed by who exports, and facts that come out otherwise than before are refused.
3. What is written opens and verifies: it is read again before it is kept, and kept whole or not at all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from keelmark.core.clock import SystemClock
from keelmark.core.dossier import Dossier, DossierStatement, Fact, Level
from keelmark.core.outcome import Outcome
from keelmark.deployment.release.dossier import redacted, sealed
from keelmark.deployment.release.dossier_statement import payload_of
from keelmark.deployment.release.dossier_verification import ENDING, ENVELOPE, RELEASE, TEST_RESULT, signed_by
from keelmark.errors import ParseError, TrustError, UsageError
from keelmark.store.dossiers import DOSSIERS_FOLDER, DossierFolder
from keelmark.trust import canonical_json, dsse, statement, stored_zip
from keelmark.trust.commitment import SECRET_BYTES
from keelmark.trust.keys import PublicKey, Signer
from keelmark.trust.statement import is_hex
from keelmark.version import __version__
from keelmark.workflows.dossier_ground import facts_of, ground_of
from keelmark.workflows.dossier_parts import readable_parts, results_payload
from keelmark.workflows.dossier_release import VerifiedRelease, verified_release
from keelmark.workflows.verify_dossier import verify_archive
from keelmark.workflows.whole_file import write_whole

if TYPE_CHECKING:
    from keelmark.core.clock import Clock
    from keelmark.workflows.assess import Progress

__all__ = ["ExportRequest", "Exported", "export", "public_facts"]

_SECRET = "application/vnd.keelmark.dossier-secret.v1+json"  # noqa: S105 - a type of content
_SHA256_DIGITS = 64
_MAX_SECRET_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """What to export.

    Attributes:
        root: The project, as it was released.
        level: Who will read it.
        release: A file, an id, the beginning of one, or `latest`.
        trusted: Keys of which one must have signed the release, beside that of the signer.
        output: Where to write it; None for `.keelmark/dossiers`.
    """

    root: Path
    level: Level = Level.PUBLIC
    release: str = "latest"
    trusted: Sequence[PublicKey] = ()
    output: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written, and where."""

    dossier: Dossier
    stated: DossierStatement
    file: Path
    size: int


def export(
    request: ExportRequest, *, signer: Signer, clock: Clock | None = None, progress: Progress | None = None
) -> Exported:
    """Write the dossier of one level.

    Raises:
        UsageError: There is no such release, or the dossier cannot be written there.
        TrustError: The release is not valid, or what it rests on is not what it signs.
        StoreError: The run behind it was not kept, or nothing can be written.
        LimitExceededError: There is too much to write.
    """
    now = clock or SystemClock()
    root = request.root.resolve()
    _check_output(request.output, root)
    trusted = (signer.public, *request.trusted)
    verified = verified_release(root, request.release, trusted=trusted, clock=now)
    facts = facts_of(ground_of(root, verified, progress=progress), verified)
    folder = DossierFolder(root / DOSSIERS_FOLDER)
    whole = _Sealing(verified=verified, facts=facts, folder=folder, signer=signer).sealed()
    dossier = redacted(whole, request.level)
    data, stated = _archive(dossier, verified, signer, now)
    name = f"{dossier.release}.{dossier.level}{ENDING}"
    return Exported(
        dossier=dossier, stated=stated, file=_write(request.output, folder, name, data), size=len(data)
    )


def public_facts(
    request: ExportRequest, *, clock: Clock | None = None, progress: Progress | None = None
) -> Dossier:
    """What anybody may read of a release. Nothing is signed or written, so its root proves nothing.

    Raises:
        UsageError, TrustError, StoreError, LimitExceededError: As `export` does.
    """
    root = request.root.resolve()
    verified = verified_release(root, request.release, trusted=request.trusted, clock=clock or SystemClock())
    facts = facts_of(ground_of(root, verified, progress=progress), verified)
    return redacted(_sealed(facts, secrets.token_bytes(SECRET_BYTES), verified), Level.PUBLIC)


def _sealed(facts: tuple[Fact, ...], secret: bytes, verified: VerifiedRelease) -> Dossier:
    return sealed(
        facts,
        secret=secret,
        release=verified.signed.release.id,
        release_digest=hashlib.sha256(verified.data).hexdigest(),
        keelmark=__version__,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealing:
    """Commits to the facts of a release with the secret of that release (promise 2)."""

    verified: VerifiedRelease
    facts: tuple[Fact, ...]
    folder: DossierFolder
    signer: Signer

    def sealed(self) -> Dossier:
        """The dossier that shows everything."""
        release = self.verified.signed.release.id
        kept = self.folder.secret(release)
        if kept is None:
            secret = secrets.token_bytes(SECRET_BYTES)
            dossier = _sealed(self.facts, secret, self.verified)
            if self.folder.keep_secret(release, self._record(secret, dossier)):
                return dossier
            kept = self.folder.secret(release)
        secret, root = self._read(kept or b"")
        dossier = _sealed(self.facts, secret, self.verified)
        if dossier.root != root:
            raise TrustError(
                "the facts of this release do not come out as in the dossiers that were exported before",
                hint="export all levels with one version of Keelmark, or release again for a new set",
            )
        return dossier

    def _record(self, secret: bytes, dossier: Dossier) -> bytes:
        document = {"release": dossier.release_digest, "root": dossier.root, "secret": secret.hex()}
        return dsse.encode(dsse.sign(_SECRET, canonical_json.encode(document), keys=[self.signer]))

    def _read(self, record: bytes) -> tuple[bytes, str]:
        """Secret and root. A secret that came with the folder could be known to whoever laid it there."""
        hint = "move it away; levels that are exported then have another root than those from before"
        try:
            envelope = dsse.parse(record)
            is_ours = signed_by(envelope, (self.signer.public, *self.verified.keys)) is not None
            found = canonical_json.parse(
                envelope.payload, what="secret of the dossiers", max_bytes=_MAX_SECRET_BYTES
            )
        except ParseError as error:
            raise TrustError(f"the secret of the dossiers is damaged: {error.message}", hint=hint) from error
        if not is_ours or envelope.payload_type != _SECRET:
            raise TrustError(
                "the secret of the dossiers was not made with a key that signed this release", hint=hint
            )
        secret, root = found.get("secret"), found.get("root")
        if (
            found.get("release") != hashlib.sha256(self.verified.data).hexdigest()
            or not isinstance(secret, str)
            or not isinstance(root, str)
            or not is_hex(secret, 2 * SECRET_BYTES)
            or not is_hex(root, _SHA256_DIGITS)
        ):
            raise TrustError("the secret of the dossiers is of another release", hint=hint)
        return bytes.fromhex(secret), root


def _archive(
    dossier: Dossier, verified: VerifiedRelease, signer: Signer, clock: Clock
) -> tuple[bytes, DossierStatement]:
    parts = readable_parts(dossier)
    parts[TEST_RESULT] = dsse.encode(
        dsse.sign(statement.PAYLOAD_TYPE, results_payload(dossier), keys=[signer])
    )
    if dossier.level.sees(Level.AUTHORITY):
        parts[RELEASE] = verified.data
    stated = DossierStatement(
        level=dossier.level,
        release=dossier.release,
        release_digest=dossier.release_digest,
        root=dossier.root,
        leaves=len(dossier.leaves),
        parts={name: hashlib.sha256(content).hexdigest() for name, content in parts.items()},
        keelmark=__version__,
        made=clock.now(),
    )
    envelope = dsse.sign(statement.PAYLOAD_TYPE, payload_of(stated), keys=[signer])
    data = stored_zip.build({ENVELOPE: dsse.encode(envelope), **parts})
    found = verify_archive(data, keys=[signer.public])
    if found.outcome is not Outcome.PASS:  # Nobody is handed a dossier that does not verify.
        raise TrustError(f"the dossier does not verify: {'; '.join(found.reasons[:3])}")
    return data, stated


def _check_output(output: Path | None, root: Path) -> None:
    """Refuse a dossier that would lie among the files that are released."""
    if output is None:
        return
    place = output.parent.resolve() / output.name
    if place.is_relative_to(root) and not place.is_relative_to(root / ".keelmark"):
        raise UsageError(
            f"`{output}` lies in the project, and would be a file that the release does not cover",
            hint=f"write it outside, such as ../{output.name}",
        )
    if not place.parent.is_dir() or place.is_dir():
        raise UsageError(f"`{output}` cannot be written", hint="name a file in a folder that exists")


def _write(output: Path | None, folder: DossierFolder, name: str, data: bytes) -> Path:
    if output is None:
        return folder.put(name, data)
    try:
        write_whole(output, data)
    except OSError as error:
        raise UsageError(f"`{output}` cannot be written: {error.strerror}") from error
    return output
