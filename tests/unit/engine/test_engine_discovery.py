from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
from keelmark.engine.discovery import ENTRY_POINT_GROUP, discover
from keelmark.errors import RuleError
from keelmark.guidelines import load

CATALOGUE = load()
RULE = '''\
"""A page."""
from keelmark.core.finding import Card
from keelmark.core.outcome import Severity
CARD = Card(id={id!r}, title="T", severity=Severity.LOW, recommendations={cites!r}, settles={settles!r})
def check(project):
    yield CARD.not_applicable("nothing here")
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a package of rule modules from their sources."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(name: str, **sources: str) -> ModuleType:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").write_text("")
        for module, source in sources.items():
            (folder / f"{module}.py").write_text(source)
        made.append(name)
        return __import__(name)

    yield make
    for name in [name for name in sys.modules if name.partition(".")[0] in made]:
        del sys.modules[name]


def source(identifier: str, cites: tuple[str, ...] = ("SD-2.a",), settles: tuple[str, ...] = ()) -> str:
    return RULE.format(id=identifier, cites=cites, settles=settles)


def found(*packages: ModuleType, with_entry_points: bool = False):
    return discover(packages, catalogue=CATALOGUE, with_entry_points=with_entry_points)


def test_every_module_is_a_rule_sorted_by_id(package) -> None:
    rules = found(package("rules_a", zeta=source("zeta")), package("rules_b", alpha=source("alpha")))
    assert [rule.card.id for rule in rules] == ["alpha", "zeta"]
    assert [rule.origin for rule in rules] == ["rules_b.alpha", "rules_a.zeta"]
    assert rules[0].page == "A page."


def test_private_modules_are_no_rules(package) -> None:
    assert found(package("rules_c", _shared="x = 1\n", alpha=source("alpha")))[0].card.id == "alpha"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "is no rule"),
        ("CARD = 3\ndef check(project): ...\n", "is no rule"),
        (source("a").replace("def check", "def look"), "is no rule"),
        (source("a", cites=()), "cites nothing"),
        (source("a", cites=("SD-2.a", "SD-99.z")), "cites SD-99.z"),
        (source("a", cites=("SD-2.a",), settles=("SD-2.b",)), "does not cite"),
    ],
)
def test_rule_that_breaks_the_contract_stops_the_run(package, text: str, words: str) -> None:
    with pytest.raises(RuleError, match=words):
        found(package(f"rules_d{abs(hash(text))}", broken=text))


def test_two_rules_of_one_name_stop_the_run(package) -> None:
    with pytest.raises(RuleError, match=r"two rules are called `same`: rules_e\.one and rules_e\.two"):
        found(package("rules_e", one=source("same"), two=source("same")))


def plugin(monkeypatch: pytest.MonkeyPatch, load_it) -> None:
    point = SimpleNamespace(name="extra", dist=SimpleNamespace(name="acme"), load=load_it)

    def entry_points(*, group: str):
        assert group == ENTRY_POINT_GROUP
        return [point]

    monkeypatch.setattr(metadata, "entry_points", entry_points)


def test_other_packages_add_rules_unless_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card(id="extra", title="T", severity=Severity.LOW, recommendations=("SD-2.a",))
    plugin(monkeypatch, lambda: SimpleNamespace(CARD=card, check=lambda project: [], __doc__="Words."))
    (rule,) = found(with_entry_points=True)
    assert (rule.card.id, rule.origin, rule.page) == ("extra", "acme:extra", "Words.")
    assert found(with_entry_points=False) == ()


def test_plugin_cannot_take_the_name_of_a_rule(package, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Card(id="alpha", title="T", severity=Severity.LOW, recommendations=("SD-2.a",))
    plugin(monkeypatch, lambda: SimpleNamespace(CARD=card, check=lambda project: []))
    with pytest.raises(RuleError, match="two rules are called `alpha`"):
        found(package("rules_f", alpha=source("alpha")), with_entry_points=True)


@pytest.mark.parametrize("error", [ImportError("no"), ZeroDivisionError(), AttributeError("x")])
def test_plugin_that_cannot_be_loaded_stops_the_run(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    plugin(monkeypatch, fail)
    with pytest.raises(RuleError, match="`acme:extra` cannot be loaded"):
        found(with_entry_points=True)


def test_plugin_that_is_no_rule_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin(monkeypatch, object)
    with pytest.raises(RuleError, match="is no rule") as caught:
        found(with_entry_points=True)
    assert "CARD" in caught.value.hint
