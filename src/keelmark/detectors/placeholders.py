"""Tells a value that somebody filled in for show from one that was issued."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import re2

__all__ = ["entropy", "is_sample_path", "is_test_path", "reason", "reference", "switches"]

# Words of four and more letters only: a shorter one turns up by chance in a random token of usual length.
_WORDS = re2.compile(
    r"(?i)(your|example|placeholder|change.?me|change.?this|dummy|fake|redact|insert|replace|sample|token.?here|key.?here"
    r"|secret.?here|goes.?here|todo|fill.?in|enter.?|not.?a.?real|not.?real|invalid|mock|lorem|notreal|testing|unit.?test"
    r"|test.?(key|token|secret|pass|api|value)|(secret|api|token|key|password|passwd).?test\b|my.?(api|secret|token|key|pass)"
    r"|super.?secret.?(key|token|pass|value)?\b|\.\.\.|\*\*\*|…|<[^>]*>|\[[a-z_ -]+\])"
)
_SAMPLE_WORDS = {
    "api_key", "apikey", "api-key", "changeit", "default", "empty", "foobar", "insecure", "keyboard", "none", "null",
    "pass", "password", "passwd", "pwd", "secret", "string", "test", "token", "true", "false", "undefined", "unset",
    "user", "value", "xxx",
}  # fmt: skip
_SEQUENCES = re2.compile(
    r"(?i)(123456|234567|987654|012345|abcdef|fedcba|qwerty|asdfgh|deadbeef|cafebabe|a1b2c3)"
)
_REFERENCE = re2.compile(
    r"(\$\{|\$\(|\{\{|\}\}|^\$[A-Za-z_]|%\(|%[A-Z_]+%|^%s$|^\{[^{}]*\}|\{[a-z_][\w.]*\}|^<|os\.(environ|getenv)|process\.env|getenv"
    r"|^(vault|op|ref\+\w+|ssm|arn|secretsmanager|keyring|env|file|azurekeyvault|gcpsm|doppler|sops|aws-sm)[:+]"
    r"|^ENC\[|^!vault|^\$ANSIBLE_VAULT|^projects/[^/]+/secrets/|^AQICA|\bsecrets\.[A-Za-z_]|^\$2[aby]\$|^\$argon2|^\{SSHA)"
)
_TEST_PATH = re2.compile(
    r"(?i)(^|/)(tests?|testing|__tests__|specs?|unit_tests|integration_tests|e2e|fixtures?|testdata|test[_-]data|mocks?"
    r"|__mocks__|cassettes|__snapshots__)/|(^|/)(test_[^/]*|[^/]*_test|conftest|[^/]*[._](test|spec))\.[A-Za-z0-9]+$"
)
# A pattern to copy is configuration: `prompt_template.py` is code, whatever its name.
_SAMPLE_PATH = re2.compile(
    r"(?i)(^|/)[^/]*[._-](example|sample|template|tmpl|tpl|dummy)"
    r"(\.(env|ya?ml|json|toml|ini|cfg|conf|properties|txt|sh|tfvars|local))?$|(^|/)(example|sample|template)[._-]?env$"
)


def entropy(value: str) -> float:
    """Shannon entropy of the characters in bits per character; 0 for the empty string."""
    if not value:
        return 0.0
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def switches(value: str) -> float:
    """Share of neighbouring characters of different class (lower, upper, digit, other): high in random text."""
    if len(value) < 2:
        return 0.0
    classes = [_class_of(letter) for letter in value]
    # A capital before a small letter starts a word; it says nothing about chance.
    changes = sum(1 for left, right in pairwise(classes) if left != right and (left, right) != ("u", "l"))
    return changes / (len(value) - 1)


def _class_of(letter: str) -> str:
    if letter.islower():
        return "l"
    if letter.isupper():
        return "u"
    return "d" if letter.isdigit() else "o"


def reference(value: str) -> bool:
    """Whether the value only says where the real one comes from: a variable, a vault path, a hash of a password."""
    return bool(_REFERENCE.search(value))


def reason(value: str, *, least_entropy: float = 2.5) -> str:
    """Why the value is held to be no secret, or "" when nothing speaks against it.

    Args:
        value: The part of the credential that is random when it is real, without its prefix.
        least_entropy: Below this many bits per character, a value of 16 and more characters is no random one.
    """
    plain = value.strip()
    if not plain:
        return "empty value"
    if reference(plain):
        return "reference to a value kept elsewhere"
    if plain.lower() in _SAMPLE_WORDS or _WORDS.search(plain):
        return "placeholder"
    if _SEQUENCES.search(plain):
        return "sequence of neighbouring characters"
    if _longest_run(plain) >= 5 or len(set(plain)) <= 2:
        return "repeated characters"
    if len(plain) >= 16 and entropy(plain) < least_entropy:
        return "too regular to be random"
    return ""


def _longest_run(value: str) -> int:
    longest = run = 0
    last = ""
    for letter in value:
        run = run + 1 if letter == last else 1
        last = letter
        longest = max(longest, run)
    return longest


def is_test_path(path: str) -> bool:
    """Whether the file is a test or belongs to one."""
    return bool(_TEST_PATH.search(path))


def is_sample_path(path: str) -> bool:
    """Whether the file is a pattern to copy: `.env.example`, `config.template.yaml`, `settings.sample`."""
    return bool(_SAMPLE_PATH.search(path))
