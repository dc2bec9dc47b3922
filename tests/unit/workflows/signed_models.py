"""Models that are signed and verified: keys, files, and the two jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.corpus.certificates import NOW, Chain, new_key, private_pem

from keelmark.core.clock import FixedClock
from keelmark.core.signature import Change
from keelmark.trust.keys import load_private
from keelmark.workflows import verify_model
from keelmark.workflows.sign import SignRequest, sign_model
from keelmark.workflows.verify_model import Trust, VerifyRequest

if TYPE_CHECKING:
    from pathlib import Path

CLOCK = FixedClock(NOW)
RAW_KEY = new_key()
KEY = load_private(private_pem(RAW_KEY))
STRANGER = load_private(private_pem(new_key()))
TRUST = Trust(keys=(KEY.public,))
CHAIN = Chain()
CHAIN_KEY = load_private(private_pem(CHAIN.key))

FILES = {
    "w.bin": b"weights" * 999,
    "config.json": b"{}",
    "sub/x.txt": b"x",
    ".gitattributes": b"* lfs",
    ".github/workflows/ci.yml": b"on: push",
    "empty": b"",
}


def model_in(root: Path) -> Path:
    for name, content in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return root


def signed(model, *, signers=(KEY,), place=None, **more):
    certificates = more.pop("certificates", ())
    output = place or model.parent / "model.sig"
    request = SignRequest(path=model, output=output, **more)
    return sign_model(request, signers=signers, certificates=certificates, clock=CLOCK)


def verified(model, trust=TRUST, *, place=None, clock=CLOCK, **more):
    request = VerifyRequest(path=model, signature=place or model.parent / "model.sig", **more)
    return verify_model.verify_model(request, trust, clock=clock)


def differences(found) -> dict[str, Change]:
    return {each.path: each.change for each in found.differences}


def flip(model, name="w.bin") -> None:
    data = bytearray((model / name).read_bytes())
    data[-1] ^= 1
    (model / name).write_bytes(data)
