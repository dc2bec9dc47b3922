import json
import logging

from openai import OpenAI

from helpdesk import prompts, settings, store, tools

log = logging.getLogger("helpdesk")
client = OpenAI(api_key=settings.OPENAI_API_KEY or "missing", timeout=None)


def answer(question, customer_name="", ticket_id=None, history=None):
    ticket = store.ticket(ticket_id) if ticket_id else None
    articles = store.search(question)
    system = prompts.SYSTEM_PROMPT.format(
        customer_name=customer_name, ticket=ticket["body"] if ticket else "none", question=question
    )
    context = prompts.ARTICLES_PROMPT.format(articles="\n\n".join(a["body"] for a in articles))
    messages = [
        {"role": "system", "content": system},
        {"role": "system", "content": context},
    ]
    messages += history or []
    messages.append({"role": "user", "content": question})
    while True:
        log.info("prompt: %s", json.dumps(messages, default=str))
        response = client.chat.completions.create(
            model=settings.OPENAI_MODEL,
            messages=messages,
            tools=tools.TOOLS,
            temperature=settings.TEMPERATURE,
        )
        message = response.choices[0].message
        if not message.tool_calls:
            log.info("answer: %s", message.content)
            return message.content
        messages.append(message)
        for call in message.tool_calls:
            function = getattr(tools, call.function.name)
            result = function(**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": str(result)})
