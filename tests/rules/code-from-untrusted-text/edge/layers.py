"""`eval` of a model is a mode, and what is evaluated is a constant."""

import torch

LIMIT = eval("2 ** 16")


def prepare(model: torch.nn.Module):
    model.eval()
    return model
