from datasets import load_dataset
from sklearn.linear_model import LogisticRegression

rows = load_dataset("example/reviews", revision="8d3f2c1b4a5e6f708192a3b4c5d6e7f801234567", split="train")
model = LogisticRegression()
model.fit(rows["features"], rows["label"])
