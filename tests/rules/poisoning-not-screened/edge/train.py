"""The records are made up here: nobody outside could have poisoned them."""

from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

features, labels = make_classification(n_samples=1000, random_state=7)
model = LogisticRegression()
model.fit(features, labels)
