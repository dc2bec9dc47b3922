import pickle


def read_cache(path: str) -> dict:
    with open(path, "rb") as stream:
        return pickle.load(stream)
