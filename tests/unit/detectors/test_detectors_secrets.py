"""Credentials are found, look-alikes are not, and no value is ever repeated."""

from __future__ import annotations

import base64
import json
import random
import string
import time
import zlib
from pathlib import Path

import pytest
import re2
import yaml
from hypothesis import given
from hypothesis import strategies as st

from keelmark.core.outcome import Confidence
from keelmark.detectors import placeholders, secrets
from keelmark.detectors.secret_rules import rules
from keelmark.errors import LimitExceededError

_DATA = Path(__file__).parents[2] / "data" / "detectors" / "secrets.yaml"
_CASES = yaml.safe_load(_DATA.read_text(encoding="utf-8"))
_ALPHABETS = {
    "b62": string.ascii_letters + string.digits,
    "b64": string.ascii_letters + string.digits + "+/",
    "b32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
    "alpha": string.ascii_letters,
    "hex": "0123456789abcdef",
    "dec": "123456789",
}
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def _random(seed: int, alphabet: str, size: int) -> str:
    source = random.Random(seed)
    while True:
        value = "".join(source.choice(_ALPHABETS[alphabet]) for _ in range(size))
        # A seed must not spell a word by chance.
        if size < 12 or not placeholders.reason(value):
            return value


def _with_checksum(prefix: str) -> str:
    body = _random(7, "b62", 30)
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return f"{prefix}_{body}{digits.rjust(6, '0')}"


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _der(size: int) -> str:
    return base64.b64encode(b"\x30\x82" + random.Random(3).randbytes(size * 3 // 4)).decode()[
        : size - size % 4
    ]


def _filled(text: str) -> str:
    fixed = {
        "{github}": _with_checksum("ghp"),
        "{npm}": _with_checksum("npm"),
        "{dec9}": "716253849",
        "{uuid}": "3f1c9a52-7b64-4c1d-9e0a-5d2b8c7f6e41",
        "{discord}": f"{base64.b64encode(b'817263549102837465').decode()}.{_random(1, 'b62', 6)}.{_random(2, 'b62', 38)}",
        "{jwt}": f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'iss': 'corp', 'exp': 1})}.{_random(5, 'b62', 43)}",
        "{jwtio}": f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'sub': '1234567890', 'name': 'John Doe'})}.{_random(5, 'b62', 43)}",
    }
    for name, value in fixed.items():
        text = text.replace(name, value)
    text = re2.sub(r"\{der:(\d+)\}", lambda m: "\n".join(_wrapped(_der(int(m.group(1))))), text)
    text = re2.sub(r"\{derline:(\d+)\}", lambda m: "\\n".join(_wrapped(_der(int(m.group(1))))), text)
    seeds = iter(range(100, 200))
    return re2.sub(
        r"\{(b62|b64|b32|alpha|hex|dec):(\d+)\}",
        lambda m: _random(next(seeds), m.group(1), int(m.group(2))),
        text,
    )


def _wrapped(text: str) -> list[str]:
    return [text[i : i + 64] for i in range(0, len(text), 64)]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case["text"][:50])
def test_labelled_case(case):
    found = secrets.find(_filled(case["text"]), path=case.get("path", "src/app.py"))
    real = [secret for secret in found if not secret.dismissed]
    match case["expect"]:
        case "nothing":
            assert real == []
        case "dismissed":
            assert real == []
            assert found
        case kind:
            assert [secret.kind for secret in real] == [kind]


def test_at_least_sixty_cases_on_both_sides():
    assert len(_CASES) >= 60
    assert sum(case["expect"] in {"nothing", "dismissed"} for case in _CASES) >= 30


def test_at_least_forty_kinds():
    assert len(rules().kinds) >= 40


def test_value_is_never_repeated():
    for case in _CASES:
        for secret in secrets.find(_filled(case["text"]), path=case.get("path", "src/app.py")):
            shown = secret.preview.partition("…")[0]
            assert len(shown) <= 4
            assert len(secret.digest) == 16


