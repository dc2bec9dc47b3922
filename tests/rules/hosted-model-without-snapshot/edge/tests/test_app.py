from openai import OpenAI


def test_reply():
    assert OpenAI().chat.completions.create(model="gpt-4o", messages=[])
