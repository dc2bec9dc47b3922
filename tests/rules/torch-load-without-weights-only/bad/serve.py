"""Serves a checkpoint."""

import torch


def load(path):
    return torch.load(path, map_location="cpu", weights_only=False)


def load_default(path):
    return torch.load(path)
