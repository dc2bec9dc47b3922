"""Train the classifier and write its weights as plain numbers: python -m training.train"""

import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from sklearn.neural_network import MLPClassifier

from training.data import MAX_PIXEL, ROOT, SEED, split


def train(target: Path) -> None:
    """Fit on the training part and write four tensors."""
    pixels, _, labels, _ = split()
    model = MLPClassifier(hidden_layer_sizes=(32,), alpha=1e-3, max_iter=800, random_state=SEED)
    model.fit(pixels / MAX_PIXEL, labels)
    tensors = {
        "hidden.weight": model.coefs_[0],
        "hidden.bias": model.intercepts_[0],
        "output.weight": model.coefs_[1],
        "output.bias": model.intercepts_[1],
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"licence": "Apache-2.0", "card": "docs/model-card.md", "dataset": "data/digits.csv"}
    save_file({name: np.ascontiguousarray(t, dtype=np.float32) for name, t in tensors.items()}, target, metadata)


if __name__ == "__main__":
    train(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "models" / "digits-mlp.safetensors")
