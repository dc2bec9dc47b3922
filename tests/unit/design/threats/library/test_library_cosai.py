"""The CoSAI Risk Map: what is read, what is reported, what is refused."""

from __future__ import annotations

from importlib import resources

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keelmark.design.threats.library.cosai import FILES, parse_cosai
from keelmark.errors import KeelmarkError, ParseError

RISKS = """\
risks:
- id: riskPromptInjection
  title: Prompt Injection
  shortDescription: [One., Two.]
  controls: [controlInputValidation]
  mappings: {mitre-atlas: [AML.T0051@5.0.1], owasp-top10-llm: ["LLM01:2025"], stride: [Tampering]}
  impactType: [integrity]
  actorAccess: [external]
"""
CONTROLS = """\
controls:
- {id: controlInputValidation, title: Input Validation, components: [componentTools], risks: [riskPromptInjection]}
- {id: controlGovernance, title: Governance, components: all, risks: all}
"""
COMPONENTS = """\
components:
- {id: componentTools, title: Tools, description: [d], edges: {to: [], from: []}}
"""


def _files(risks: str = RISKS, controls: str = CONTROLS, components: str = COMPONENTS) -> dict[str, bytes]:
    texts = (risks, controls, components)
    return {name: text.encode() for name, text in zip(FILES, texts, strict=True)}


def test_shipped_map_is_read_whole_and_fits_together() -> None:
    folder = resources.files("keelmark.design.threats.library").joinpath("data", "cosai")
    found = parse_cosai({name: folder.joinpath(name).read_bytes() for name in FILES})
    assert found.faults == ()
    risk_map = found.risk_map
    assert (len(risk_map.risks), len(risk_map.controls), len(risk_map.components)) == (36, 35, 23)
    assert "AML.T0051" in risk_map.risks["riskPromptInjection"].techniques


def test_small_map() -> None:
    found = parse_cosai(_files())
    assert found.faults == ()
    risk = found.risk_map.risks["riskPromptInjection"]
    assert risk.techniques == ("AML.T0051",), "without the edition it was mapped to"
    assert risk.tags == ("owasp-llm:LLM01", "stride:Tampering")
    assert risk.text == "One.\n\nTwo."
    assert found.risk_map.controls["controlGovernance"].components == ("all",)


@pytest.mark.parametrize(
    ("files", "detail"),
    [
        (_files(RISKS.replace("controlInputValidation", "controlOther")), "controlOther"),
        (_files(RISKS.replace("id: riskPromptInjection", "id: promptInjection")), "no id of a risk"),
        (_files(RISKS + RISKS.replace("risks:\n", "")), "stands twice"),
        (_files(RISKS.replace("title: Prompt Injection", "title: ''")), "no title"),
        (_files(RISKS.replace("mappings: {", "mappings: [{").replace("Tampering]}", "Tampering]}]")), "mapping"),
        (_files(components="other: 1\n"), "is missing"),
        ({"risks.yaml": RISKS.encode()}, "file is missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_fault(files: dict[str, bytes], detail: str) -> None:
    assert any(detail in fault.detail for fault in parse_cosai(files).faults)


def test_no_mapping_is_refused_with_its_file() -> None:
    with pytest.raises(ParseError) as caught:
        parse_cosai(_files(controls="- 1\n"))
    assert caught.value.place == "controls.yaml:1"


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(FILES))
def test_any_bytes_are_read_or_refused(data: bytes, name: str) -> None:
    try:
        parse_cosai({**_files(), name: data})
    except KeelmarkError:
        return
