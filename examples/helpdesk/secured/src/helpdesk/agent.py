"""The agent: a bounded number of steps, users' and articles' text in the user role only, tools through one door."""

from dataclasses import dataclass
from typing import Protocol

from openai import OpenAI

from helpdesk import prompts, tools
from helpdesk.monitoring import Budget, Metrics
from helpdesk.screening import clean, gives_orders, plain_answer
from helpdesk.settings import Settings
from helpdesk.store import Store

UNKNOWN = "I do not know. Please use the contact form; a person will answer."


class ChatClient(Protocol):
    """The part of the client that is used."""

    @property
    def chat(self) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is told to the user, and what it rests on."""

    text: str
    sources: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    is_suspicious: bool = False


def make_client(settings: Settings) -> OpenAI:
    """A client with a deadline and one retry."""
    return OpenAI(api_key=settings.openai_api_key, timeout=settings.timeout_s, max_retries=1)


def answer(
    client: ChatClient, store: Store, session: tools.Session, budget: Budget, metrics: Metrics, question: str
) -> Answer:
    """Answer a question within the step limit; what does not end in time ends with a person."""
    settings = session.settings
    question = clean(question)
    is_suspicious = gives_orders(question)
    articles = store.search(question)
    messages: list = [
        {"role": "system", "content": prompts.SYSTEM_PROMPT},
        {"role": "user", "content": prompts.articles_block(articles)},
        {"role": "user", "content": prompts.question_block(question)},
    ]
    # A text that gives orders is answered from the articles alone.
    offered = {} if is_suspicious else {"tools": tools.definitions(session.role)}
    used: list[str] = []
    for _ in range(settings.max_steps):
        if not budget.is_left():
            break
        response = client.chat.completions.create(
            model=settings.model, messages=messages, max_completion_tokens=settings.max_answer_tokens, **offered
        )
        budget.use(response.usage.total_tokens)
        metrics.tokens.inc(response.usage.total_tokens)
        message = response.choices[0].message
        if is_suspicious or not message.tool_calls:
            return Answer(
                text=plain_answer(message.content or "") or UNKNOWN,
                sources=tuple(article["id"] for article in articles),
                tools=tuple(used),
                is_suspicious=is_suspicious,
            )
        messages.append(message.model_dump(exclude_none=True))
        for call in message.tool_calls:
            result = tools.dispatch(session, call.function.name, call.function.arguments)
            is_refused = result.startswith("refused")
            known = call.function.name if call.function.name in tools.TOOLS else "unknown"
            metrics.tools.labels(tool=known, result="refused" if is_refused else "ran").inc()
            used.append(known)
            messages.append({"role": "tool", "tool_call_id": call.id, "content": result})
    return Answer(text=UNKNOWN, tools=tuple(used), is_suspicious=is_suspicious)
