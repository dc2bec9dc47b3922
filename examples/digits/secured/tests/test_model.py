import pytest

from digits.app import create_app
from digits.model import ModelRefusedError, load_model, recorded_digest
from digits.settings import ROOT, Settings, SettingsError
from training.data import split

NAME = "models/digits-mlp.safetensors"


@pytest.fixture(scope="module")
def model():
    return load_model(ROOT / NAME, expected_sha256=recorded_digest(ROOT / "SHA256SUMS", NAME))


def test_the_card_states_the_parameters_of_the_file(model):
    card = (ROOT / "docs" / "model-card.md").read_text()
    assert model.parameters == 2_410
    assert "2,410" in card
    assert model.digest in card


def test_accuracy_is_what_the_report_says(model):
    _, pixels, _, labels = split()
    accuracy = (model.probabilities(pixels).argmax(axis=1) == labels).mean()
    assert accuracy == pytest.approx(0.9889, abs=0.0001)


def test_a_changed_model_is_refused(tmp_path):
    data = bytearray((ROOT / NAME).read_bytes())
    data[-1] ^= 1
    changed = tmp_path / "changed.safetensors"
    changed.write_bytes(bytes(data))
    with pytest.raises(ModelRefusedError, match="digest"):
        load_model(changed, expected_sha256=recorded_digest(ROOT / "SHA256SUMS", NAME))


def test_a_model_without_a_record_is_refused():
    with pytest.raises(ModelRefusedError, match="no digest"):
        recorded_digest(ROOT / "SHA256SUMS", "models/other.safetensors")


def test_the_service_does_not_start_without_keys():
    with pytest.raises(SettingsError):
        Settings.from_environment({})


def test_the_service_listens_on_loopback_by_default():
    digests = {"DIGITS_CLIENT_KEY_SHA256": "0" * 64, "DIGITS_OPERATOR_KEY_SHA256": "1" * 64}
    settings = Settings.from_environment(digests)
    assert settings.host == "127.0.0.1"
    assert create_app(settings).debug is False