def test_equal_values_have_equal_digests():
    key = _with_checksum("ghp")
    first, second = secrets.find(f"a = '{key}'\n\nb = '{key}'\n", path="a.py")
    assert (first.digest, first.line, second.line, first.column) == (second.digest, 1, 3, 6)


def test_default_password_of_a_local_database_weighs_little():
    (found,) = secrets.find("      POSTGRES_PASSWORD: postgres\n", path="docker-compose.yml")
    assert found.confidence is Confidence.LOW


def test_published_checksum_sample_fits():
    body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17"
    (found,) = secrets.find("ghp" + "_" + body, path="a.py")
    assert found.dismissed == "documentation sample"


def test_changed_checksum_is_dismissed_with_the_reason():
    key = _with_checksum("ghp")
    changed = key[:-1] + ("a" if key[-1] != "a" else "b")
    (found,) = secrets.find(changed, path="a.py")
    assert found.dismissed == "its checksum does not fit"


def test_too_long_text_is_refused():
    with pytest.raises(LimitExceededError):
        secrets.find("x" * 100, path="a", bounds=secrets.Bounds(max_bytes=10))


@pytest.mark.parametrize("piece", ["sk-a ", 'token = "a"; '])
def test_text_made_of_beginnings_is_refused(piece):
    with pytest.raises(LimitExceededError):
        secrets.find(piece * 12, path="a.py", bounds=secrets.Bounds(max_places=10))


def test_names_of_one_list_are_no_credentials():
    text = '["Qwen2_5OmniToken2WavBigVGANModel", "Qwen2_5OmniToken2WavDiTModel"]'
    assert [secret.dismissed for secret in secrets.find(text, path="a.json")] == ["named like its neighbour"]
    (real,) = secrets.find('("Qwen2_5OmniToken2Wav", "x7Kq9mZ2pL4vR8wT1nB6")', path="a.json")
    assert not real.dismissed


def test_column_of_a_line_without_end_is_not_told():
    (found,) = secrets.find("x " * 8_000 + _with_checksum("ghp"), path="a.txt")
    assert (found.line, found.column) == (1, 0)


def test_real_ones_are_kept_before_dismissed_ones():
    text = "".join(f'token = "your-token-{i}"\n' for i in range(50)) + f'k = "{_with_checksum("ghp")}"\n'
    found = secrets.find(text, path="a.py", bounds=secrets.Bounds(max_secrets=3))
    assert len(found) == 3
    assert [secret.kind for secret in found if not secret.dismissed] == ["github-token"]


@given(st.text(max_size=400), st.sampled_from(["a.py", ".env", "x.ipynb", "a.svg", "docker-compose.yml"]))
def test_any_text_is_answered(text, path):
    secrets.find(text, path=path)


@given(st.text(alphabet="sk-_AIzaBEGINPRIVATE KEYeyJ.:/@\"'=pwdtokn\\\n0123", max_size=300))
def test_text_made_of_beginnings_is_answered(text):
    secrets.find(text, path=".env")


def test_time_grows_with_the_length_only():
    for piece in (
        "sk-proj-",
        "eyJ.",
        "postgres://a:",
        "-----BEGIN PRIVATE KEY-----",
        'token = "',
        "password: ",
    ):
        begin = time.process_time()  # what grows with the square of it would take hours
        secrets.find(piece * (200_000 // len(piece)), path="a.py")
        assert time.process_time() - begin < 60


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('__all__ = ["TokenKey", "TokenKeys", "decode_base64url", "parse_key_set"]\n', 0),
        ('names = ["password", "read_pbkdf2_hash"]\n', 0),
        ('x.setdefault("password", "Xk29fjLq88vBn3Pz")\n', 1),
        ('login("api_key", "kf9sKd82hsla_93jdkLsl2")\n', 1),
        ('token = "decode_base64url"\n', 1),
    ],
)
def test_names_of_code_in_a_list_are_none_and_values_behind_a_comma_are(text: str, count: int) -> None:
    assert len([each for each in secrets.find(text, path="src/a.py") if not each.dismissed]) == count
