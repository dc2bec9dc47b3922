"""Keys in a device: SoftHSM, through PKCS#11. What the device signs, the model-signing program accepts.

Runs where python-pkcs11 and SoftHSM are installed (Debian: softhsm2).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from keelmark.cli.main import run

pkcs11 = pytest.importorskip("pkcs11", reason="the package python-pkcs11 is not installed")

MODULES = [
    Path(folder) / "softhsm" / "libsofthsm2.so"
    for folder in ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/lib/x86_64-linux-gnu")
]
MODULE = next((each for each in MODULES if each.exists()), None)
pytestmark = pytest.mark.skipif(MODULE is None, reason="SoftHSM is not installed")

PEER = Path(sys.executable).with_name("model_signing")
PIN = "314159"
CURVES = {"p256": "secp256r1", "p384": "secp384r1", "p521": "secp521r1"}


@pytest.fixture(scope="module")
def device(tmp_path_factory):
    """A token with one key for each curve. The module reads its configuration once, when it is loaded."""
    folder = tmp_path_factory.mktemp("hsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
        tool = ["softhsm2-util", "--module", str(MODULE), "--init-token", "--free", "--label", "signing"]
        subprocess.run([*tool, "--pin", PIN, "--so-pin", PIN], check=True, capture_output=True, timeout=30)
        import pkcs11.util.ec

        token = pkcs11.lib(str(MODULE)).get_token(token_label="signing")
        with token.open(user_pin=PIN, rw=True) as session:
            for number, (label, curve) in enumerate(CURVES.items()):
                parameters = session.create_domain_parameters(
                    pkcs11.KeyType.EC,
                    {pkcs11.Attribute.EC_PARAMS: pkcs11.util.ec.encode_named_curve_parameters(curve)},
                    local=True,
                )
                parameters.generate_keypair(store=True, label=label, id=bytes([number]))
        yield f"pkcs11:token=signing;object={{}}?module-path={MODULE}"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model/w.bin").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KEELMARK_PKCS11_PIN", PIN)
    return tmp_path


@pytest.mark.parametrize("label", sorted(CURVES))
def test_what_a_device_signs_everybody_accepts(device, place, capsys, label) -> None:
    key = device.format(label)
    assert run(["key", "public", key]) == 0
    (place / "key.pub").write_text(capsys.readouterr().out)
    assert run(["sign", "model", "--key", key, "-o", "m.sig"]) == 0
    assert run(["verify", "model", "--signature", "m.sig", "--key", "key.pub"]) == 0
    done = subprocess.run(
        [PEER, "verify", "key", "model", "--signature", "m.sig", "--public_key", "key.pub"],
        check=False,
        timeout=60,
    )
    assert done.returncode == 0


def test_keys_are_found_by_their_identifier(device, capsys) -> None:
    assert run(["key", "public", device.format("p384").replace("object=p384", "id=%01")]) == 0
    by_id = capsys.readouterr().out
    assert run(["key", "public", device.format("p384")]) == 0
    assert capsys.readouterr().out == by_id


def test_what_a_device_refuses_is_told(device, capsys, monkeypatch) -> None:
    assert run(["sign", "model", "--key", device.format("absent")]) == 2
    assert "cannot be used" in capsys.readouterr().err
    assert run(["sign", "model", "--key", device.format("p256").replace("signing", "other")]) == 2
    monkeypatch.setenv("KEELMARK_PKCS11_PIN", "000000")
    assert run(["sign", "model", "--key", device.format("p256")]) == 2
    assert "refused the PIN" in capsys.readouterr().err


def test_module_that_is_none_is_told(capsys) -> None:
    assert run(["sign", "model", "--key", "pkcs11:object=x?module-path=/etc/hostname"]) == 2
    assert "cannot be used" in capsys.readouterr().err
