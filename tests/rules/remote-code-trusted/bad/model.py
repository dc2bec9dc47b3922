"""Loads a model from the hub."""

from transformers import AutoModelForCausalLM


def load():
    return AutoModelForCausalLM.from_pretrained("acme/strange-arch-7b", trust_remote_code=True)
