"""Calls a model server."""

import requests


def ask(prompt):
    return requests.post("https://llm.example.com/v1", json={"prompt": prompt}, verify=False, timeout=30)
