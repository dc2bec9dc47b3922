from openai import OpenAI

client = OpenAI()
reply = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=[], timeout=20)
