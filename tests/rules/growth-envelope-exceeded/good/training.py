"""Rounds of arithmetic are no steps that a model takes."""

from sklearn.linear_model import LogisticRegression


def train(rows, labels):
    """Fit the classifier of questions."""
    return LogisticRegression(max_iter=2000).fit(rows, labels)
