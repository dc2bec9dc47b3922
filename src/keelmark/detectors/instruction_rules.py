"""Phrases that take a model away from its user: each names what it does, so that a finding can say it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import re2

from keelmark.core.outcome import Confidence

__all__ = ["ADDRESSED", "DISCUSSED", "RULES", "InstructionRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionRule:
    """One way to steer a model.

    Attributes:
        kind: Name of the way.
        pattern: Finds it in text without invisible characters.
        confidence: Medium when an honest text might say it too.
    """

    kind: str
    pattern: Any
    confidence: Confidence = Confidence.HIGH


def _rule(kind: str, pattern: str, confidence: Confidence = Confidence.HIGH) -> InstructionRule:
    return InstructionRule(kind=kind, pattern=re2.compile(f"(?is){pattern}"), confidence=confidence)


_MODEL = (
    r"(an? |the |any |this |all )?(AI|LLMs?|language models?|large language models?|assistants?|chat ?bots?|AI (model|assistant|agent|system)s?"
    r"|(coding|autonomous|virtual) (agent|assistant)s?|copilot|claude|chatgpt|gpt(-\d)?|gemini)"
)
_RULES_WORDS = (
    r"(instructions?|directions?|directives?|prompts?|rules|guidelines|commands?|orders|constraints|safety (rules|guidelines|measures)"
    r"|polic(y|ies)|restrictions|programming|training)"
)
_EARLIER = r"(previous|prior|above|earlier|preceding|existing|original|initial|foregoing|former|past|system|developer|your|safety)"
_SENSITIVE = (
    r"(conversation( history)?|chat history|message history|transcript|credentials?|secrets|api.?keys?|access tokens?|passwords?"
    r"|environment variables|env vars|private keys?|ssh keys?|system prompt|(all|every|each|any)( \w+){0,3} (e-?mails?|files?|messages?|documents?)"
    r"|contents? of( \w+){0,6}|user.?s? (data|input|files|messages|information|query|prompt)|body of( \w+){0,3} e-?mail|session|cookies|memory|wallet)"
)
_PLACE = r"(https?://|www\.|hxxps?://|ftp://|[\w.+-]+@[\w-]+\.\w|(an? |the )?(attacker|external|remote|third.party) (server|endpoint|address|url|site|host))"
_KEY_FILES = (
    r"(~?/?\.ssh\b|id_rsa|id_ed25519|\.aws/credentials|/etc/(passwd|shadow)|mcp\.json|\.cursor/|\.netrc|\.npmrc|\.kube/config|\.docker/config"
    r"|\.env\b|\.bash_history|\.git-credentials|keychain|wallet\.dat|claude_desktop_config|(browser|saved) (cookies|passwords))"
)
_CALLED = (
    rf"\b(if you are|note to|attention|message (to|for)|instructions? (to|for)|notice to|hey|dear|hello)[,:]?\s+{_MODEL}"
    r"(\s+(model|assistant|agent|reading|processing|reviewing|summari[sz]ing|that|who|which|this|text|page|document|e-?mail|file))*\s*[,:.!-]\s*(please\s+|now\s+|kindly\s+|also\s+)?"
)
_SHY = r"(do not|don'?t|never|must not|should not|without|avoid)"

RULES: Final = (
    _rule(
        "override",
        rf"\b(ignore|disregard|forget|override|bypass|discard|set aside|do not (follow|obey)|stop (following|obeying)|erase|drop)\s+(\w+\s+){{0,4}}{_EARLIER}"
        rf"\s+(\w+\s+){{0,2}}{_RULES_WORDS}\b",
    ),
    _rule(
        "override",
        r"\b(ignore|disregard|forget)\s+(everything|anything|all( of)? (that|what|the text)|all|what)\s+((that|you|was|were|is|are|have|has|been|the|text|said|told|written|they|i)\s+){0,4}(above|before( this)?|you were told|were told|been told|previously|so far|instructed)\b",
    ),
    _rule(
        "override",
        r"\bignore\s+(the\s+)?(user|human|operator|developer)('s|s'|\x{2019}s)?\s+(\w+\s+)?(request|question|query|message|instructions?|task|input|wishes)\b",
    ),
    _rule(
        "override",
        r"\b(new|updated|real|true|actual)\s+(priority |system |urgent |secret )?(instructions?|task|objective|directive)s?\s*(is\b|are\b|:|follow)[^\n]{0,80}\b(you|ignore|must|send|print|reveal|please|forward|delete|transfer)\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "override",
        r"\byou are (now|no longer)\s+(\w+\s+){0,2}(DAN\b|jailbroken|unrestricted|unfiltered|bound by|restricted by|developer mode|in developer mode|in god mode|free from)",
    ),
    _rule(
        "addressed-to-model",
        rf"{_CALLED}\b(do not mention|never mention|don'?t mention|ignore|send|forward|transfer|pay|buy|purchase|delete|e-?mail|post|visit|click|reveal|disclose|modify|approve|recommend|invite|transmit|upload|concatenate|rate this|say that|tell the user|make a (reservation|payment|transfer|purchase))\b",
    ),
    _rule(
        "addressed-to-model",
        rf"{_CALLED}(you (must|have to)|print|say|reply|respond|output|state)\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "addressed-to-model",
        r"\b(AI|LLM|language model)s?( (agents?|assistants?|models?|systems?))? (reading|processing|parsing|summari[sz]ing|viewing|crawling|reviewing|evaluating) (this|the) (\w+ )?(page|text|document|file|e-?mail|message|content|site|website|resume|cv|application|issue|review)s?[,:]? (must|should|have to|need to|are (required|instructed) to|will)\b",
    ),
    _rule(
        "addressed-to-model", r"\bmessage from me\b[^\n]{0,60}\bto you,? (the|an?) (assistant|AI|model|agent)"
    ),
    _rule(
        "addressed-to-model",
        r"\bbefore you can (solve|complete|finish|do|answer|continue)[^.\n]{0,30}\b(task|question|request|this)\b[^.\n]{0,30}\b(please|you must|do the following|first)\b",
    ),
    _rule(
        "addressed-to-model",
        r"(^|\n)[^\w\n]{0,6}(assistant|AI|chatbot),\s+(as part of|in line with|per|following|you (must|have to|should|need to)|please|from now on)\b[^\n]{0,200}",
    ),
    _rule(
        "fake-turn",
        r"(-{3,}|={3,}|#{2,})\s*end of (the )?(document|text|context|data|file|email|message|tool (output|result)|input|user data)\s*(-{3,}|={3,}|#{2,})?\s{0,4}(system|user|assistant|human|new task|instructions?)\s*:",
    ),
    _rule(
        "fake-turn",
        r"(^|\n)[ \t]*\[(system|admin|developer)\][ \t]*:?[ \t]*(new|priority|important|ignore|override|updated?|you|please|urgent|attention)\b",
    ),
    _rule("fake-turn", r"(^|\n)```(system|assistant|developer)[ \t]*\n[^\n`]{4,}"),
    _rule(
        "concealment",
        rf"\b{_SHY}\s+(ever\s+|explicitly\s+)?(tell(ing)?|inform(ing)?|notify(ing)?|alert(ing)?|warn(ing)?|ask(ing)?)\s+(the\s+|your\s+)?(user|human|customer|operator)s?\b[^.\n]{{0,30}}\b(about|of|that|this|any|anything|what|because|since|as it|for (confirmation|permission|approval))\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "concealment",
        rf"\b{_SHY}\s+(mention(ing)?|reveal(ing)?|disclos(e|ing)|show(ing)?)\s+(this|that you|it|any of this|what you|the fact|these (steps|actions|calls|changes))\b[^.\n]{{0,40}}\b(to|from|in front of)\s+(the\s+|your\s+)?(user|human|customer|anyone|anybody|operator)s?\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "concealment",
        r"\b(keep (this|it|that)|hide (this|it|that|these)|conceal (this|it|that|these))\s+(\w+\s+){0,3}(secret\s+)?from\s+(the\s+)?(user|human|customer|operator)s?\b",
    ),
    _rule(
        "concealment",
        r"\b(the )?user (must|should|need) ?(not|n'?t)( to)? (know|see|be (told|informed|aware))\b[^.\n]{0,40}\b(this|that|about|it)\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "reads-keys",
        rf"\b(before|first|must|always|please|make sure|prior to|whenever|when|need to|required to)\b[^.\n]{{0,120}}\b(read|open|cat|access|retrieve|load|fetch|copy|include|collect|list|get)\b[^\n]{{0,80}}{_KEY_FILES}",
    ),
    _rule(
        "exfiltration",
        rf"\b(send|post|upload|forward|transmit|leak|e-?mail|mail|submit|append|deliver|report|copy|bcc)\b[^\n]{{0,100}}\b{_SENSITIVE}[^\n]{{0,120}}\b(to|at|via|into)\b[^\n()<\[]{{0,30}}{_PLACE}",
    ),
    _rule("exfiltration", r"\bexfiltrat(e|es) (the |all |any |user )[^\n]{0,80}\b(to|via|through)\b"),
    _rule(
        "exfiltration",
        r"\b(pass|put|include|insert|place|provide|append|add)\b[^.\n]{0,30}\b(its|the|their|file|whole|full|complete)\b[^.\n]{0,20}\b(contents?|conversation|history|key)\b[^.\n]{0,40}\b(as|in|into|through|via)\b[^.\n]{0,30}['\"`]?(sidenote|feedback|side_?note|note|context|notes|metadata|debug|reason|extra|summary)\b",
        Confidence.MEDIUM,
    ),
    _rule(
        "tool-hijack",
        r"\b(when|whenever|if|before|after|every time|each time)\b[^.\n]{0,60}\b(using|calling|invoking|use|call|invoke|uses?|with)\b[^.\n]{0,40}\b(any other|other|another|all other|[\w-]*(mail|message|payment|transfer|file|search)[\w-]*)\s*[`'\"]?\s*(tools?|functions?|server)\b[^.\n]{0,100}\b(recipient|bcc|to [\w.+-]+@|http|attacker|instead of the|change the|replace the|redirect|proxy)",
    ),
    _rule(
        "tool-hijack",
        r"\b(always|must|only)\b[^.\n]{0,40}\b(this tool|this function|it)\b[^.\n]{0,20}\b(instead of|rather than|in place of|and never)\b[^.\n]{0,20}\b(any other|every other|all other|the (original|official|real|built-?in|legitimate))\b[^.\n]{0,20}\b(tools?|functions?|server)",
        Confidence.MEDIUM,
    ),
    _rule(
        "tool-hijack",
        r"\b(this tool|this description|these instructions?)\s+(overrides?|supersedes?|takes? (precedence|priority) over)\s+(\w+\s+){0,3}(tools?|instructions?|prompts?|descriptions?)\b",
    ),
    _rule(
        "prompt-extraction",
        r"\b(print|reveal|repeat|output|show|display|leak|dump|recite|translate|send|tell|disclose)\s+(me\s+|us\s+|out\s+)?(the |your |all |its )(\w+ )?(full |hidden |entire |exact |original |complete |initial |secret )?(system prompt|system message|hidden (system )?(prompt|instructions)|initial (prompt|instructions)|secret instructions|instructions (verbatim|word for word|above verbatim|into (French|German|Spanish|base64)))",
        Confidence.MEDIUM,
    ),
)

# Words before a match that say it is spoken about, not spoken.
DISCUSSED: Final = re2.compile(
    r"(?i)(such as|e\.g\.|for example|for instance|examples? (of|include|:)|\blike\b|attack\w*|inject(ion|ions|ed)\b|jailbreak|malicious|adversar"
    r"|detect|phrases?\b|strings?\b|patterns?\b|keyword|payload|block(s|ed|ing)?\b|refus|reject|attempts? to|tries to|trying to|try to|asks? (you|it|the model|to)"
    r"|says?\b|said\b|told\b|contain|saying|containing|quote|test (for|case|that)|flag|prevent|protect|resist|what (is|does|happens)|why (does|do|would)|how (do|can|to)"
    r"|what if|is it (safe|a good|ok)|can (i|you|we)\b|could (i|you|we)\b|should (i|you|we)\b|explain|meaning|mean\b|translate|summari[sz]e|paraphrase|story|novel|instructed to|asked to|wants? to|used to|user(s)? (who|may|might|tries|asks|can)|if (the |a )?(user|someone|anyone|document|page|text|content))"
)
ADDRESSED: Final = re2.compile(
    r"(?i)\b(ignore|do not tell|don'?t tell|send|read|before (using|calling|you)|you must|never mention|do not mention|secret|https?://|message from)\b"
)
