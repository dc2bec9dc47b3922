"""CycloneDX 1.7: valid by the standard's own validator, with every model, tool and package, and honest declarations."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from keelmark.core.asset import Asset, AssetKind
from keelmark.core.outcome import Status
from keelmark.report import cyclonedx


@pytest.fixture(params=[False, True], ids=["plain", "hostile"])
def assessment(request, make):
    return make(hostile=request.param)


@pytest.fixture
def document(assessment, catalogue, cards):
    return json.loads(cyclonedx.render(assessment, catalogue=catalogue, cards=cards))


def with_assets(make, *assets):
    run = make()
    return replace(run, inventory=replace(run.inventory, assets=assets))


def test_the_standards_validator_takes_it(assessment, known):
    fault = JsonStrictValidator(SchemaVersion.V1_7).validate_str(cyclonedx.render(assessment, **known))
    assert fault is None, fault


def test_every_reference_is_unique_and_leads_somewhere(document):
    references, cited = [], []

    def visit(value):
        if isinstance(value, dict):
            references.extend([value["bom-ref"]] if "bom-ref" in value else [])
            cited.extend(value[key] for key in ("target", "assessor", "requirement") if key in value)
            for key in ("claims", "counterClaims", "evidence", "counterEvidence"):
                cited.extend(each for each in value.get(key, ()) if isinstance(each, str))
            for each in value.values():
                visit(each)
        elif isinstance(value, list):
            for each in value:
                visit(each)

    visit(document)
    assert len(references) == len(set(references))
    assert cited
    assert set(cited) <= set(references)


def test_only_a_pass_conforms_in_full(assessment, document):
    scores = {
        each["requirement"].removeprefix("guidelines:"): each["conformance"]["score"]
        for each in document["declarations"]["attestations"][0]["map"]
    }
    for standing in assessment.decision.standings:
        match standing.status:
            case Status.NOT_APPLICABLE:
                assert standing.recommendation not in scores
            case Status.PASS:
                assert scores[standing.recommendation] == 1
            case Status.ATTESTED:
                assert scores[standing.recommendation] == 0.5
            case _:
                assert scores[standing.recommendation] == 0


def test_nothing_is_affirmed(document):
    assert "affirmation" not in document["declarations"]
    assert "signature" not in document


def test_a_model_has_its_digest_and_a_card(make, known):
    model = Asset(
        kind=AssetKind.MODEL,
        name="net.onnx",
        path="models/net.onnx",
        format="onnx",
        size=12,
        digest="sha256:" + "ab" * 32,
        detail=(("architecture", "resnet"),),
    )
    (part,) = json.loads(cyclonedx.render(with_assets(make, model), **known))["components"]
    assert part["type"] == "machine-learning-model"
    assert part["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]
    assert part["modelCard"] == {"modelParameters": {"modelArchitecture": "resnet"}}


@pytest.mark.parametrize(
    ("asks_for", "purl", "version"),
    [("==2.1.0", "pkg:pypi/foo-bar@2.1.0", "2.1.0"), (">=2", "pkg:pypi/foo-bar", None)],
)
def test_a_package_has_its_url_and_a_version_only_when_it_is_one(make, known, *, asks_for, purl, version):
    package = Asset(
        kind=AssetKind.DEPENDENCY,
        name="Foo_Bar",
        path="requirements.txt",
        format="pypi",
        detail=(("asks for", asks_for), ("ecosystem", "pypi")),
    )
    (part,) = json.loads(cyclonedx.render(with_assets(make, package), **known))["components"]
    assert part["purl"] == purl
    assert part.get("version") == version


def test_a_package_named_in_two_files_is_one_component(make, known):
    twice = [
        Asset(kind=AssetKind.DEPENDENCY, name="foo", path=path, format="pypi", detail=(("asks for", "==1"),))
        for path in ("requirements.txt", "pyproject.toml")
    ]
    assert len(json.loads(cyclonedx.render(with_assets(make, *twice), **known))["components"]) == 1


def test_an_open_route_is_not_authenticated(make, known):
    routes = [
        Asset(kind=AssetKind.ROUTE, name=name, path="app.py", format="fastapi", detail=(("guards", guard),))
        for name, guard in (("/open", "none seen"), ("/closed", "require_user"))
    ]
    found = json.loads(cyclonedx.render(with_assets(make, *routes), **known))["services"]
    assert [each["authenticated"] for each in found] == [False, True]
