"""Writes with allow_pickle, which is harmless, and loads with the default."""

import numpy as np


def save(path, values):
    np.save(path, values, allow_pickle=False)


def load(path):
    return np.load(path, mmap_mode="r")
