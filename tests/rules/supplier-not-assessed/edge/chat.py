"""The model runs on this machine: nobody else reads the prompts."""

import ollama


def ask(question):
    return ollama.chat(model="llama3.1:8b", messages=[{"role": "user", "content": question}])
