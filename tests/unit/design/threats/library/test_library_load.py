"""The library as a whole: joined, checked, and loaded fast without ever trusting the fast form over the files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from keelmark.core.threats import Horizon, Threat
from keelmark.design.threats.library import shipped
from keelmark.design.threats.library.load import join, load
from keelmark.design.threats.library.own import OwnLibrary, read_own
from keelmark.design.threats.library.shipped import FAST_FORM, encode, read_files, read_shipped, shipped_atlas
from keelmark.errors import ParseError
from keelmark.guidelines import load as load_catalogue


def _joined(*threats: Threat) -> Any:
    ours = OwnLibrary(threats=threats, version="1", date="2026-11-23")
    known = read_shipped()
    return join(own=ours, atlas=known.atlas, risk_map=known.cosai.risk_map, catalogue=load_catalogue())


def _threat(**changes: Any) -> Threat:
    return replace(read_own().threats[0], id="ours", **changes)


def test_every_name_in_the_shipped_library_leads_somewhere() -> None:
    found = load()
    assert [fault.detail for fault in found.faults if "lifecycle" not in fault.detail] == []
    assert [source for source, _, _ in found.versions] == ["keelmark", "mitre-atlas", "cosai-risk-map"]


def test_every_mitigation_leads_to_a_recommendation() -> None:
    found = load()
    assert all(mitigation.recommendations for mitigation in found.mitigations.values())
    assert found.mitigations["AML.M0029"].recommendations == ("X1.a", "SD-3.v")


def test_a_technique_without_mitigation_leads_to_recommendations_of_its_own() -> None:
    techniques = load().techniques
    assert techniques["AML.T0093"].recommendations == ("OM-2.e", "SD-3.k")
    assert techniques["AML.T0051"].mitigations
    assert techniques["AML.T0051"].recommendations == ()


def test_a_threat_is_as_near_as_the_nearest_of_its_techniques() -> None:
    techniques = read_shipped().atlas.techniques
    far, near = (
        next(key for key, entry in techniques.items() if entry.horizon is horizon)
        for horizon in (Horizon.FEASIBLE, Horizon.REALISED)
    )
    found = _joined(_threat(techniques=(far, near), horizon=Horizon.FEASIBLE))
    assert found.threats[0].horizon is Horizon.REALISED
    alone = _joined(_threat(techniques=(), horizon=Horizon.FEASIBLE))
    assert alone.threats[0].horizon is Horizon.FEASIBLE


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"techniques": ("AML.T9999",)}, "AML.T9999"),
        ({"tags": ("cosai:riskNone",)}, "riskNone"),
        ({"controls": (replace(read_own().threats[0].controls[0], recommendations=("Z-9",)),)}, "Z-9"),
    ],
)
def test_a_name_that_leads_nowhere_is_a_fault_and_the_threat_stays(
    changes: dict[str, Any], detail: str
) -> None:
    found = _joined(_threat(**changes))
    assert any(detail in fault.detail for fault in found.faults)
    assert found.threats[0].id == "ours"


def test_fast_form_is_that_of_the_files() -> None:
    assert read_shipped() == read_files()
    assert encode(read_files()) == encode(read_files())


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"digest": "0"}', b"null"])
def test_files_are_read_where_the_fast_form_does_not_fit(
    monkeypatch: pytest.MonkeyPatch, damaged: bytes
) -> None:
    _replace_fast_form(monkeypatch, damaged)
    assert read_shipped().atlas.version == "5.6.0"


def test_fast_form_of_other_files_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    other = read_files()
    lying = replace(other, digest="0" * 64, atlas=replace(other.atlas, version="9.9"))
    _replace_fast_form(monkeypatch, encode(lying))
    assert read_shipped().atlas.version == "5.6.0"


def _replace_fast_form(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    real = shipped._file
    monkeypatch.setattr(shipped, "_file", lambda *parts: data if parts == (FAST_FORM,) else real(*parts))


def test_another_edition_takes_the_place_of_the_shipped_one() -> None:
    newer = shipped_atlas().replace(b"version: 5.6.0", b"version: 5.7.0")
    assert load(newer).versions[1][:2] == ("mitre-atlas", "5.7.0")


def test_no_edition_is_refused_with_its_place() -> None:
    with pytest.raises(ParseError) as caught:
        load(b"hello: world\n", path="new.yaml")
    assert caught.value.place == "new.yaml:1"
