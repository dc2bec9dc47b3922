"""Says nothing, and keeps a limit by default."""

from langgraph.prebuilt import create_react_agent
from sklearn.linear_model import LogisticRegression

agent = create_react_agent("openai:gpt-4o", [])
classifier = LogisticRegression(max_iter=10_000)
