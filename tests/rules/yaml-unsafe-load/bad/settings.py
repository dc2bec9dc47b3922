"""Reads settings."""

import yaml


def read(text):
    base = yaml.load(text, Loader=yaml.Loader)
    return base, yaml.unsafe_load(text)
