"""Laws of model signatures: what was signed verifies; anything added, removed or changed does not."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.corpus.certificates import NOW, new_key, private_pem

from keelmark.core.clock import FixedClock
from keelmark.core.outcome import Outcome
from keelmark.trust import statement
from keelmark.trust.keys import load_private
from keelmark.trust.model_manifest import Manifest, Resource, Serialization, manifest_of, statement_of
from keelmark.workflows.sign import SignRequest, sign_model
from keelmark.workflows.verify_model import Trust, VerifyRequest, verify_model

KEY = load_private(private_pem(new_key()))
CLOCK = FixedClock(NOW)
NAMES = st.text(
    st.characters(codec="utf-8", exclude_characters="/\0", exclude_categories=("Cs",)),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in {".", ".."})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.dictionaries(PATHS, st.binary(max_size=20), min_size=1, max_size=5).filter(
    lambda tree: not any(other.startswith(f"{path}/") for path in tree for other in tree)
)


def write(root: Path, tree: dict[str, bytes]) -> None:
    for name, content in tree.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@settings(max_examples=60, deadline=None)
@given(TREES, st.data())
def test_what_was_signed_verifies_and_nothing_else(tree, data) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, place = Path(folder, "model"), Path(folder, "model.sig")
        write(root, tree)
        request = VerifyRequest(path=root, signature=place)
        trust = Trust(keys=(KEY.public,))
        sign_model(SignRequest(path=root, output=place), signers=[KEY], clock=CLOCK)
        assert verify_model(request, trust, clock=CLOCK).outcome is Outcome.PASS
        name = data.draw(st.sampled_from(sorted(tree)))
        if data.draw(st.booleans()):
            (root / name).unlink()
        else:
            (root / name).write_bytes(tree[name] + b"x")
        found = verify_model(request, trust, clock=CLOCK)
        assert found.outcome is Outcome.FAIL
        assert [each.path for each in found.differences] == [name]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(PATHS, st.binary(min_size=32, max_size=32), max_size=8), st.booleans())
def test_manifests_come_back_as_they_were(digests, links) -> None:
    resources = tuple(
        Resource(path=path, digest=digests[path].hex())
        for path in sorted(digests, key=lambda path: path.split("/"))
    )
    manifest = Manifest(name="m", resources=resources, serialization=Serialization(allow_symlinks=links))
    data = statement.encode(statement_of(manifest))
    assert manifest_of(statement.parse(data)) == manifest
    assert statement.encode(statement_of(manifest_of(statement.parse(data)))) == data
