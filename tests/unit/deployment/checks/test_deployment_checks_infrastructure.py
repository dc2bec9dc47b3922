from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from keelmark.core.facts import FileFacts, FileRole, Route
from keelmark.core.finding import Rule
from keelmark.core.outcome import Confidence, Outcome, Severity
from keelmark.core.project import Project
from keelmark.deployment.checks import (
    infrastructure_open_to_world,
    missing_incident_plan,
    missing_security_evaluation,
    publish_with_long_lived_token,
    route_without_authentication,
    storage_open_to_world,
    unsafe_default_setting,
)
from keelmark.development.assets.inventory import take_inventory
from keelmark.engine.readers import all_readers
from keelmark.formats.source import Source


def project(text: str, path: str, *, role: FileRole = FileRole.PRODUCT) -> Project:
    source = Source.of_bytes(text.encode(), path=path)
    readings = tuple(
        reading for reader in all_readers() if reader.recognises(source) for reading in reader.read(source)
    )
    file = FileFacts(path=path, size=len(text), role=role, readings=readings)
    return Project(name="p", today=date(2026, 11, 23), files=(file,))


def answers(rule: Rule, text: str, path: str, *, role: FileRole = FileRole.PRODUCT):
    return tuple(rule.check(project(text, path, role=role)))


GROUP = """
resource "aws_security_group" "a" {
  ingress {
    from_port = %s
    to_port = %s
    protocol = "%s"
    %s = ["%s"]
  }
}
"""


@pytest.mark.parametrize(
    ("ingress", "outcome"),
    [
        (("22", "22", "tcp", "cidr_blocks", "0.0.0.0/0"), Outcome.FAIL),
        (("22", "22", "tcp", "ipv6_cidr_blocks", "::/0"), Outcome.FAIL),
        (("0", "0", "-1", "cidr_blocks", "0.0.0.0/0"), Outcome.FAIL),
        (("80", "443", "tcp", "cidr_blocks", "0.0.0.0/0"), Outcome.FAIL),
        (("443", "443", "tcp", "cidr_blocks", "0.0.0.0/0"), Outcome.PASS),
        (("22", "22", "tcp", "cidr_blocks", "10.0.0.0/8"), Outcome.PASS),
        (("-1", "-1", "icmp", "cidr_blocks", "0.0.0.0/0"), Outcome.PASS),
        (("var.port", "var.port", "tcp", "cidr_blocks", "0.0.0.0/0"), Outcome.UNKNOWN),
    ],
)
def test_a_port_that_every_address_reaches_is_named(ingress, outcome):
    found = answers(infrastructure_open_to_world, GROUP % ingress, "main.tf")
    assert [finding.outcome for finding in found] == [outcome]


def test_an_open_store_weighs_more_than_an_open_shell():
    store, shell = (
        answers(infrastructure_open_to_world, GROUP % (p, p, "tcp", "cidr_blocks", "0.0.0.0/0"), "main.tf")[0]
        for p in ("5432", "22")
    )
    assert (store.severity, shell.severity) == (Severity.HIGH, Severity.MEDIUM)


def test_variables_alone_are_no_infrastructure():
    found = answers(
        infrastructure_open_to_world, 'variable "a" {\n  default = "0.0.0.0/0"\n}\n', "variables.tf"
    )
    assert [finding.outcome for finding in found] == [Outcome.NOT_APPLICABLE]


def test_a_switched_off_block_names_the_switches_and_weighs_less_than_an_open_bucket():
    text = 'resource "aws_s3_bucket_public_access_block" "a" {\n  block_public_acls = false\n  block_public_policy = true\n}\n'
    (found,) = answers(storage_open_to_world, text, "main.tf")
    assert "block_public_acls" in found.message
    assert "block_public_policy" not in found.message
    assert found.severity is Severity.MEDIUM


def test_an_open_bucket_of_an_example_weighs_little():
    text = 'resource "aws_s3_bucket" "a" {\n  acl = "public-read"\n}\n'
    (found,) = answers(storage_open_to_world, text, "examples/main.tf", role=FileRole.EXAMPLE)
    assert found.severity is Severity.LOW


