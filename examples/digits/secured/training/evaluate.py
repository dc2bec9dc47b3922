"""Measure what docs/evaluation-report.md says: python -m training.evaluate"""

import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from digits.model import MAX_PIXEL, Model, load_model, recorded_digest
from training.data import ROOT, SEED, split

MIN_CONFIDENCE = 0.6


def gradient_attack(model: Model, pixels: np.ndarray, labels: np.ndarray, strength: float) -> np.ndarray:
    """One step of the fast gradient sign method: each pixel moved by `strength` (of 16) against the label."""
    t = model.tensors
    scaled = pixels / MAX_PIXEL
    hidden = np.maximum(scaled @ t["hidden.weight"] + t["hidden.bias"], 0.0)
    error = model.probabilities(pixels)
    error[np.arange(len(labels)), labels] -= 1.0
    slope = ((error @ t["output.weight"].T) * (hidden > 0)) @ t["hidden.weight"].T
    return np.clip(pixels + strength * np.sign(slope), 0, MAX_PIXEL)


def copied_share(model: Model, pixels: np.ndarray, tests: np.ndarray, questions: int) -> float:
    """Agreement of a copy that was trained on the answers to so many questions."""
    asked = pixels[:questions]
    copy = LogisticRegression(max_iter=2000).fit(asked / MAX_PIXEL, model.probabilities(asked).argmax(axis=1))
    return float((copy.predict(tests / MAX_PIXEL) == model.probabilities(tests).argmax(axis=1)).mean())


def measure() -> dict[str, float]:
    """Every number of the report."""
    path = ROOT / "models" / "digits-mlp.safetensors"
    model = load_model(path, expected_sha256=recorded_digest(ROOT / "SHA256SUMS", "models/digits-mlp.safetensors"))
    train_x, test_x, train_y, test_y = split()

    def accuracy(images: np.ndarray) -> float:
        return float((model.probabilities(images).argmax(axis=1) == test_y).mean())

    noise = np.random.default_rng(SEED).normal(0.0, 2.0, test_x.shape)
    rows = model.probabilities(test_x)
    sure = rows.max(axis=1) >= MIN_CONFIDENCE
    per_digit = [float((rows.argmax(axis=1) == test_y)[test_y == digit].mean()) for digit in range(10)]
    random_images = np.random.default_rng(SEED).integers(0, 17, (1000, 64))
    return {
        "parameters": model.parameters,
        "test_images": len(test_y),
        "accuracy": accuracy(test_x),
        "accuracy_worst_digit": min(per_digit),
        "worst_digit": int(np.argmin(per_digit)),
        "accuracy_when_sure": float((rows.argmax(axis=1) == test_y)[sure].mean()),
        "abstained_share": float(1 - sure.mean()),
        "accuracy_noise_2": accuracy(np.clip(test_x + noise, 0, MAX_PIXEL)),
        "accuracy_gradient_1": accuracy(gradient_attack(model, test_x, test_y, 1.0)),
        "accuracy_gradient_2": accuracy(gradient_attack(model, test_x, test_y, 2.0)),
        "random_images_answered": float((model.probabilities(random_images).max(axis=1) >= MIN_CONFIDENCE).mean()),
        "copy_agreement_100_questions": copied_share(model, train_x, test_x, 100),
        "copy_agreement_1000_questions": copied_share(model, train_x, test_x, 1000),
        "baseline_logistic": float(
            LogisticRegression(max_iter=2000).fit(train_x / MAX_PIXEL, train_y).score(test_x / MAX_PIXEL, test_y)
        ),
        "baseline_centroid": float(NearestCentroid().fit(train_x, train_y).score(test_x, test_y)),
        "ink_mean": float(train_x.sum(axis=1).mean()),
        "ink_deviation": float(train_x.sum(axis=1).std()),
    }


if __name__ == "__main__":
    print(json.dumps({key: round(value, 4) for key, value in measure().items()}, indent=2))
