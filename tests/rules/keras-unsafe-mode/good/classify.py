import keras


def load():
    return keras.saving.load_model("classifier.keras")
