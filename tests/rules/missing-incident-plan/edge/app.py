"""Answers questions with a hosted model."""

from openai import OpenAI

CLIENT = OpenAI()


def answer(question: str) -> str:
    made = CLIENT.chat.completions.create(
        model="gpt-5-2026-08-07", messages=[{"role": "user", "content": question}]
    )
    return made.choices[0].message.content
