"""Content credentials of the gateway, put together as its settings say."""

from __future__ import annotations

from datetime import UTC, datetime
from datetime import time as time_of_day
from functools import partial
from typing import TYPE_CHECKING

from keelmark.errors import ConfigurationError, LimitExceededError
from keelmark.operation.credentials.c2pa_signer import C2paImages, material_of
from keelmark.operation.credentials.disclosure import Disclosure
from keelmark.operation.credentials.images import Images
from keelmark.operation.credentials.registrar import Registrar
from keelmark.operation.credentials.winnowing import Marker
from keelmark.store.durable import read_bounded
from keelmark.store.fingerprint_files import RegisterBounds
from keelmark.store.fingerprints import SqliteFingerprints
from keelmark.workflows.credential_key import find_or_make_key
from keelmark.workflows.made_here import FINGERPRINTS_FOLDER, form_of
from keelmark.workflows.serve_parts import secret_from

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from keelmark.config.gateway import CredentialSettings
    from keelmark.core.clock import Clock

__all__ = ["FINGERPRINTS_FOLDER", "credential_notes", "disclosure_of", "form_of", "images_of", "registrar_of"]

_MAX_CERTIFICATES = 256 * 1024


def disclosure_of(settings: CredentialSettings, *, system: Callable[[], str]) -> Disclosure:
    """What says of answers that a model made them; from the day on which it is no longer switched off, where it is.

    Args:
        settings: What is said.
        system: Name of the system as released.
    """
    until = 0.0
    if settings.off is not None:
        until = datetime.combine(settings.off.expires, time_of_day.min, tzinfo=UTC).timestamp()
    return Disclosure(settings.disclosure, system=system, silent_until=until)


def credential_notes(settings: CredentialSettings) -> tuple[str, ...]:
    """What the operator should know at the start."""
    off = settings.off
    return () if off is None else (f"answers do not say that a model made them: {off.reason} ({off.owner})",)


def registrar_of(
    settings: CredentialSettings, root: Path, *, worker: str, clock: Clock, told: Callable[[str], None]
) -> Registrar | None:
    """What registers texts that models made; None where nothing is registered.

    Args:
        settings: How.
        root: The project.
        worker: Name of this worker; each has a register of its own.
        clock: Says which day it is.
        told: Takes what the operator should know.

    Raises:
        StoreError: The key cannot be made or must not be used.
        ConfigurationError: It is no key.
    """
    wanted = settings.fingerprints
    if wanted is None:
        return None
    marker = Marker(find_or_make_key(root / wanted.key))
    register = partial(
        SqliteFingerprints,
        root / FINGERPRINTS_FOLDER / worker,
        form=form_of(marker),
        clock=clock,
        bounds=RegisterBounds(keep_days=wanted.keep_days, max_bytes=wanted.max_bytes),
    )
    return Registrar(register, marker=marker, clock=clock, told=told)


def images_of(
    settings: CredentialSettings,
    root: Path,
    *,
    system: Callable[[], str],
    environment: Mapping[str, str] | None = None,
) -> Images | None:
    """What signs images that models made; None where they are not signed.

    Args:
        settings: What with.
        root: The project; the path of the certificate is relative to it.
        system: Name of the system as released.
        environment: Variables that name the key.

    Raises:
        ConfigurationError: The package is not installed, or images cannot be signed with this certificate and key.
    """
    wanted = settings.images
    if wanted is None:
        return None
    try:
        certificates = read_bounded(root / wanted.certificate, _MAX_CERTIFICATES)
    except (OSError, LimitExceededError) as error:
        raise ConfigurationError(
            f"the certificate cannot be read: {error}", path=wanted.certificate
        ) from error
    key = secret_from(wanted.key, root=root, environment=environment)
    signer = C2paImages(material_of(certificates, key, time_stamp=wanted.time_stamp))
    return Images(signer, system=lambda: settings.disclosure.system or system())
