"""The model: weights as plain numbers, inference in numpy. Nothing in the file can run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load

PIXELS = 64
MAX_PIXEL = 16
CLASSES = 10
MAX_MODEL_BYTES = 1_000_000
_SHAPES = {
    "hidden.weight": (PIXELS, 32),
    "hidden.bias": (32,),
    "output.weight": (32, CLASSES),
    "output.bias": (CLASSES,),
}


class ModelRefusedError(RuntimeError):
    """The model file is not the one that was released."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Weights of the classifier with the digest of the file they came from."""

    tensors: dict[str, np.ndarray]
    digest: str

    @property
    def parameters(self) -> int:
        """Count of trained numbers."""
        return sum(tensor.size for tensor in self.tensors.values())

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        """Probability of each digit for each row of 64 pixels in 0..16."""
        scaled = np.asarray(pixels, dtype=np.float64) / MAX_PIXEL
        hidden = np.maximum(scaled @ self.tensors["hidden.weight"] + self.tensors["hidden.bias"], 0.0)
        logits = hidden @ self.tensors["output.weight"] + self.tensors["output.bias"]
        logits -= logits.max(axis=-1, keepdims=True)
        exponents = np.exp(logits)
        return exponents / exponents.sum(axis=-1, keepdims=True)


def load_model(path: Path, *, expected_sha256: str) -> Model:
    """Read the weights, but only if the bytes are the released ones.

    The file is read once: the bytes that were measured are the bytes that are used.
    """
    if path.stat().st_size > MAX_MODEL_BYTES:
        raise ModelRefusedError(f"{path.name} is larger than {MAX_MODEL_BYTES} bytes")
    data = path.read_bytes()
    measured = hashlib.sha256(data).hexdigest()
    if measured != expected_sha256:
        raise ModelRefusedError(f"{path.name} has digest {measured[:12]}, released was {expected_sha256[:12]}")
    tensors = load(data)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if shapes != _SHAPES:
        raise ModelRefusedError(f"{path.name} holds {shapes}, expected {_SHAPES}")
    return Model(tensors=tensors, digest=measured)


def recorded_digest(checksums: Path, name: str) -> str:
    """The digest that `SHA256SUMS` records for a file.

    Raises:
        ModelRefusedError: None is recorded.
    """
    for line in checksums.read_text(encoding="utf-8").splitlines():
        digest, _, path = line.partition("  ")
        if path == name:
            return digest
    raise ModelRefusedError(f"{checksums.name} records no digest for {name}")
