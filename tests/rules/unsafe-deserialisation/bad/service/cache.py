import pickle
from pathlib import Path


def cached(key: str, folder: Path):
    """A digest that is only the key of a cache verifies nothing."""
    with (folder / key).open("rb") as file:
        return pickle.load(file)
