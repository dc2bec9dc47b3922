r"""JSON may spell half a character (`\ud800`), which no encoder accepts: no reader crashes on it."""

from __future__ import annotations

import pytest

from keelmark.core.facts import GapReason
from keelmark.engine.collect import read_source
from keelmark.engine.readers import all_readers
from keelmark.formats.source import Source

HALF = "\\ud800"
TEXTS = {
    "a.ipynb": '{"cells":[{"cell_type":"code","source":["x=\\"HALF\\"\\n"],"outputs":[],"metadata":{}}],"nbformat":4,"nbformat_minor":5,"metadata":{}}',
    "package.json": '{"name":"HALF","dependencies":{"HALF":"^1"}}',
    "package-lock.json": '{"name":"HALF","lockfileVersion":3,"packages":{"":{"dependencies":{"HALF":"1"}},"node_modules/HALF":{"version":"HALF"}}}',
    "Pipfile.lock": '{"_meta":{"hash":{"sha256":"HALF"}},"default":{"HALF":{"version":"==1"}}}',
    "records.json": '[{"a":"HALF"},{"a":"b"},{"a":"c"}]',
    ".mcp.json": '{"mcpServers":{"HALF":{"command":"HALF"}}}',
    "tools.json": '[{"name":"HALF","description":"HALF","parameters":{"type":"object","properties":{}}}]',
}


@pytest.mark.parametrize("path", sorted(TEXTS))
def test_half_a_character_crashes_no_reader(path: str) -> None:
    content = TEXTS[path].replace("HALF", HALF).encode()
    facts = read_source(Source.of_bytes(content, path=path), all_readers())
    assert not [gap for gap in facts.gaps if gap.reason is GapReason.CRASHED]
