"""Semantic versions and npm ranges."""

import pytest

from keelmark.core import semver


def test_order_follows_the_standard():
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
    ]
    versions = [semver.parse(text) for text in texts]
    assert sorted(versions) == versions
    assert semver.parse("v1.0.0+build") == semver.parse("1.0.0")


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.x", "latest", "1.2.3-" + "9" * 30, "9" * 40 + ".0.0"])
def test_what_is_no_version(text):
    assert semver.parse(text) is None


@pytest.mark.parametrize(
    ("version", "specifier", "answer"),
    [
        ("1.2.3", "1.2.3", True),
        ("1.2.3", "=1.2.3", True),
        ("1.2.4", "1.2.3", False),
        ("1.2.9", "1.2", True),
        ("1.3.0", "1.2.x", False),
        ("1.9.0", "1", True),
        ("1.2.3", "*", True),
        ("1.2.3", "", True),
        ("1.9.9", "^1.2.3", True),
        ("1.2.2", "^1.2.3", False),
        ("2.0.0", "^1.2.3", False),
        ("0.2.9", "^0.2.3", True),
        ("0.3.0", "^0.2.3", False),
        ("0.0.4", "^0.0.3", False),
        ("0.0.9", "^0.0", True),
        ("0.9.0", "^0", True),
        ("1.2.9", "~1.2.3", True),
        ("1.3.0", "~1.2.3", False),
        ("1.9.0", "~1", True),
        ("1.5.0", ">=1.0.0 <2.0.0", True),
        ("1.5.0", ">= 1.0.0 < 2.0.0", True),
        ("2.0.0", ">=1.0.0 <2.0.0", False),
        ("2.0.0", "<=2.0.0", True),
        ("2.5.0", "<=2", True),
        ("3.0.0", "<=2", False),
        ("2.5.0", ">2", False),
        ("3.0.0", ">2", True),
        ("2.0.1", ">2.0.0", True),
        ("2.0.0", ">2.0.0", False),
        ("2.3.4", "1.2.3 - 2.3.4", True),
        ("2.3.5", "1.2.3 - 2.3.4", False),
        ("2.3.9", "1.2 - 2.3", True),
        ("3.0.0", "1.x || 3.x", True),
        ("2.0.0", "1.x || 3.x", False),
        ("2.0.0", "<x", False),
        ("2.0.0-rc.1", "^1.0.0", False),
        ("1.5.0-rc.1", "^1.0.0", False),
        ("1.5.0-rc.2", "^1.5.0-rc.1", True),
        ("1.6.0-rc.2", "^1.5.0-rc.1", False),
        ("1.2.3", "latest", None),
        ("1.2.3", "1.x || what", True),
        ("9.2.3", "1.x || what", None),
        ("what", "1.x", None),
        ("1.2.3", "1" * 2000, None),
        ("1.2.3", "1.2.3-" + "9" * 30, None),
    ],
)
def test_ranges(version, specifier, answer):
    assert semver.satisfies(version, specifier) is answer
