import sys

import openai

title = sys.argv[1]
print(
    openai.OpenAI().chat.completions.create(
        model="gpt-3.5-turbo-0613",
        messages=[{"role": "system", "content": "Answer with one label for this issue: " + title}],
    ).choices[0].message.content
)
