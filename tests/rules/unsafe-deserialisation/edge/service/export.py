"""Only writes; and has functions called `load` of its own."""

import json
import pickle


class Store:
    def load(self, path):
        with open(path, encoding="utf-8") as file:
            return json.load(file)


def export(model, path):
    with open(path, "wb") as file:
        pickle.dump(model, file)


def settings(store: Store):
    return store.load("settings.json")
