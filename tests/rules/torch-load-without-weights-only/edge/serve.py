"""Says nothing, but the lowest version asked for refuses code by default."""

import torch


def load(path):
    return torch.load(path, map_location="cpu")
