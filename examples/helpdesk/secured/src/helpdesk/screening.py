"""What is looked at in text: personal data is masked, attempts to give orders are noticed, answers are made plain."""

import re

_MASKS = (
    (re.compile(r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b"), "[bank account]"),
    (re.compile(r"\b(?:[0-9][ -]?){13,19}\b"), "[card number]"),
    (re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"), "[mail address]"),
    (re.compile(r"\+?[0-9][0-9 ()-]{7,18}[0-9]"), "[phone number]"),
)
_ORDERS = re.compile(
    r"(?i)ignore (all |any |the |your )*(previous|above|earlier)|system prompt|you are now|developer mode"
    r"|new instructions|pretend (to be|you are)|act as (an?|the) "
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2060-\u2064\U000e0000-\U000e007f]")
_LINK = re.compile(r"(?i)\b(?:https?://|www\.)\S+")
_TAG = re.compile(r"<[^<>]{0,500}>")


def mask(text: str) -> str:
    """The text without personal data that has a form."""
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


def clean(text: str) -> str:
    """The text without control and invisible characters."""
    return _CONTROL.sub("", text)


def gives_orders(text: str) -> bool:
    """Whether a text tries to instruct the model. One sign among others: the rights of the tools do not depend on it."""
    return bool(_ORDERS.search(text))


def plain_answer(text: str) -> str:
    """An answer without links, markup, invisible characters and personal data."""
    return mask(_TAG.sub("", _LINK.sub("[link removed]", clean(text)))).strip()
