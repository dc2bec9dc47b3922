import requests


def ask(prompt):
    return requests.post(
        "https://llm.example.com/v1", json={"prompt": prompt}, verify="/etc/ssl/own-ca.pem", timeout=30
    )