@pytest.mark.parametrize(
    ("line", "outcome"),
    [
        ('os.getenv("DEBUG", "1")', Outcome.FAIL),
        ('os.getenv("DEBUG", default="1")', Outcome.FAIL),
        ('os.environ.get("ALLOW_ANONYMOUS", True)', Outcome.FAIL),
        ('os.environ.get("JWT_SECRET", "dev")', Outcome.FAIL),
        ('os.getenv("SSL_VERIFY", "no")', Outcome.FAIL),
        ('os.getenv("DEBUG", fallback())', Outcome.PASS),
        ('os.getenv("DEBUG", "")', Outcome.PASS),
        ('os.getenv("SSL_VERIFY", "/etc/ssl/ca.pem")', Outcome.PASS),
        ('os.getenv("OPENAI_API_KEY", "EMPTY")', Outcome.NOT_APPLICABLE),
        ("os.getenv(name, 'true')", Outcome.NOT_APPLICABLE),
    ],
)
def test_only_switches_without_doubt_are_judged_by_their_default(line, outcome):
    found = answers(unsafe_default_setting, f"import os\nvalue = {line}\n", "settings.py")
    assert [finding.outcome for finding in found] == [outcome]


def test_the_token_of_a_test_index_does_not_hide_the_real_one():
    text = (
        "on: {release: {types: [published]}}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: twine upload dist/*\n        env: {A: '${{ secrets.TEST_PYPI_TOKEN }}', B: '${{ secrets.PYPI_TOKEN }}'}\n"
    )
    (found,) = answers(publish_with_long_lived_token, text, ".github/workflows/release.yml")
    assert "secret PYPI_TOKEN" in found.message


@pytest.mark.parametrize(
    ("secret", "outcome"),
    [
        ("AZUREAPPSERVICE_PUBLISHPROFILE_DA91177C75E3", Outcome.FAIL),
        ("AZURE_WEBAPP_PUBLISH_PROFILE", Outcome.FAIL),
        ("AZUREAPPSERVICE_CLIENTID_DA91177C75E3", Outcome.PASS),
    ],
)
def test_profile_that_the_portal_of_azure_writes_is_a_stored_secret(secret, outcome):
    text = (
        "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: azure/webapps-deploy@v3\n"
        f"        with: {{app-name: a, publish-profile: '${{{{ secrets.{secret} }}}}'}}\n"
    )
    (found,) = answers(publish_with_long_lived_token, text, ".github/workflows/deploy.yml")
    assert found.outcome is outcome


def test_folder_without_any_part_of_an_ai_system_is_asked_for_no_incident_plan():
    (found,) = missing_incident_plan.check(project("def add(a, b):\n    return a + b\n", "sums.py"))
    assert found.outcome is Outcome.NOT_APPLICABLE


def test_evaluation_that_nobody_wrote_up_is_named_with_its_place():
    fact = project(
        "from openai import OpenAI\nOpenAI().responses.create(model='gpt-5', input='x')\n",
        "evals/evaluate.py",
    )
    seen = replace(fact, inventory=take_inventory(fact.files))
    (found,) = missing_security_evaluation.check(seen)
    assert found.outcome is Outcome.FAIL
    assert found.message == "evals/evaluate.py evaluates, and no document tells what came out"


@pytest.mark.parametrize(
    ("path", "severity", "confidence"),
    [
        ("/:apiKey/messages", Severity.MEDIUM, Confidence.LOW),
        ("/u/{token}", Severity.MEDIUM, Confidence.LOW),
        ("/messages", Severity.HIGH, Confidence.HIGH),
        ("/:tokenizer/run", Severity.HIGH, Confidence.HIGH),
    ],
)
def test_key_in_the_address_makes_a_route_weigh_less(path, severity, confidence):
    route = Route(framework="express", line=1, path=path, methods=("POST",), handler="f")
    assert route_without_authentication.weight(route) is severity
    assert route_without_authentication.sureness(route) is confidence
