"""The model is called, not trained."""

from openai import OpenAI

print(OpenAI().responses.create(model="gpt-4o-2024-08-06", input="hello").output_text)
