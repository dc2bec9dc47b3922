"""An agent of our own."""

import json

from openai import OpenAI

client = OpenAI()


def answer(messages, tools, run):
    while True:
        reply = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages, tools=tools)
        message = reply.choices[0].message
        if not message.tool_calls:
            return message.content
        for call in message.tool_calls:
            messages.append({"role": "tool", "content": run(json.loads(call.function.arguments))})
