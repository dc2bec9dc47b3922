"""Loads two models."""

import keras


def load():
    new = keras.models.load_model("classifier.keras", safe_mode=False)
    old = keras.models.load_model("classifier.h5")
    return new, old
