"""A record for machines with right digests settles more than a card in words."""

from __future__ import annotations

import hashlib
import json

import pytest
from tests.rules.harness import findings_of

from keelmark.core.outcome import Outcome

ROWS = b"text,label\nhello,1\nbye,0\n"
CARD = (
    "# Data card\n\n"
    + "Origin: written by hand by the support team for the training of this classifier. " * 3
)


def _settled(folder, digest: str) -> set[str]:
    (folder / "data").mkdir()
    (folder / "data" / "train.csv").write_bytes(ROWS)
    (folder / "data" / "data-card.md").write_text(CARD)
    record = {
        "@context": {"cr": "http://mlcommons.org/croissant/"},
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "train",
        "distribution": [{"@type": "cr:FileObject", "contentUrl": "train.csv", "sha256": digest}],
    }
    (folder / "data" / "croissant.json").write_text(json.dumps(record))
    (found,) = findings_of("dataset-without-record", folder)
    assert found.outcome is Outcome.PASS
    return set(found.settles)


def test_a_croissant_record_with_right_digests_settles_the_record_for_machines(tmp_path):
    assert _settled(tmp_path, hashlib.sha256(ROWS).hexdigest()) == {"DEV-3.d", "DEV-3.b", "G2.a"}


@pytest.mark.parametrize("digest", ["", "0" * 64])
def test_a_record_without_the_right_digest_settles_the_origin_only(tmp_path, digest):
    assert _settled(tmp_path, digest) == {"DEV-3.d"}
