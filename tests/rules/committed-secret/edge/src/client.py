from openai import OpenAI

client = OpenAI(api_key="sk-your-key-here-xxxxxxxxxxxxxxxxxxxx")
