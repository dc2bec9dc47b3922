"""An agent that writes mail."""

import smtplib

from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent


@tool
def send_mail(to: str, body: str) -> str:
    """Send a mail."""
    with smtplib.SMTP("mail.example.com") as server:
        server.sendmail("bot@example.com", to, body)
    return "sent"


agent = create_react_agent("openai:gpt-4o", [send_mail])
