"""Train the digit classifier. Run: python train.py"""
import joblib
import pandas as pd
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

# TODO: move paths to a config file
df = pd.read_csv("data/digits.csv")
X = df.drop(columns=["label"]).to_numpy() / 16.0
y = df["label"].to_numpy()

X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=7, stratify=y)

model = MLPClassifier(hidden_layer_sizes=(32,), alpha=1e-3, max_iter=800, random_state=7)
model.fit(X_train, y_train)

print("accuracy", accuracy_score(y_test, model.predict(X_test)))
joblib.dump(model, "model.joblib")
