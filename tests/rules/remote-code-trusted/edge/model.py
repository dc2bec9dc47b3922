"""Speaks of trust_remote_code=True in words, and loads a hub folder that lies here."""

import torch
from transformers import AutoTokenizer

NOTE = "never set trust_remote_code=True"


def load():
    # trust_remote_code=True would run code of the repository
    tokenizer = AutoTokenizer.from_pretrained("mistralai/Mistral-7B-v0.1", trust_remote_code=False)
    vad = torch.hub.load("./vendor/vad", "vad", source="local")
    return tokenizer, vad
