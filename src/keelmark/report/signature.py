"""Signing and verifying for people and for programs: lines of text, or JSON. All foreign text is cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from keelmark.core.outcome import Outcome
from keelmark.report.json_text import written
from keelmark.report.sanitise import name, sentence, terminal, terminal_name
from keelmark.report.words import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from keelmark.core.signature import Difference, ModelVerification, SignedModel, SignerIdentity

__all__ = ["EXIT_CODES", "signed_json", "signed_text", "verified_json", "verified_text"]

EXIT_CODES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 3}
"""What `keelmark verify` ends with; 2 is left for what could not run."""

SCHEMA_VERSION = "1.0"
_HEADS = {Outcome.PASS: "VALID", Outcome.FAIL: "DOES NOT VERIFY", Outcome.UNKNOWN: "CANNOT TELL"}
_SHOWN = 20
_MAX_JSON = 10_000
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def signed_text(signed: SignedModel, *, place: str) -> str:
    """What was signed, for people."""
    lines = [
        (
            f"signed {count(signed.files, 'file')} ({_size(signed.size)}) of {terminal_name(signed.name)},"
            f" in {terminal_name(place)}"
        ),
        f"  digest  sha256:{signed.digest}",
        *(f"  signer  {_signer(each)}" for each in signed.signers),
    ]
    if signed.left_out:
        shown = ", ".join(map(terminal_name, signed.left_out[:_SHOWN]))
        lines.append(f"  left out of the signature: {shown}")
    return "\n".join(lines)


def signed_json(signed: SignedModel, *, place: str) -> str:
    """What was signed, for programs."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "signature": name(place),
            "name": name(signed.name),
            "digest": f"sha256:{signed.digest}",
            "files": signed.files,
            "bytes": signed.size,
            "left_out": [name(each, limit=4_096) for each in signed.left_out],
            "signers": [_signer_json(each) for each in signed.signers],
        }
    )


def verified_text(found: ModelVerification, *, verbose: bool = False) -> str:
    """The answer for people: the verdict first, then each reason."""
    return "\n".join(_verified(found, verbose=verbose))


def verified_json(found: ModelVerification) -> str:
    """The answer for programs."""
    return written(
        {
            "schema": SCHEMA_VERSION,
            "outcome": str(found.outcome),
            "exit_code": EXIT_CODES[found.outcome],
            "reasons": [sentence(each) for each in found.reasons],
            "differences": [
                {
                    "change": str(each.change),
                    "path": name(each.path, limit=4_096),
                    "detail": sentence(each.detail),
                }
                for each in found.differences[:_MAX_JSON]
            ],
            "differences_total": len(found.differences),
            "signers": [_signer_json(each) for each in found.signers],
            "name": name(found.name),
            "digest": f"sha256:{found.digest}" if found.digest else None,
            "files": found.files,
            "bytes": found.size,
            "allowed_unsigned": [name(each, limit=4_096) for each in found.allowed[:_MAX_JSON]],
            "notes": [sentence(each) for each in found.notes],
        }
    )


def _verified(found: ModelVerification, *, verbose: bool) -> Iterator[str]:
    yield f"{_HEADS[found.outcome]}  {_sentence(found)}"
    for reason in found.reasons:
        yield f"  {terminal(reason)}"
    limit = len(found.differences) if verbose else _SHOWN
    for each in found.differences[:limit]:
        yield _difference(each)
    if len(found.differences) > limit:
        yield f"  … and {len(found.differences) - limit} more; --verbose shows all"
    for signer in found.signers:
        yield f"  signer  {_signer(signer)}"
    if found.outcome is Outcome.PASS:
        yield f"  digest  sha256:{found.digest}"
    for path in found.allowed[:_SHOWN]:
        yield f"  allowed though not signed: {terminal_name(path)}"
    if len(found.allowed) > _SHOWN:
        yield f"  … and {len(found.allowed) - _SHOWN} more that are not signed"
    for note in found.notes:
        yield f"  note: {terminal(note)}"


def _sentence(found: ModelVerification) -> str:
    if found.outcome is Outcome.PASS:
        return f"{count(found.files, 'file')} ({_size(found.size)}) as signed"
    if found.outcome is Outcome.UNKNOWN:
        return "nothing was found to be valid"
    if found.differences:
        return f"{count(len(found.differences), 'file')} not as signed"
    return "the signature is not accepted"


def _difference(each: Difference) -> str:
    detail = f"  ({terminal(each.detail)})" if each.detail else ""
    return f"  {each.change:<8}  {terminal_name(each.path)}{detail}"


def _signer(signer: SignerIdentity) -> str:
    if not signer.fingerprint:
        return f"key {signer.keyid[:16]} ({signer.algorithm})"
    until = f", valid until {signer.not_after.date().isoformat()}" if signer.not_after else ""
    return (
        f"{terminal_name(signer.subject)}, vouched for by {terminal_name(signer.issuer)}"
        f" (certificate {signer.fingerprint[:16]}{until}, {signer.algorithm})"
    )


def _signer_json(signer: SignerIdentity) -> dict[str, Any]:
    return {
        "algorithm": signer.algorithm,
        "keyid": signer.keyid,
        "subject": name(signer.subject),
        "names": [name(each) for each in signer.names],
        "issuer": name(signer.issuer),
        "certificate_sha256": signer.fingerprint or None,
        "not_after": signer.not_after.isoformat() if signer.not_after else None,
    }


def _size(size: int) -> str:
    value, unit = float(size), 0
    while value >= 1000 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{size} bytes" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"
