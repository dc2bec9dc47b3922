import requests


def ask(prompt):
    return requests.post("https://llm.example.com/v1", json={"prompt": prompt}, timeout=(3, 60)).json()
