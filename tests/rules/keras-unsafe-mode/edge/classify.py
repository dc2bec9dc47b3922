"""Loads weights alone, into an architecture that stands in the code."""

from tensorflow import keras


def load():
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])
    model.load_weights("classifier.weights.h5")
    return model


def load_model(path, safe_mode=False):
    return path, safe_mode


own = load_model("classifier.h5", safe_mode=False)
