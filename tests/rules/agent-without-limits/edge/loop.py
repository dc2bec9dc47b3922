"""A loop that counts its rounds, and one that asks no model."""

import itertools
import queue

from openai import OpenAI

client = OpenAI()


def answer(messages, tools):
    rounds = 0
    while True:
        rounds += 1
        if rounds > 8:
            raise TimeoutError("too many rounds")
        reply = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages, tools=tools)
        if not reply.choices[0].message.tool_calls:
            return reply.choices[0].message.content


def work(jobs: queue.Queue):
    while True:
        itertools.chain(jobs.get())
