from openai import OpenAI

client = OpenAI()
reply = client.chat.completions.create(model="gpt-4-32k", messages=[], timeout=20)
