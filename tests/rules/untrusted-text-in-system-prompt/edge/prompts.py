"""The gaps of the system prompt are filled by the operator; the question has a prompt of its own."""

SYSTEM_PROMPT = "You answer questions about the handbook of {company}. Today is {day}."
QUESTION_PROMPT = "Answer the question of the employee in one sentence: {question}"
