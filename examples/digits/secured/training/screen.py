"""Screen the dataset for poisoning, and print the counts of docs/data-card.md: python -m training.screen"""

import json

import numpy as np
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from training.data import read

# Two images nearer than this (Euclidean, of 128 at most) are near duplicates.
NEAR = 6.0


def screen() -> dict[str, int]:
    """Counts of duplicates, near duplicates with another label, doubtful labels and outliers."""
    pixels, labels = read()
    distances, neighbours = NearestNeighbors(n_neighbors=2).fit(pixels).kneighbors(pixels)
    nearest, other = distances[:, 1], neighbours[:, 1]
    guesses = cross_val_predict(KNeighborsClassifier(n_neighbors=5), pixels, labels, cv=5)
    return {
        "rows": len(labels),
        "duplicates": len(labels) - len(np.unique(pixels, axis=0)),
        "near_duplicates": int((nearest < NEAR).sum()),
        "near_duplicates_with_another_label": int(((nearest < NEAR) & (labels != labels[other])).sum()),
        "labels_that_neighbours_doubt": int((guesses != labels).sum()),
        "outliers": int((nearest > nearest.mean() + 4 * nearest.std()).sum()),
        "pixels_out_of_range": int(((pixels < 0) | (pixels > 16)).any(axis=1).sum()),
    }


if __name__ == "__main__":
    print(json.dumps(screen(), indent=2))
