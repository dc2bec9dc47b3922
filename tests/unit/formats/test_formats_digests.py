from __future__ import annotations

import base64
import json

import pytest

from keelmark.core.facts import DocumentKind
from keelmark.errors import ParseError
from keelmark.formats import bom, checksums, croissant, signatures
from keelmark.formats.source import Source

HEX = "a1" * 32


def read(reader, data: str | bytes, path: str):
    source = Source.of_bytes(data if isinstance(data, bytes) else data.encode(), path=path)
    return reader.read(source) if reader.recognises(source) else None


def test_checksums_in_three_forms():
    text = f"{HEX}  a.bin\n{HEX} *sub/b.bin\nSHA256 (c.bin) = {HEX.upper()}\n"
    (reading,) = read(checksums.READER, text, "models/SHA256SUMS")
    assert reading.digests == (
        ("models/a.bin", f"sha256:{HEX}"), ("models/sub/b.bin", f"sha256:{HEX}"), ("models/c.bin", f"sha256:{HEX}"),
    )  # fmt: skip


def test_checksum_alone_speaks_of_its_neighbour():
    (reading,) = read(checksums.READER, HEX + "\n", "m/model.onnx.sha256")
    assert reading.digests == (("m/model.onnx", f"sha256:{HEX}"),)


def test_checksum_that_leaves_the_folder_or_is_none_is_a_gap():
    (reading,) = read(checksums.READER, f"{HEX}  ../../etc/passwd\nnonsense\n", "SHA256SUMS")
    assert reading.digests == ()
    assert reading.gaps[0].line == 1


def bundle(statement: object) -> str:
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps(
        {
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "dsseEnvelope": {
                "payload": payload,
                "payloadType": "application/vnd.in-toto+json",
                "signatures": [],
            },
        }
    )


MODEL = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "model", "digest": {"sha256": HEX}}],
    "predicateType": "https://model_signing/signature/v1.0",
    "predicate": {"resources": [{"name": "w.safetensors", "algorithm": "sha256", "digest": HEX}]},
}


def test_model_signature_lists_what_it_covers():
    (reading,) = read(signatures.READER, bundle(MODEL), "m/model.sig")
    assert reading.format == "model-signature"
    assert reading.digests == (("m/w.safetensors", f"sha256:{HEX}"),)


def test_other_statement_gives_its_subjects():
    statement = {
        "subject": [{"name": "x.whl", "digest": {"sha256": HEX}}],
        "predicateType": "https://slsa.dev/provenance/v1",
    }
    (reading,) = read(signatures.READER, bundle(statement), "dist/x.whl.sigstore.json")
    assert reading.format == "signature"
    assert reading.digests == (("dist/x.whl", f"sha256:{HEX}"),)


def test_detached_signatures_are_recognised():
    pgp = "-----BEGIN PGP SIGNATURE-----\n"
    assert read(signatures.READER, pgp, "a.tar.asc")[0].format == "signature"
    assert read(signatures.READER, b"\x00\x01", "a.sig")[0].format == "signature"
    assert read(signatures.READER, "-----BEGIN PGP PUBLIC KEY BLOCK-----", "key.asc") is None
    assert read(signatures.READER, '{"a": 1}', "a.sig") is None


@pytest.mark.parametrize(
    "payload", ["%%%", base64.b64encode(b"\xff").decode(), base64.b64encode(b"[]").decode()]
)
def test_damaged_envelope_is_a_fault(payload):
    data = json.dumps({"dsseEnvelope": {"payload": payload}})
    with pytest.raises(ParseError):
        read(signatures.READER, data, "model.sig")


def test_croissant_gives_licence_and_digests():
    data = {
        "@context": {"cr": "http://mlcommons.org/croissant/"},
        "@type": "sc:Dataset",
        "name": "d",
        "license": "https://creativecommons.org/licenses/by-sa/4.0/",
        "datePublished": "2026-01-02T00:00:00",
        "distribution": [
            {"@type": "cr:FileObject", "contentUrl": "data/a.csv", "sha256": HEX},
            {"@type": "cr:FileObject", "contentUrl": "https://x.example.org/b.csv", "sha256": HEX},
        ],
    }
    (reading,) = read(croissant.READER, json.dumps(data), "ds/croissant.json")
    assert reading.document.kind is DocumentKind.DATA_CARD
    assert reading.document.licence == "CC-BY-SA-4.0"
    assert reading.document.dates == (("datePublished", "2026-01-02"),)
    assert reading.digests == (
        ("ds/data/a.csv", f"sha256:{HEX}"),
        ("https://x.example.org/b.csv", f"sha256:{HEX}"),
    )


def test_cyclonedx_is_summed_up():
    data = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"timestamp": "2026-01-02T03:04:05Z", "component": {"name": "app"}},
        "components": [
            {"type": "library", "name": "x", "purl": "pkg:pypi/x@1", "version": "1"},
            {"type": "file", "name": "w.bin", "hashes": [{"alg": "SHA-256", "content": HEX}]},
        ],
    }
    (reading,) = read(bom.READER, json.dumps(data), "bom.json")
    assert reading.document.kind is DocumentKind.BOM
    assert reading.components == (("library", "pkg:pypi/x@1", "1"), ("file", "w.bin", ""))
    assert reading.digests == (("w.bin", f"sha256:{HEX}"),)
    assert ("components", "2") in reading.document.metadata


def test_spdx_is_summed_up_and_xml_is_a_gap():
    (reading,) = read(
        bom.READER, json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{"name": "a"}]}), "x.spdx.json"
    )
    assert reading.components == (("package", "a", ""),)
    (xml,) = read(bom.READER, '<bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>', "bom.xml")
    assert not xml.gaps[0].matters
    assert read(bom.READER, '{"a": 1}', "a.json") is None
