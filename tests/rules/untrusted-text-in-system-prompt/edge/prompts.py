"""The gaps of the system prompt are filled by the operator; the questions stand in prompts of their own."""

SYSTEM_PROMPT = "You answer questions about the handbook of {company}. Today is {day}."
QUESTION_PROMPT = "Answer the question of the employee in one sentence: {question}"
ROUTER_TEMPLATE = """You are a router. Always answer with one word: handbook, or other.
The employee asks: {question}
"""
