"""Moved away from gpt-4-32k, which is retired."""

from openai import OpenAI

client = OpenAI()
reply = client.chat.completions.create(model="gpt-4-32k-finetuned-by-acme", messages=[], timeout=20)
