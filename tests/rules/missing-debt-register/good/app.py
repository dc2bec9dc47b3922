def answer(text: str) -> str:
    return text.strip()
